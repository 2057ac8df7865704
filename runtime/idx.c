#include "runtime/idx.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/files.h"
#include "runtime/report.h"

enum { CHUNK = 1 << 13, STREAM_BUFFER = 1 << 18 }; /* elements, bytes */
/* DEFLATE cannot expand further (a 258-byte match in 2 bits), so a longer promise than this is a truncated or foreign file. */
enum { GZIP_MOST_EXPANSION = 1032 };

/* ---- types of elements ---- */

typedef double Decode(const unsigned char *bytes);

static uint64_t big_endian(const unsigned char *bytes, size_t size)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | bytes[i];
    return bits;
}

static double decode_u8(const unsigned char *bytes)
{
    return bytes[0];
}

static double decode_i8(const unsigned char *bytes)
{
    return (int8_t)bytes[0];
}

static double decode_i16(const unsigned char *bytes)
{
    return (int16_t)big_endian(bytes, 2);
}

static double decode_i32(const unsigned char *bytes)
{
    return (int32_t)big_endian(bytes, 4);
}

static double decode_f32(const unsigned char *bytes)
{
    uint32_t bits = (uint32_t)big_endian(bytes, 4);
    float number;
    memcpy(&number, &bits, sizeof number);
    return (double)number;
}

static double decode_f64(const unsigned char *bytes)
{
    uint64_t bits = big_endian(bytes, 8);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* By the number that the header has. */
typedef struct IdxType {
    unsigned char code;
    const char *name;
    size_t size;
    Decode *decode;
} IdxType;

static const IdxType types[] = {{0x08, "u8", 1, decode_u8},   {0x09, "i8", 1, decode_i8},   {0x0b, "i16", 2, decode_i16},
                                {0x0c, "i32", 4, decode_i32}, {0x0d, "f32", 4, decode_f32}, {0x0e, "f64", 8, decode_f64}};

static const IdxType *find_type(unsigned char code)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].code == code)
            return &types[i];
    return NULL;
}

/* ---- files ---- */

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
static void describe_header(const IdxType *type, const unsigned char *extents, unsigned rank, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "%s[", type->name);
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
        return report_error(
            "%s: not an IDX file: it begins with the bytes %02x %02x %02x %02x instead of 00 00, a type and the rank", file->path,
            magic[0], magic[1], magic[2], magic[3]);
    file->type = find_type(magic[2]);
    if (!file->type)
        return report_error("%s: holds IDX elements of type 0x%02x; the types of the format are 0x08, 0x09 and 0x0b to 0x0e",
                            file->path, magic[2]);
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
        describe_header(file->type, extents, rank, found, sizeof found);
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
    int64_t promised;
    if (__builtin_mul_overflow(file->count, field->tensor.elements * (int64_t)file->type->size, &promised) ||
        __builtin_add_overflow(promised, header, &promised))
        promised = INT64_MAX;
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
    if (field->tensor.dtype == DTYPE_BOOL)
        return report_internal("the field %s is bool, which IDX files cannot fill", field->tensor.name);
    file->path = find_file(folder, name, field);
    if (!file->path)
        return false;
    if (open_stream(file) && read_header(file, field) && check_length(file, field))
        return true;
    idx_close(file);
    return false;
}

/* Whether the field can hold the number, which is element `at` of the file. */
static bool check_element(const IdxFile *file, const FieldInfo *field, double number, int64_t at)
{
    long long example = at / field->tensor.elements;
    double low = field->tensor.dtype == DTYPE_I32 ? INT32_MIN : 0,
           high = field->tensor.dtype == DTYPE_I32 ? INT32_MAX : UINT8_MAX;
    if (!isfinite(number))
        return report_error("%s: example %lld holds a value that is not finite", file->path, example);
    if (field->tensor.dtype == DTYPE_F32 && fabs(number) > (double)FLT_MAX)
        return report_error("%s: example %lld holds %.9g, which is beyond f32", file->path, example, number);
    if (field->tensor.dtype == DTYPE_F32 || field->tensor.dtype == DTYPE_F64)
        return true;
    if (field->classes && !(number >= 0 && number < (double)field->classes))
        return report_error("%s: the label of example %lld is %.9g, but %s has only the classes 0 to %" PRId64, file->path,
                            example, number, field->tensor.name, field->classes - 1);
    if (number == floor(number) && number >= low && number <= high)
        return true;
    return report_error("%s: example %lld holds %.9g, but the field %s is %s: declare it as f32", file->path, example, number,
                        field->tensor.name, dtype_names[field->tensor.dtype]);
}

static void store_element(const TensorInfo *tensor, void *rows, int64_t at, double number)
{
    switch (tensor->dtype) {
    case DTYPE_F32:
        ((float *)rows)[at] = (float)number;
        break;
    case DTYPE_F64:
        ((double *)rows)[at] = number;
        break;
    case DTYPE_I32:
        ((int32_t *)rows)[at] = (int32_t)number;
        break;
    default:
        ((unsigned char *)rows)[at] = (unsigned char)number;
    }
}

/* Element by element, whatever the types. */
static bool read_converted(IdxFile *file, const FieldInfo *field, void *rows)
{
    unsigned char bytes[CHUNK * sizeof(double)];
    int64_t total = file->count * field->tensor.elements;
    for (int64_t done = 0; done < total;) {
        size_t part = total - done < CHUNK ? (size_t)(total - done) : CHUNK;
        if (!read_bytes(file, bytes, part * file->type->size))
            return false;
        for (size_t i = 0; i < part; i++, done++) {
            double number = file->type->decode(bytes + i * file->type->size);
            if (!check_element(file, field, number, done))
                return false;
            store_element(&field->tensor, rows, done, number);
        }
    }
    return true;
}

bool idx_read(IdxFile *file, const FieldInfo *field, void *rows)
{
    bool bytes = field->tensor.dtype == DTYPE_U8 && file->type->decode == decode_u8;
    bool fine = bytes ? read_bytes(file, rows, (size_t)file->count * field->tensor.bytes) : read_converted(file, field, rows);
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
