#include <math.h>

#include "indicators/indicators.h"

double least_value(const Swept *swept, unsigned *output)
{
    double least = INFINITY;
    for (unsigned i = 0; i < swept->count * swept->outputs; i++)
        if (swept->values[i] < least) {
            least = swept->values[i];
            *output = i % swept->outputs;
        }
    return least;
}
