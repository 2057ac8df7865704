/* An export at work: what its conditions generate is made once, examples are computed in batches. */
#ifndef HN_RUNTIME_EXPORTED_H
#define HN_RUNTIME_EXPORTED_H

#include "runtime/core/program.h"

typedef struct Exported {
    const ExportInfo *info;
    Call generate, compute; /* generate: zeroed where nothing is generated */
    int64_t rows;           /* examples per call, at least 1 */
} Exported;

/* Allocates what calls need. False (reported) on failure. Zeroed before; exported_close in any case. */
bool exported_open(Exported *exported, const Program *program, const ExportInfo *info);
void exported_close(Exported *exported);
/* The memory of a condition among the arguments, of the type that the manifest says; NULL: the export does not take it. */
void *exported_condition(const Exported *exported, size_t condition);
/* Makes all that depends on the conditions alone, once they are set; the model's states must have their values. */
void exported_generate(Exported *exported);
/* The memory of argument number `argument`, no condition, for example number `row` of a batch. */
void *exported_argument(const Exported *exported, size_t argument, int64_t row);
/* Computes the batch. `first`: the number of its first example among all, for exports that draw random numbers. */
void exported_compute(Exported *exported, int64_t first);
/* Element `index` of the result for example number `row` of the batch. */
double exported_result(const Exported *exported, int64_t row, int64_t index);
/* The type of the result for one example. */
TensorInfo exported_type(const Exported *exported);

#endif
