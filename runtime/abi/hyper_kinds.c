#include "runtime/abi/hyper_kinds.h"

#include <math.h>

bool hyper_kind_is_bounded(HyperKind kind)
{
    return kind == HYPER_RANGE || kind == HYPER_LOG_RANGE || kind == HYPER_INTEGER;
}

int64_t hyper_kind_values(HyperKind kind, double low, double high)
{
    return kind == HYPER_INTEGER ? (int64_t)(high - low) + 1 : 0;
}

bool hyper_kind_holds(HyperKind kind, double low, double high, double natural)
{
    switch (kind) {
    case HYPER_RANGE:
    case HYPER_LOG_RANGE:
        return natural > low && natural < high;
    case HYPER_INTEGER:
        return natural >= low && natural <= high && natural == floor(natural);
    case HYPER_POSITIVE:
    case HYPER_LOG:
        return natural > 0 && isfinite(natural);
    case HYPER_REAL:
        break;
    }
    return isfinite(natural);
}

static double logit(double share)
{
    return log(share / (1 - share));
}

double hyper_kind_raw(HyperKind kind, double low, double high, double init, double natural)
{
    switch (kind) {
    case HYPER_RANGE:
        return logit((natural - low) / (high - low));
    case HYPER_INTEGER: /* the middle of the integer's interval */
        return logit((natural + 0.5 - low) / (high + 1 - low));
    case HYPER_POSITIVE:
        return natural > 30 ? natural : log(expm1(natural));
    case HYPER_LOG:
        return log(natural / init);
    case HYPER_LOG_RANGE:
        return logit(log(natural / low) / log(high / low));
    case HYPER_REAL:
        break;
    }
    return natural;
}
