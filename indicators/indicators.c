#include "indicators/indicators.h"

const Indicator *indicator_of(IndicatorKind kind)
{
    static const Indicator *const indicators[INDICATOR_COUNT] = {
#define INDICATOR(KIND, name, ...) &indicator_##name,
#include "indicators/indicators.def"
#undef INDICATOR
    };
    return indicators[kind];
}
