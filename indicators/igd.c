/* The inverted generational distance to a known front, in units of the losses. */
#include "indicators/indicators.h"

static double value(const Swept *swept)
{
    return inverted_generational_distance(swept->outputs, swept->count, swept->values, swept->rows, swept->numbers);
}

const Indicator indicator_igd = {value, NULL, NULL};
