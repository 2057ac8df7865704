#include "indicators/indicators.h"

#include <math.h>

const Indicator *indicator_of(IndicatorKind kind)
{
    static const Indicator *const indicators[INDICATOR_COUNT] = {
#define INDICATOR(KIND, name, argument) &indicator_##name,
#include "indicators/indicators.def"
#undef INDICATOR
    };
    return indicators[kind];
}

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
