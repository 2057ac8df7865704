/* Indicators: what a sweep of measures over the points of a condition is worth, as numbers. The compiler reads the table of them
 * (indicators.def), the runtime evaluates them. Nothing here keeps a state. */
#ifndef HN_INDICATORS_INDICATORS_H
#define HN_INDICATORS_INDICATORS_H

#include <stdbool.h>
#include <stddef.h>

#include "pareto/pareto.h"
#include "runtime/abi/types.h"

enum {
    SWEEP_MOST_OUTPUTS = PARETO_MOST_OBJECTIVES,
    SWEEP_MOST_POINTS = PARETO_MOST_RAYS,
    SWEEP_MOST_INDEX_POINTS = 4096, /* tasks or members, of which no indicator sees more than the results of one metric */
    INDICATOR_MOST_ROWS = PARETO_MOST_TRUE_POINTS,
    INDICATOR_NOTE = 640,
};

/* What was measured at the points of a condition. Of a front: several outputs at the first `count` points; less is better; all
 * values are finite. Of rounds: one metric. */
typedef struct Swept {
    unsigned count, width, outputs;
    const double *points;  /* [count][width] */
    const double *values;  /* [count][outputs] */
    const char **names;    /* of the outputs */
    const double *numbers; /* the indicator's argument, [rows][outputs]; of a POINT one row */
    unsigned rows;
    /* of rounds, in each of which one more of `count` points is learned; NaN where a result was not measured, or is none */
    unsigned learned;     /* how many points; the last one may be about to be learned */
    const double *matrix; /* [learned][count]: in row r the latest results of round r */
    const double *first;  /* [count]: before the first round */
    unsigned stride;      /* from one number of these two to the next */
    bool larger;          /* more is better */
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

/* By how much the second of two results of rounds is better than the first. */
double gain(const Swept *swept, double from, double to);
/* The result of a round at a point; of the latest round; of the round that learned the point. */
double result_at(const Swept *swept, unsigned round, unsigned point);
double result_now(const Swept *swept, unsigned point);
double result_learned(const Swept *swept, unsigned point);

/* The least value of all, and which output has it. Infinity if there is no point. */
double least_value(const Swept *swept, unsigned *output);

#define INDICATOR(KIND, name, ...) extern const Indicator indicator_##name;
#include "indicators/indicators.def"
#undef INDICATOR

#endif
