/* Data sets of CSV files: their cells are read and checked when a run begins, and become rows of numbers once the encoders, which
 * are states of the model, are fitted or restored. */
#ifndef HN_RUNTIME_CSV_H
#define HN_RUNTIME_CSV_H

#include "runtime/manifest.h"
#include "runtime/program.h"
#include "tabular/encode.h"

typedef struct CsvRows {
    Table table;
    Decoded decoded;
    int64_t main_rows, test_rows; /* rows of missing values that are dropped do not count */
} CsvRows;

/* Reads the files of the data set from the folder and checks them against its schema. Problems are reported; rows that are
 * dropped are noted. csv_close in any case. */
bool csv_open(CsvRows *rows, const DatasetInfo *dataset, const char *folder);
void csv_close(CsvRows *rows);
/* Fits the data set's encoders on the rows order[0 .. count) into the program's states. */
bool csv_fit(const CsvRows *rows, const DatasetInfo *dataset, const Program *program, const int32_t *order, int64_t count);
/* Fills the tables of the data set's fields (indexed as the manifest's fields) with all rows, row order[i] of the files as row i,
 * encoded as the program's states say. */
bool csv_encode(const CsvRows *rows, const DatasetInfo *dataset, const Program *program, const int32_t *order,
                void *const *tables);

#endif
