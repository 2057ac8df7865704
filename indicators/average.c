/* The mean over the points learned so far. */
#include <math.h>

#include "indicators/indicators.h"

static double value(const Swept *swept)
{
    double sum = 0;
    for (unsigned i = 0; i < swept->learned; i++)
        sum += result_now(swept, i);
    return swept->learned ? sum / swept->learned : NAN;
}

const Indicator indicator_average = {value, NULL, NULL};
