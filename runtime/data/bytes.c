#include "runtime/data/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/core/report.h"

enum { STREAM_BUFFER = 1 << 18 }; /* bytes */

bool bytes_open(ByteStream *stream, const char *path)
{
    struct stat status;
    *stream = (ByteStream){.path = strdup(path)};
    if (!stream->path)
        return report_error("out of memory");
    if (!path_is_file(path))
        return false;
    stream->file = gzopen(path, "rbe");
    if (!stream->file || stat(path, &status) != 0)
        return report_error("%s: cannot be opened: %s", path, errno ? strerror(errno) : "out of memory");
    gzbuffer(stream->file, STREAM_BUFFER);
    stream->compressed = !gzdirect(stream->file);
    int64_t expansion = stream->compressed ? DEFLATE_MOST_EXPANSION : 1;
    stream->most = status.st_size > INT64_MAX / expansion ? INT64_MAX : status.st_size * expansion;
    return true;
}

bool bytes_open_either(ByteStream *stream, const char *path, const FileUse *use)
{
    size_t length = strlen(path);
    bool zipped = length > 3 && !strcmp(path + length - 3, ".gz");
    *stream = (ByteStream){0};
    if (path_exists(path))
        return bytes_open(stream, path);
    int error = errno;
    char *other = zipped ? strndup(path, length - 3) : NULL;
    if (zipped ? !other : asprintf(&other, "%s.gz", path) < 0)
        return report_error("out of memory");
    bool there = path_exists(other), fine = there && bytes_open(stream, other);
    free(other);
    errno = error;
    return there ? fine
                 : path_missing(path, use, zipped ? " (or from the same name without .gz)" : " (or from the same name with .gz)");
}

bool bytes_open_member(ByteStream *stream, const char *archive, const char *name, const char *suffix)
{
    *stream = (ByteStream){0};
    if (asprintf(&stream->path, "%s/%s", archive, name) < 0) {
        stream->path = NULL;
        return report_error("out of memory");
    }
    if (!path_is_file(archive))
        return false;
    stream->member = zip_open(archive, name, suffix);
    if (!stream->member)
        return false;
    stream->most = zip_most_bytes(stream->member, &stream->compressed);
    return true;
}

static bool truncated(const ByteStream *stream)
{
    return report_error("%s: truncated: the file ends before the data that its header promises", stream->path);
}

static bool read_file(ByteStream *stream, unsigned char *bytes, size_t size)
{
    while (size > 0) {
        unsigned part = size < (1u << 30) ? (unsigned)size : 1u << 30;
        int got = gzread(stream->file, bytes, part);
        if (got <= 0) {
            int code;
            const char *reason = gzerror(stream->file, &code);
            if (code == Z_OK || code == Z_BUF_ERROR)
                return truncated(stream);
            return report_error("%s: cannot be read: %s", stream->path, code == Z_ERRNO ? strerror(errno) : reason);
        }
        bytes += got;
        size -= (size_t)got;
    }
    return true;
}

bool bytes_read(ByteStream *stream, void *bytes, size_t size)
{
    if (!stream->member)
        return read_file(stream, bytes, size);
    const char *problem = NULL;
    if (zip_left(stream->member) < size)
        return truncated(stream);
    return zip_read(stream->member, bytes, size, &problem) || report_error("%s: %s", stream->path, problem);
}

bool bytes_some(ByteStream *stream, void *bytes, size_t size, size_t *got)
{
    for (*got = 0; *got < size;) {
        size_t left = size - *got;
        int code, part = gzread(stream->file, (unsigned char *)bytes + *got, left < (1u << 30) ? (unsigned)left : 1u << 30);
        const char *reason = gzerror(stream->file, &code);
        if (part < 0)
            return report_error("%s: damaged: %s", stream->path, code == Z_ERRNO ? strerror(errno) : reason);
        if (part == 0)
            return code != Z_BUF_ERROR || report_error("%s: truncated: the compressed data ends too early", stream->path);
        *got += (size_t)part;
    }
    return true;
}

static bool goes_on(const ByteStream *stream, int64_t examples)
{
    return report_error("%s: goes on after the %" PRId64 " examples that its header promises", stream->path, examples);
}

bool bytes_end(ByteStream *stream, int64_t examples)
{
    unsigned char extra;
    const char *problem = NULL;
    if (stream->member && zip_left(stream->member) > 0)
        return goes_on(stream, examples);
    if (stream->member)
        return zip_check_end(stream->member, &problem) || report_error("%s: %s", stream->path, problem);
    int got = gzread(stream->file, &extra, 1); /* also makes zlib check the sum at the end */
    if (got < 0) {
        int code;
        return report_error("%s: damaged: %s", stream->path, gzerror(stream->file, &code));
    }
    if (got > 0)
        return goes_on(stream, examples);
    int status = gzclose(stream->file);
    stream->file = NULL;
    return status != Z_BUF_ERROR || report_error("%s: truncated: the compressed data ends too early", stream->path);
}

void bytes_close(ByteStream *stream)
{
    if (stream->file)
        gzclose(stream->file);
    zip_close(stream->member);
    free(stream->path);
    *stream = (ByteStream){0};
}
