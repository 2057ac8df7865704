/* From the text of a .hn file to a model whose functions are per-example IR. The language: docs/language.md. */
#ifndef HNC_FRONTEND_FRONTEND_H
#define HNC_FRONTEND_FRONTEND_H

#include "ir/model.h"
#include "support/arena.h"
#include "support/diagnostics.h"

/* A constant given from outside: `hnc build -D width=1200`. */
typedef struct Define {
    const char *name, *value;
} Define;

/* Warnings: frontend/lower/warnings.def. */
typedef enum {
#define WARNING(number, KIND, name, summary) WARNING_##KIND,
#include "frontend/lower/warnings.def"
#undef WARNING
    WARNING_COUNT
} WarningKind;
typedef struct WarningInfo {
    unsigned number;
    const char *name, *summary;
} WarningInfo;
extern const WarningInfo warning_table[WARNING_COUNT];

/* How many examples the files of a data set hold, and how many of them each split takes. */
typedef struct DataCounts {
    int64_t *members; /* per member with rows of its own, which a data set that is no family has one of: its rows, of all files */
    int64_t *splits;  /* per member and split of the data set */
    int64_t *firsts;  /* as many: the first row of the split in the tables of the runtime (dataset.h) */
    int64_t *labels;  /* per field: the number of classes that it holds, where this is asked for: Field.classes is ANY_CLASSES, or
                         the  files are folders */
    const char ***names; /* per field that has labels: what the files call the classes, in `arena`; NULL: their numbers */
    Arena *arena;
} DataCounts;
enum { ANY_CLASSES = -1 };

/* Counts, with the files in `folder`. Members, splits, firsts, labels, names and the arena are the caller's arrays; `fields` are those of
 * the data set. False: the files cannot be read or have too few rows; `reason` says why. */
typedef bool CountData(const Dataset *data, const Field *fields, uint32_t field_count, const char *folder, DataCounts *counts,
                       char *reason, size_t size);

typedef struct FrontendOptions {
    DType real;        /* DTYPE_F32 or DTYPE_F64: what `f32` in the file means */
    int64_t batch;     /* instead of the file's; 0: the file's */
    bool trial;        /* nothing is trained: the batch need not be that of a text's streams */
    const char *train; /* the train declaration to keep; NULL: the first */
    bool every_export; /* exports are checked with every train, not only with the one to keep */
    const Define *defines;
    uint32_t ndefines;
    const char *data;  /* folder of the files that data sets of CSV files name; NULL: such data sets are errors */
    const char *home;  /* folder of the model file, where the true front is looked for first; NULL: `data` */
    uint32_t silenced; /* bit set of WarningKind */
    bool warnings_are_errors;
    CountData *count; /* asked where a model takes a size from its data; NULL: such sizes are errors */
} FrontendOptions;

/* Checks the whole file and lowers it. The model holds the selected train only (phases and metrics), and every data set, hyper
 * and export. Functions are per example:
 *   TRAIN.minimise.objective, TRAIN.lower.objective, TRAIN.upper.objective    output "loss", a mean across the batch; then
 *                                                                             "running/NAME" of each statistic that it updates
 *   TRAIN.evalI.objective                                                     output "value"
 *   TARGET.generator, for `weights TARGET = dense(...)`                       output "weights"
 *   export.NAME                                                               output NAME; its inputs are the arguments
 * States it creates, where a function draws random numbers: "seed" (i32[2]) and the step counters "step/lower" and "step/upper"
 * (i32[]). Every error of the file is reported to `diags`; then the result is NULL. Free the model with model_free. */
Model *frontend_compile(const Source *source, const FrontendOptions *options, Diagnostics *diags);

/* The syntax tree as canonical source text (--emit=ast). Returns whether there were no syntax errors. */
bool frontend_print_ast(const Source *source, Diagnostics *diags, Text *out);

#endif
