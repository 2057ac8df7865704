/* What a net keeps from one step to the next, as the session collects it: running.c, carried.c. */
#ifndef HNC_FRONTEND_KEPT_H
#define HNC_FRONTEND_KEPT_H

#include "ir/ir.h"
#include "support/diagnostics.h"

/* What a running statistic becomes behind the step, as the net says in training. */
typedef struct Update {
    const char *weight;
    Value value;
    Span span;
} Update;

/* What a net carries from one window of a stream to the next. */
typedef struct Carried {
    const char *name; /* "lm.h" */
    Type type;        /* of one example */
    Value before;     /* what the window before left; 0 in a stream's first one. NO_VALUE: nothing reads it */
    Value behind;     /* what this one leaves; NO_VALUE: it stays as it was */
    Span span;
} Carried;

#endif
