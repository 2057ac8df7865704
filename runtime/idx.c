#include "runtime/idx.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/files.h"
#include "runtime/report.h"

enum { IDX_UNSIGNED_BYTE = 8, CHUNK = 1 << 16, STREAM_BUFFER = 1 << 18 };
/* DEFLATE cannot expand further (a 258-byte match in 2 bits), so a longer promise than this is a truncated or foreign file. */
enum { GZIP_MOST_EXPANSION = 1032 };

/* The existing one of NAME, NAME.gz and NAME without .gz in the folder. */
static char *find_file(const char *folder, const char *name, const FieldInfo *field)
{
    char *path = path_join(folder, name);
    if (!path || path_exists(path))
        return path;
    size_t length = strlen(path);
    char *other = NULL;
    if (length > 3 && !strcmp(path + length - 3, ".gz"))
        other = strndup(path, length - 3);
    else if (asprintf(&other, "%s.gz", path) < 0)
        other = NULL;
    if (other && path_exists(other)) {
        free(path);
        return other;
    }
    report_error("%s: %s; the field %s is read from it (or from the same name %s .gz). Say with --data DIR or the environment "
                 "variable HNC_DATA in which folder the data is",
                 path, strerror(errno), field->tensor.name, other && strlen(other) < length ? "without" : "with");
    free(other);
    free(path);
    return NULL;
}

/* Reads exactly `size` bytes. */
static bool read_bytes(IdxFile *file, void *bytes, size_t size)
{
    unsigned char *next = bytes;
    while (size > 0) {
        unsigned part = size < (1u << 30) ? (unsigned)size : 1u << 30;
        int got = gzread(file->stream, next, part);
        if (got <= 0) {
            int code;
            const char *reason = gzerror(file->stream, &code);
            if (code == Z_OK || code == Z_BUF_ERROR)
                return report_error("%s: truncated: the file ends before the data that its header promises", file->path);
            return report_error("%s: cannot be read: %s", file->path, code == Z_ERRNO ? strerror(errno) : reason);
        }
        next += got;
        size -= (size_t)got;
    }
    return true;
}

/* "u8[60000, 28, 28]" as the header has it. */
static void describe_header(const unsigned char *extents, unsigned rank, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "u8[");
    for (unsigned i = 0; i < rank && length < size; i++) {
        const unsigned char *e = extents + 4 * i;
        uint32_t extent = (uint32_t)e[0] << 24 | (uint32_t)e[1] << 16 | (uint32_t)e[2] << 8 | e[3];
        length += (size_t)snprintf(text + length, size - length, "%s%" PRIu32, i ? ", " : "", extent);
    }
    if (length < size)
        snprintf(text + length, size - length, "]");
}

static bool read_header(IdxFile *file, const FieldInfo *field)
{
    unsigned char magic[4], extents[4 * 255];
    const TensorInfo *tensor = &field->tensor;
    if (!read_bytes(file, magic, sizeof magic))
        return false;
    if (magic[0] != 0 || magic[1] != 0 || magic[3] == 0)
        return report_error("%s: not an IDX file: it begins with the bytes %02x %02x %02x %02x instead of 00 00 08 and the rank",
                            file->path, magic[0], magic[1], magic[2], magic[3]);
    if (magic[2] != IDX_UNSIGNED_BYTE)
        return report_error("%s: holds IDX elements of type 0x%02x; only unsigned bytes (0x08) can be read", file->path,
                            magic[2]);
    unsigned rank = magic[3];
    if (!read_bytes(file, extents, 4 * rank))
        return false;
    bool matches = rank == tensor->rank + 1;
    for (unsigned i = 0; matches && i < rank; i++) {
        const unsigned char *e = extents + 4 * i;
        int64_t extent = (int64_t)e[0] << 24 | e[1] << 16 | e[2] << 8 | e[3];
        if (i == 0)
            file->count = extent;
        else
            matches = extent == tensor->dims[i - 1];
    }
    if (!matches) {
        char found[256], expected[TENSOR_TEXT_SIZE];
        describe_header(extents, rank, found, sizeof found);
        return report_error("%s: holds %s, but examples of the field %s are %s", file->path, found, tensor->name,
                            field->classes ? "single labels" : tensor_text(tensor, expected));
    }
    return file->count > 0 || report_error("%s: holds no examples", file->path);
}

