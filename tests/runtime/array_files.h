/* NPY files and NPZ archives, made byte by byte for tests. */
#ifndef HN_TESTS_ARRAY_FILES_H
#define HN_TESTS_ARRAY_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that grow; free(bytes). */
typedef struct Blob {
    unsigned char *bytes;
    size_t size;
} Blob;
void blob_add(Blob *blob, const void *bytes, size_t size);

/* An NPY file of version `major`.0 with this dictionary as its header and these bytes as its elements. */
Blob npy_blob(int major, const char *dictionary, const void *elements, size_t size);
void write_blob(const char *path, Blob blob); /* and frees it */

typedef struct Member {
    const char *name; /* as in the archive: "images.npy" */
    Blob content;
} Member;
/* A zip archive; `zip64`: every number that can stand in the records for large archives stands there. */
Blob zip_blob(const Member *members, size_t count, bool deflated, bool zip64);

#endif
