/* Metrics on whole splits. */
#ifndef HN_RUNTIME_EVALUATION_H
#define HN_RUNTIME_EVALUATION_H

#include "runtime/run/reading.h"

typedef struct Evaluation {
    const MetricInfo *metric;
    Call *accumulate; /* one per pass over the rows */
    size_t passes;
    Call finish;
    Reading reading;
    const struct Evaluation *with; /* an earlier metric, which is computed together with this one; NULL: this one has calls of its own */
} Evaluation;

/* One per metric of the train, in its order; for evaluations_close. NULL (reported) on failure. */
Evaluation *evaluations_open(const Program *program, const Data *data);
void evaluations_close(Evaluation *evaluations, size_t count);
/* The metric over all rows of its split: zeroes the scratch states, accumulates batch by batch in each pass, the last one filled
 * up with a repeated row and masked, and finishes. A metric that is computed together with an earlier one only reads its result:
 * run the metrics of a train in their order. Allocates nothing. */
double evaluation_run(Evaluation *evaluation, const Program *program);
/* The same for a metric of several outputs: all of them, in values[]. */
void evaluation_run_all(Evaluation *evaluation, const Program *program, double *values);

#endif
