/* The data sets of a model in memory: one table a field, rows of the main files first, then those of the test files. */
#ifndef HN_RUNTIME_DATASET_H
#define HN_RUNTIME_DATASET_H

#include "runtime/manifest.h"

/* Consecutive rows of a data set's tables. */
typedef struct RowRange {
    int64_t first, count;
} RowRange;

typedef struct Data {
    const Manifest *manifest;
    void **tables;     /* one a field; owned */
    RowRange **splits; /* [dataset][split]; owned */
    size_t bytes;      /* of all tables */
} Data;

/* Reads every data set of the model from the folder. Reports files that are missing, damaged or do not fit the fields, files of
 * one data set that disagree about their number of examples, and splits that ask for more rows than there are. */
bool data_load(Data *data, const Manifest *manifest, const char *folder);
void data_free(Data *data);

/* The rows that the splits take in a data set of `main_rows` and `test_rows`: each kind in order from its first row. A fraction
 * takes that part of its files' rows, rounded down. False (reported) if they ask for too many or a split stays empty. */
bool split_rows(const DatasetInfo *dataset, int64_t main_rows, int64_t test_rows, RowRange *ranges);

#endif
