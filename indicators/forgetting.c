/* How much worse earlier points are than at their best since they were learned, on average: an amount that is positive where
 * results got worse (Chaudhry et al., "Riemannian walk for incremental learning", ECCV 2018, equation 3). */
#include <math.h>

#include "indicators/indicators.h"

static double value(const Swept *swept)
{
    unsigned last = swept->learned ? swept->learned - 1 : 0;
    double sum = 0;
    for (unsigned i = 0; i < last; i++) {
        double best = result_learned(swept, i);
        for (unsigned round = i + 1; round < last; round++) {
            double later = result_at(swept, round, i);
            if (gain(swept, best, later) > 0)
                best = later;
        }
        sum -= gain(swept, best, result_now(swept, i));
    }
    return last ? sum / last : NAN;
}

const Indicator indicator_forgetting = {value, NULL, NULL};
