/* The bytes of a file, plain or gzip whatever its name, or of a member of a zip archive, from the first to the last. */
#ifndef HN_DATA_BYTES_H
#define HN_DATA_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "runtime/data/files.h"
#include "runtime/data/zip.h"

typedef struct ByteStream {
    char *path;        /* as messages call it; owned */
    gzFile file;       /* a file, or */
    ZipMember *member; /* a member of an archive; owned */
    int64_t most;      /* the most bytes that can come: all there are, or as many as compression could hide in the file */
    bool compressed;
} ByteStream;

/* Opens a regular file; a folder, a pipe or a device is refused. All functions here report what is wrong and then return false.
 * Call bytes_close in any case. */
bool bytes_open(ByteStream *stream, const char *path);
/* Opens PATH, PATH.gz or PATH without .gz, whichever exists. */
bool bytes_open_either(ByteStream *stream, const char *path, const FileUse *use);
/* In the zip archive, opens the member whose name is NAME and then `suffix`. Messages call it ARCHIVE/NAME. */
bool bytes_open_member(ByteStream *stream, const char *archive, const char *name, const char *suffix);
/* Reads exactly `size` bytes. */
bool bytes_read(ByteStream *stream, void *bytes, size_t size);
/* Reads up to `size` bytes of a file; *got is less only at its end, where checksums hold. Not of a member of an archive. */
bool bytes_some(ByteStream *stream, void *bytes, size_t size, size_t *got);
/* Called when all bytes of the `examples` examples were read: whether nothing follows them, and checksums hold. */
bool bytes_end(ByteStream *stream, int64_t examples);
void bytes_close(ByteStream *stream);

#endif
