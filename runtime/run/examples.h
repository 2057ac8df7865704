/* The examples of files that a user names, as the arguments of an export. */
#ifndef HN_RUNTIME_EXAMPLES_H
#define HN_RUNTIME_EXAMPLES_H

#include "runtime/data/family.h"
#include "runtime/run/exported.h"

/* A data set of the model's, cut down to the fields that are needed. Must not move. */
typedef struct Examples {
    Manifest manifest; /* the model's, with this data set alone; owns nothing */
    DatasetInfo dataset;
    SplitInfo split;
    Schema schema;
    Data data;
    int64_t count;
    uint32_t *lines; /* of a table: where each row stands in its file; owned */
    Data whole;      /* of the model, for `family`: no tables */
    Family family;   /* whose member the examples are, where a member's fields are made from the files'; rules NULL: none */
    int64_t member;
} Examples;

/* Whether an argument of the export comes from rows: it is no condition. */
bool examples_needed(const ExportInfo *export);
/* The data set whose fields are the export's arguments: one that is trained on, if several have such fields. NULL (reported) if
 * there is none. */
const DatasetInfo *examples_dataset(const Manifest *manifest, const ExportInfo *export);
/* Reads the files as examples of the data set. Needs the program's weights, from the file `weights`: they hold what tables are
 * encoded with; and the conditions of the export: where a family makes the examples of each task for itself, as permute() does,
 * those of files become examples of the task. Problems are reported. Zeroed before; for examples_free in any case. */
bool examples_load(Examples *examples, const Program *program, const DatasetInfo *dataset, const Exported *exported,
                   const char *weights, const char *const *files, size_t file_count);
void examples_free(Examples *examples);
/* Makes row number `row` (from 0) the arguments of the example at `place` of a batch. */
void examples_give(const Examples *examples, const Exported *exported, int64_t row, int64_t place);
/* Where a row stands: the line of a table, the number (from 1) of an example of other files. */
int64_t examples_place(const Examples *examples, int64_t row);

#endif
