/* The bytes of a file, plain or gzip whatever it is called, or of a member of a zip archive, from the first to the last. */
#ifndef HN_DATA_BYTES_H
#define HN_DATA_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "runtime/data/zip.h"

typedef struct ByteStream {
    char *path;        /* as messages call it; owned */
    gzFile file;       /* a file, or */
    ZipMember *member; /* a member of an archive; owned */
    int64_t most;      /* no more bytes can come: all there are, or the most that compression could hide in the file */
    bool compressed;
} ByteStream;

/* Opens a file; what exists but is none, such as a folder, a pipe or a device, is refused. All of these report what is wrong and
 * then return false. bytes_close in any case. */
bool bytes_open(ByteStream *stream, const char *path);
/* Opens the member NAME `suffix` of the zip archive. Messages call it ARCHIVE/NAME. */
bool bytes_open_member(ByteStream *stream, const char *archive, const char *name, const char *suffix);
/* Reads exactly `size` bytes. */
bool bytes_read(ByteStream *stream, void *bytes, size_t size);
/* After all bytes that `examples` examples have were read: whether nothing follows them, and checksums hold. */
bool bytes_end(ByteStream *stream, int64_t examples);
void bytes_close(ByteStream *stream);

#endif
