/* Indicators: what a sweep of measures over the points of a condition is worth, as numbers. The compiler reads the table of them
 * (indicators.def), the runtime evaluates them. Nothing here keeps a state. */
#ifndef HN_INDICATORS_INDICATORS_H
#define HN_INDICATORS_INDICATORS_H

#include <stddef.h>

#include "pareto/pareto.h"
#include "runtime/abi/types.h"

enum {
    SWEEP_MOST_OUTPUTS = PARETO_MOST_OBJECTIVES,
    SWEEP_MOST_POINTS = PARETO_MOST_RAYS,
    INDICATOR_MOST_ROWS = PARETO_MOST_TRUE_POINTS,
    INDICATOR_NOTE = 640,
};

/* What was measured at the first `count` points of a condition; less is better. All values are finite. */
typedef struct Swept {
    unsigned count, width, outputs;
    const double *points;  /* [count][width] */
    const double *values;  /* [count][outputs] */
    const char **names;    /* of the outputs */
    const double *numbers; /* the indicator's argument, [rows][outputs]; of a POINT one row */
    unsigned rows;
} Swept;

typedef struct Indicator {
    /* NaN: it is not defined for these values. */
    double (*value)(const Swept *swept);
    /* What its value does not say, as a sentence for the user; "" if there is nothing to say. NULL: there never is. */
    void (*note)(const Swept *swept, double value, char text[static INDICATOR_NOTE]);
    /* For an argument that is a POINT: whether the value says nothing because of it; `numbers` is then a point that would do.
     * NULL: never. */
    bool (*suggest)(const Swept *swept, double value, double *numbers);
} Indicator;

const Indicator *indicator_of(IndicatorKind kind);

/* The least value of all, and which output has it. Infinity if there is no point. */
double least_value(const Swept *swept, unsigned *output);

#define INDICATOR(KIND, name, argument) extern const Indicator indicator_##name;
#include "indicators/indicators.def"
#undef INDICATOR

#endif
