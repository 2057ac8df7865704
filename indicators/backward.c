/* Backward transfer: by how much earlier points are better now than when they were learned, on average (Lopez-Paz & Ranzato,
 * "Gradient episodic memory for continual learning", NeurIPS 2017, equation 3). */
#include <math.h>

#include "indicators/indicators.h"

static double value(const Swept *swept)
{
    unsigned last = swept->learned ? swept->learned - 1 : 0;
    double sum = 0;
    for (unsigned i = 0; i < last; i++)
        sum += gain(swept, result_learned(swept, i), result_now(swept, i));
    return last ? sum / last : NAN;
}

const Indicator indicator_backward = {value, NULL, NULL};
