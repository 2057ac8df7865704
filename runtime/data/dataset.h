/* The data sets of a model in memory: one table per field, rows of the main files first, then those of the test files. Of a
 * shuffled data set the main rows lie permuted, so that every split is a range. */
#ifndef HN_RUNTIME_DATASET_H
#define HN_RUNTIME_DATASET_H

#include "runtime/core/manifest.h"
#include "runtime/data/format.h"

/* Consecutive rows of a data set's tables. */
typedef struct RowRange {
    int64_t first, count;
} RowRange;

typedef struct Data {
    const Manifest *manifest;
    void **tables;          /* one per field; owned */
    RowRange **splits;      /* [dataset][split]; of a family [dataset][member][split] (family.h). Owned */
    size_t bytes;           /* of all tables */
    int64_t *rows;          /* one per data set: of its tables. Owned */
    uint64_t *fingerprints; /* one per member of a data set with rows of its own, 0 before data_fingerprint. Owned */
    int32_t **orders;    /* one per data set: element i is the row of the files that is row i of the tables; NULL: row i. Owned */
    DataSource *sources; /* one per data set: open until data_encode where that fills the tables. Owned */
    struct Family **families; /* one per data set, NULL of one that is no family. Owned */
} Data;

/* Reads every data set of the model from the folder, permuting what is shuffled by the seed. Reports files that are missing,
 * damaged or do not fit the fields, files of one data set that disagree about their number of examples, and splits that ask for
 * more rows than there are. A folder of NULL: the names of files are paths. The tables of formats that encode are allocated, but
 * empty before data_encode (encode.h), and so are those of computed rows. */
bool data_load(Data *data, const Manifest *manifest, const char *folder, uint64_t seed);
/* Hashes all rows of each data set's tables, once they are filled, and those of each member for itself. Where the rows were read
 * from does not count. */
void data_fingerprint(Data *data);
void data_free(Data *data);

/* Opens a data set, and adds up its members' rows. data_source_close in any case; it frees the members, too. */
bool data_source_open(DataSource *source);
void data_source_close(DataSource *source);

/* The rows that the splits take in a data set of so many main and test rows: each kind in order from its first row. own_rows, one
 * per split: those of its own files (DataSource); NULL: no split has such. A fraction
 * takes that part of its files' rows, rounded to the nearest number; where splits are fractions only, the one that completes the
 * whole takes all that is left. False (reported) if they ask for too many or a split stays empty. */
bool split_rows(const DatasetInfo *dataset, MemberRows rows, const int64_t *own_rows, RowRange *ranges);
/* The same of an open data set, whose members each have their splits: [member][split]. */
bool split_members(const DataSource *source, RowRange *ranges);

#endif
