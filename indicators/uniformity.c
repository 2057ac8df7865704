/* How close the results lie to where their preferences want them: the mean of 1 - KL over the points. */
#include <math.h>
#include <stdio.h>

#include "indicators/indicators.h"

static double value(const Swept *swept)
{
    double sum = 0;
    unsigned output;
    if (swept->width != swept->outputs) /* a point is no preference over the outputs */
        return NAN;
    for (unsigned i = 0; i < swept->count; i++)
        sum += uniformity(swept->outputs, swept->values + i * swept->outputs, swept->points + i * swept->width);
    return least_value(swept, &output) < 0 ? NAN : sum / (double)swept->count;
}

static void note(const Swept *swept, double mean, char text[static INDICATOR_NOTE])
{
    unsigned output = 0;
    double least = least_value(swept, &output);
    (void)mean;
    if (least < 0)
        snprintf(text, INDICATOR_NOTE, "no uniformity: it is not defined for negative losses, and '%.400s' is %.6g",
                 swept->names[output], least);
}

const Indicator indicator_uniformity = {value, note, NULL};