/* Refuses promises that the file is too short to keep, before memory is asked for them. */
static bool check_length(IdxFile *file, const FieldInfo *field)
{
    struct stat status;
    if (stat(file->path, &status) != 0)
        return report_error("%s: %s", file->path, strerror(errno));
    int64_t header = 4 * (int64_t)(field->tensor.rank + 2);
    int64_t promised = header + file->count * field->tensor.elements; /* < 2^32 * 2^31 */
    int64_t most = gzdirect(file->stream) ? status.st_size : (int64_t)status.st_size * GZIP_MOST_EXPANSION;
    if (promised > most)
        return report_error("%s: truncated: the header promises %" PRId64 " examples in %" PRId64
                            " bytes, the file has %s%" PRId64 " bytes",
                            file->path, file->count, promised, gzdirect(file->stream) ? "" : "at most ", most);
    return true;
}

static bool open_stream(IdxFile *file)
{
    if (!path_is_file(file->path))
        return false;
    file->stream = gzopen(file->path, "rbe");
    if (!file->stream)
        return report_error("%s: cannot be opened: %s", file->path, errno ? strerror(errno) : "out of memory");
    gzbuffer(file->stream, STREAM_BUFFER);
    return true;
}

bool idx_open(IdxFile *file, const char *folder, const char *name, const FieldInfo *field)
{
    *file = (IdxFile){0};
    if (field->tensor.dtype != DTYPE_U8 && field->tensor.dtype != DTYPE_I32)
        return report_internal("the field %s is %s, which IDX files cannot fill", field->tensor.name,
                               dtype_names[field->tensor.dtype]);
    file->path = find_file(folder, name, field);
    if (!file->path)
        return false;
    if (open_stream(file) && read_header(file, field) && check_length(file, field))
        return true;
    idx_close(file);
    return false;
}

/* Reads bytes into i32 elements; with `classes`, each must be below. */
static bool read_widened(IdxFile *file, const FieldInfo *field, int32_t *values)
{
    unsigned char bytes[CHUNK];
    int64_t total = file->count * field->tensor.elements;
    for (int64_t done = 0; done < total;) {
        size_t part = total - done < CHUNK ? (size_t)(total - done) : CHUNK;
        if (!read_bytes(file, bytes, part))
            return false;
        for (size_t i = 0; i < part; i++, done++) {
            if (field->classes && bytes[i] >= field->classes)
                return report_error("%s: the label of example %" PRId64 " is %d, but %s has only the classes 0 to %" PRId64,
                                    file->path, done / field->tensor.elements, bytes[i], field->tensor.name, field->classes - 1);
            values[done] = bytes[i];
        }
    }
    return true;
}

bool idx_read(IdxFile *file, const FieldInfo *field, void *rows)
{
    bool fine = field->tensor.dtype == DTYPE_I32 ? read_widened(file, field, rows)
                                                 : read_bytes(file, rows, (size_t)file->count * field->tensor.bytes);
    if (!fine)
        return false;
    unsigned char extra;
    int got = gzread(file->stream, &extra, 1); /* also makes zlib check the sum at the end */
    if (got < 0) {
        int code;
        return report_error("%s: damaged: %s", file->path, gzerror(file->stream, &code));
    }
    if (got > 0)
        return report_error("%s: goes on after the %" PRId64 " examples that its header promises", file->path, file->count);
    int status = gzclose(file->stream);
    file->stream = NULL;
    return status != Z_BUF_ERROR || report_error("%s: truncated: the compressed data ends too early", file->path);
}

void idx_close(IdxFile *file)
{
    if (file->stream)
        gzclose(file->stream);
    free(file->path);
    *file = (IdxFile){0};
}
