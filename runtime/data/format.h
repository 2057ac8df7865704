/* A format of data sets: the functions that read the rows of such a data set. Every row of runtime/abi/formats.def has a `const
 * Format` here, in a file of its own.
 *
 * A data set is opened, which counts its rows, and read, which fills its tables; a format whose rows can be made only with what
 * the program has learned leaves the tables to `encode`. Every function reports what is wrong and then returns false. */
#ifndef HN_DATA_FORMAT_H
#define HN_DATA_FORMAT_H

#include "runtime/core/manifest.h"
#include "runtime/core/program.h"

/* How many rows a member of a data set has. */
typedef struct MemberRows {
    int64_t main, test;
} MemberRows;

/* An open data set. `tables` below are indexed as the manifest's fields. */
typedef struct DataSource {
    const struct Format *format;
    const DatasetInfo *dataset;
    const FieldInfo *fields;      /* all of the manifest */
    const char *folder;           /* of the files; NULL: their names are paths */
    uint64_t seed;                /* of the run */
    size_t member_count;          /* that have rows of their own; 1 of a data set that is no family */
    MemberRows *members;          /* member_count of them, set by open. Main rows of all members come first, then test rows */
    int64_t main_rows, test_rows; /* of all members: set behind open */
    int64_t *own_rows;            /* one per split: of its own files, set by open of a format whose splits have such; otherwise NULL. The format's */
    void *content;                /* the format's own: from open to close */
} DataSource;

struct ByteStream;
struct ArrayHeader;

typedef struct Format {
    /* Opens the files and checks what can be checked without reading all of them. close follows in any case. */
    bool (*open)(DataSource *source);
    /* Fills the tables with the rows of the main files, then the rows of the test files. NULL: there is nothing to read, or
     * encode does it. */
    bool (*read)(DataSource *source, void *const *tables);
    /* fit: fits the states of role encoder to the rows order[0 .. count). encode: fills the tables with all rows as these states
     * say; row order[i] of the files becomes row i. NULL: the format has no such states. */
    bool (*fit)(const DataSource *source, const Program *program, const int32_t *order, int64_t count);
    bool (*encode)(const DataSource *source, const Program *program, const int32_t *order, void *const *tables);
    /* Fills, before that, the tables of fields that are classes, for which nothing is fitted. NULL: `read` has filled them. */
    bool (*classes)(const DataSource *source, const int32_t *order, void *const *tables);
    /* Of an open data set: one more than the largest label of a class in the files, and in *names what they call the classes, for
     * as long as the data set is open; NULL: their numbers. -1: something is wrong. NULL: no files hold labels, or a schema says
     * what they are. */
    int64_t (*count_classes)(DataSource *source, size_t field, const char *const **names);
    /* Where row number `row` of the files stands: the line. NULL: a row has no other place than its number. */
    int64_t (*line)(const DataSource *source, int64_t row);
    /* Frees the content. NULL: there is none. */
    void (*close)(DataSource *source);

    /* For a format whose functions are FORMAT_OF_ARRAYS (arrays.h): reads the whole header of an array. */
    bool (*read_header)(struct ByteStream *stream, struct ArrayHeader *header);
    /* ".npz", ".npy": ARCHIVE.npz/NAME is the member NAME.npy of a zip archive. NULL: the format has no archives. */
    const char *archive, *member;
} Format;

/* By FormatKind. */
extern const Format *const formats[FORMAT_COUNT];

#endif
