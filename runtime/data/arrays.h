/* Formats of files that hold one array each, and data sets of such files: one file per field, the first axis of its array counts
 * the rows, the others are the field's shape. What is special to such a format is how it reads the header (Format.read_header).
 */
#ifndef HN_DATA_ARRAYS_H
#define HN_DATA_ARRAYS_H

#include "runtime/data/bytes.h"
#include "runtime/data/elements.h"
#include "runtime/data/format.h"

enum { ARRAY_MOST_AXES = 255 };

typedef struct ArrayHeader {
    const ElementType *type;
    bool big_endian;
    bool first_axis_fastest; /* in the order of Fortran; otherwise the last axis is the fastest */
    unsigned rank;
    int64_t extents[ARRAY_MOST_AXES]; /* >= 0 */
    int64_t bytes;                    /* of the header */
} ArrayHeader;

/* The functions of a data set of such files, for a Format's initialiser. */
#define FORMAT_OF_ARRAYS .open = arrays_open, .read = arrays_read, .count_classes = arrays_classes
bool arrays_open(DataSource *source);
bool arrays_read(DataSource *source, void *const *tables);
int64_t arrays_classes(DataSource *source, size_t field, const char *const **names);

/* One of the files. */
typedef struct ArrayFile {
    ByteStream stream;
    const FieldInfo *field;
    ArrayHeader header;
    int64_t rows;
} ArrayFile;

/* Opens FOLDER/name; if it does not exist, the name with .gz added or removed. Checks the header against the field, and that the
 * file is long enough to hold what the header promises. Problems are reported. array_close in any case. */
bool array_open(ArrayFile *file, const Format *format, const char *folder, const char *name, const FieldInfo *field);
/* The same for an open stream, which the file owns from now on. */
bool array_begin(ArrayFile *file, const Format *format, ByteStream stream, const FieldInfo *field);
/* Reads all examples into `rows`, row-major. Checks for a truncated or damaged file, for bytes after the end, and that the field
 * can hold every element. Problems are reported. */
bool array_read(ArrayFile *file, void *rows);
void array_close(ArrayFile *file);

#endif
