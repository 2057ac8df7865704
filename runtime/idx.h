/* The IDX format of MNIST and its kin: 0, 0, element type, rank, one big-endian 32-bit extent for each axis, then the elements, big-endian.
 * Elements of all six types are read, into fields of any type that can hold what the file holds: u8, i32 and classes take whole numbers in
 * their range, reals take all that is finite. */
#ifndef HN_RUNTIME_IDX_H
#define HN_RUNTIME_IDX_H

#include <stdint.h>
#include <zlib.h>

#include "runtime/manifest.h"

typedef struct IdxFile {
    char *path; /* owned */
    gzFile stream;
    const struct IdxType *type; /* of its elements */
    int64_t count; /* examples */
} IdxFile;

/* Opens FOLDER/name, plain or gzip whatever it is called; if it does not exist, the name with .gz added or removed. Checks the
 * header against the field, and that the file is long enough to hold what the header promises. Problems are reported. */
bool idx_open(IdxFile *file, const char *folder, const char *name, const FieldInfo *field);
/* Reads all examples into `rows`, row-major. Checks for a truncated or damaged file, for bytes after the end, and that the field can hold
 * every element. Problems are reported. */
bool idx_read(IdxFile *file, const FieldInfo *field, void *rows);
void idx_close(IdxFile *file);

#endif
