/* What depends on hyperparameters alone, at their first values and where tuning can take them. */
#ifndef HNC_FRONTEND_AT_HYPERS_H
#define HNC_FRONTEND_AT_HYPERS_H

#include "frontend/lower/lower.h"

/* Checks a rate that is computed from hyperparameters: false (reported) where their first values give no valid rate; warns where
 * tuning can make it leave [0, 1]. */
bool check_rate(Session *s, Val value, Span span, const char *what);
/* Whether a condition holds that depends on hyperparameters alone: at their first values, and at the bounds of those that have
 * some. */
typedef enum { TRUTH_UNKNOWN, TRUTH_HOLDS, TRUTH_FAILS_FIRST, TRUTH_FAILS_IN_REACH } Truth;
Truth truth_at_hypers(Session *s, Val condition);

#endif
