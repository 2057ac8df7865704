/* The hypervolume that the points dominate up to a reference. */
#include <math.h>
#include <stdio.h>

#include "indicators/indicators.h"

static double value(const Swept *swept)
{
    return hypervolume(swept->outputs, swept->count, swept->values, swept->numbers);
}

/* A reference somewhat beyond every point. */
static bool suggest(const Swept *swept, double volume, double *reference)
{
    double low[SWEEP_MOST_OUTPUTS];
    if (!swept->count || volume != 0)
        return false;
    objective_ranges(swept->outputs, swept->count, swept->values, low, reference);
    for (unsigned i = 0; i < swept->outputs; i++)
        reference[i] += 0.1 * fabs(reference[i]);
    return true;
}

static void note(const Swept *swept, double volume, char text[static INDICATOR_NOTE])
{
    double reference[SWEEP_MOST_OUTPUTS];
    char list[384] = "";
    if (!suggest(swept, volume, reference))
        return;
    for (size_t i = 0, at = 0; i < swept->outputs && at < sizeof list - 32; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.3g", i ? ", " : "", reference[i]);
    snprintf(text, INDICATOR_NOTE,
             "hypervolume 0: every point of the front lies beyond the reference in some objective; the reference [%s] would hold "
             "all points",
             list);
}

const Indicator indicator_hypervolume = {value, note, suggest};
