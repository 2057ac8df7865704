/* Forward transfer: by how much a point that is not learned yet is better, right before it is learned, than before all learning,
 * on average over all points but the first (Lopez-Paz & Ranzato, "Gradient episodic memory for continual learning", NeurIPS 2017,
 * equation 4). */
#include <math.h>

#include "indicators/indicators.h"

static double value(const Swept *swept)
{
    double sum = 0;
    for (unsigned i = 1; i < swept->learned; i++)
        sum += gain(swept, swept->first[(size_t)i * swept->stride], result_at(swept, i - 1, i));
    return swept->learned > 1 ? sum / (swept->learned - 1) : NAN;
}

const Indicator indicator_forward = {value, NULL, NULL};
