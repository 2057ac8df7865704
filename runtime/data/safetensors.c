#include "runtime/data/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/abi/frame.h"
#include "runtime/core/report.h"
#include "runtime/data/files.h"

enum { LENGTH_BYTES = 8, HEADER_LIMIT = 100 * 1000 * 1000, HEADER_ALIGNMENT = 8 };
static const char metadata_key[] = "__metadata__";

/* The format's names of our elements, in their order. */
static const char *const safe_names[DTYPE_COUNT] = {"F32", "F64", "I32", "U8", "BOOL"};

/* Every type of the format with whole bytes, since files may hold tensors that the model does not use. */
static const struct {
    const char *name;
    uint64_t size;
} safe_types[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E8M0", 1},
                  {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},     {"U32", 4},
                  {"F32", 4},  {"F64", 8}, {"I64", 8}, {"U64", 8},     {"C64", 8}};

/* ---- writing ---- */

static json_t *shape_json(const TensorInfo *tensor)
{
    json_t *shape = json_array();
    for (unsigned i = 0; i < tensor->rank; i++)
        json_array_append_new(shape, json_integer(tensor->dims[i]));
    return shape;
}

/* The header's text, padded with spaces to keep the data aligned; for free(). */
static char *header_text(const TensorInfo *tensors, size_t count, const size_t *order, const json_t *metadata)
{
    json_t *header = json_object();
    json_object_set(header, metadata_key, (json_t *)metadata);
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        const TensorInfo *tensor = &tensors[order[i]];
        json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", safe_names[tensor->dtype], "shape", shape_json(tensor),
                                  "data_offsets", (json_int_t)offset, (json_int_t)(offset + tensor->bytes));
        json_object_set_new(header, tensor->name, entry);
        offset += tensor->bytes;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (!text)
        return NULL;
    size_t length = strlen(text), padded = (length + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
    char *longer = realloc(text, padded + 1);
    if (!longer) {
        free(text);
        return NULL;
    }
    memset(longer + length, ' ', padded - length);
    longer[padded] = '\0';
    return longer;
}

static void order_by_size(const TensorInfo *tensors, size_t count, size_t *order)
{
    size_t filled = 0;
    for (size_t size = 8; size > 0; size /= 2)
        for (size_t i = 0; i < count; i++)
            if (dtype_sizes[tensors[i].dtype] == size)
                order[filled++] = i;
}

/* The header of a file of these tensors, and the order in which they lie there; both for free(). NULL without memory. */
static char *lay_out(const TensorInfo *tensors, size_t count, const json_t *metadata, size_t **order)
{
    *order = malloc((count + 1) * sizeof **order);
    if (!*order)
        return NULL;
    order_by_size(tensors, count, *order);
    return header_text(tensors, count, *order, metadata);
}

static void put_length(const char *header, unsigned char bytes[static LENGTH_BYTES])
{
    uint64_t length = strlen(header);
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        bytes[i] = (unsigned char)(length >> 8 * i);
}

static bool write_parts(const char *path, const char *header, const TensorInfo *tensors, const void *const *data,
                        const size_t *order, size_t count)
{
    ReplacedFile file;
    uint64_t length = strlen(header);
    unsigned char length_bytes[LENGTH_BYTES];
    put_length(header, length_bytes);
    if (!replace_begin(&file, path) || !replace_write(&file, length_bytes, sizeof length_bytes) ||
        !replace_write(&file, header, length))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!replace_write(&file, data[order[i]], tensors[order[i]].bytes))
            return false;
    return replace_finish(&file);
}

bool safetensors_write(const char *path, const TensorInfo *tensors, const void *const *data, size_t count, const json_t *metadata)
{
    size_t *order;
    char *header = lay_out(tensors, count, metadata, &order);
    bool fine = header ? write_parts(path, header, tensors, data, order, count) : report_error("%s: out of memory", path);
    free(header);
    free(order);
    return fine;
}

/* What write_parts writes; for free(), NULL without memory. */
static unsigned char *join_parts(const char *header, const TensorInfo *tensors, const void *const *data, const size_t *order,
                                 size_t count, size_t *size)
{
    size_t length = strlen(header), at = LENGTH_BYTES + length;
    *size = at;
    for (size_t i = 0; i < count; i++)
        *size += tensors[i].bytes;
    unsigned char *bytes = malloc(*size);
    if (!bytes)
        return NULL;
    put_length(header, bytes);
    memcpy(bytes + LENGTH_BYTES, header, length);
    for (size_t i = 0; i < count; i++) {
        memcpy(bytes + at, data[order[i]], tensors[order[i]].bytes);
        at += tensors[order[i]].bytes;
    }
    return bytes;
}

unsigned char *safetensors_bytes(const TensorInfo *tensors, const void *const *data, size_t count, const json_t *metadata,
                                 size_t *size)
{
    size_t *order;
    char *header = lay_out(tensors, count, metadata, &order);
    unsigned char *bytes = header ? join_parts(header, tensors, data, order, count, size) : NULL;
    if (!bytes)
        report_error("out of memory");
    free(header);
    free(order);
    return bytes;
}

/* ---- reading ---- */

static bool read_at(const SafeFile *file, void *bytes, size_t size, uint64_t offset)
{
    char *next = bytes;
    while (size > 0) {
        ssize_t got = pread(file->descriptor, next, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return report_error("%s: cannot be read: %s", file->path, strerror(errno));
        if (got == 0)
            return report_error("%s: truncated", file->path);
        next += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

typedef struct Range {
    uint64_t begin, end;
} Range;

static int compare_ranges(const void *left, const void *right)
{
    const Range *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

static uint64_t type_size(const char *name)
{
    for (size_t i = 0; name && i < sizeof safe_types / sizeof safe_types[0]; i++)
        if (!strcmp(safe_types[i].name, name))
            return safe_types[i].size;
    return 0;
}

/* A non-negative integer, or false. */
static bool json_size(const json_t *json, uint64_t *size)
{
    *size = json_is_integer(json) && json_integer_value(json) >= 0 ? (uint64_t)json_integer_value(json) : 0;
    return json_is_integer(json) && json_integer_value(json) >= 0;
}

/* One tensor's entry: its type and shape must need exactly the bytes between its offsets. */
static bool check_entry(const SafeFile *file, const char *name, const json_t *entry, Range *range)
{
    const json_t *shape = json_object_get(entry, "shape"), *offsets = json_object_get(entry, "data_offsets");
    uint64_t bytes = type_size(json_string_value(json_object_get(entry, "dtype")));
    if (!bytes)
        return report_error("%s: the tensor %.100s has no known dtype", file->path, name);
    if (!json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !json_size(json_array_get(offsets, 0), &range->begin) || !json_size(json_array_get(offsets, 1), &range->end) ||
        range->begin > range->end)
        return report_error("%s: the tensor %.100s has no valid shape and data_offsets", file->path, name);
    for (size_t i = 0; i < json_array_size(shape); i++) {
        uint64_t extent;
        if (!json_size(json_array_get(shape, i), &extent) || __builtin_mul_overflow(bytes, extent, &bytes))
            return report_error("%s: the tensor %.100s has an impossible shape", file->path, name);
    }
    if (bytes != range->end - range->begin)
        return report_error("%s: the tensor %.100s needs %" PRIu64 " bytes, but its data_offsets span %" PRIu64, file->path, name,
                            bytes, range->end - range->begin);
    return true;
}

/* The tensors must cover the data exactly, each byte once. */
static bool check_cover(const SafeFile *file, Range *ranges, size_t count, uint64_t data_size)
{
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].begin != end)
            return report_error("%s: its tensors %s at byte %" PRIu64 " of the data", file->path,
                                ranges[i].begin < end ? "overlap" : "leave a hole",
                                ranges[i].begin < end ? ranges[i].begin : end);
        end = ranges[i].end;
    }
    if (end > data_size)
        return report_error("%s: truncated: its tensors need %" PRIu64 " bytes, the file holds %" PRIu64, file->path, end,
                            data_size);
    return end == data_size ||
           report_error("%s: goes on for %" PRIu64 " bytes after its last tensor", file->path, data_size - end);
}

static bool check_metadata(const SafeFile *file)
{
    const json_t *metadata = json_object_get(file->header, metadata_key);
    const char *key;
    json_t *value;
    if (metadata && !json_is_object(metadata))
        return report_error("%s: its %s is not an object", file->path, metadata_key);
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value))
            return report_error("%s: its %s holds something else than strings", file->path, metadata_key);
    }
    return true;
}

static bool check_header(const SafeFile *file, uint64_t data_size)
{
    size_t count = 0;
    Range *ranges = malloc((json_object_size(file->header) + 1) * sizeof *ranges);
    bool fine = ranges ? check_metadata(file) : report_error("%s: out of memory", file->path);
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        if (fine && strcmp(name, metadata_key))
            fine = check_entry(file, name, entry, &ranges[count++]);
    }
    fine = fine && check_cover(file, ranges, count, data_size);
    free(ranges);
    return fine;
}

/* The length of a header, of which the first bytes are, is never that large. */
static bool is_text(const unsigned char bytes[static LENGTH_BYTES])
{
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        if (bytes[i] != '\n' && bytes[i] != '\r' && bytes[i] != '\t' && (bytes[i] < ' ' || bytes[i] > '~'))
            return false;
    return true;
}

static bool read_header(SafeFile *file)
{
    struct stat status;
    unsigned char length_bytes[LENGTH_BYTES];
    if (fstat(file->descriptor, &status) != 0)
        return report_error("%s: %s", file->path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return report_error("%s: not a file", file->path);
    if (status.st_size < LENGTH_BYTES)
        return report_error("%s: not a safetensors file: it has only %" PRId64 " bytes", file->path, (int64_t)status.st_size);
    if (!read_at(file, length_bytes, sizeof length_bytes, 0))
        return false;
    if (is_text(length_bytes))
        return report_error(
            "%s: is a text file, not a checkpoint; the checkpoints of a run are best.safetensors and last.safetensors",
            file->path);
    uint64_t size = (uint64_t)status.st_size, length = 0;
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)length_bytes[i] << 8 * i;
    if (length < 2 || length > HEADER_LIMIT || length > size - LENGTH_BYTES)
        return report_error("%s: truncated or not a safetensors file: it announces a header of %" PRIu64
                            " bytes in a file of %" PRIu64 " (limit is 100 MB)",
                            file->path, length, size);
    char *text = malloc(length);
    if (!text)
        return report_error("%s: out of memory for its header", file->path);
    if (!read_at(file, text, length, LENGTH_BYTES)) {
        free(text);
        return false;
    }
    json_error_t error;
    file->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!json_is_object(file->header))
        return report_error("%s: not a safetensors file: its header is not a JSON object (%s)", file->path,
                            file->header ? "another value" : error.text);
    file->data_begin = LENGTH_BYTES + length;
    return check_header(file, size - file->data_begin);
}

static bool is_run_folder(const char *path)
{
    char *checkpoint = path_join(path, "last.safetensors");
    bool found = checkpoint && path_exists(checkpoint);
    free(checkpoint);
    return found;
}

static bool open_path(SafeFile *file)
{
    if (is_run_folder(file->path))
        return report_error("%s: is the folder of a run: name one of its checkpoints, best.safetensors or last.safetensors",
                            file->path);
    if (path_exists(file->path) && !path_is_file(file->path))
        return false;
    file->descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
    return file->descriptor >= 0 || report_error("%s: cannot be opened: %s", file->path, strerror(errno));
}

const char *safetensors_inside(void)
{
    static const char inside[] = "the weights inside";
    return hn_weights ? inside : NULL;
}

/* The bytes inside become a file in memory, which is read as any other. */
static bool open_inside(SafeFile *file)
{
    const unsigned char *next = hn_weights;
    int64_t left = hn_weights_bytes;
    file->descriptor = memfd_create("weights", MFD_CLOEXEC);
    while (file->descriptor >= 0 && left > 0) {
        ssize_t written = write(file->descriptor, next, (size_t)left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        next += written;
        left -= written;
    }
    return (file->descriptor >= 0 && left == 0) || report_error("%s: cannot be read: %s", file->path, strerror(errno));
}

bool safetensors_open(SafeFile *file, const char *path)
{
    *file = (SafeFile){.path = path, .descriptor = -1};
    if ((path == safetensors_inside() ? open_inside(file) : open_path(file)) && read_header(file))
        return true;
    safetensors_close(file);
    return false;
}

void safetensors_close(SafeFile *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    json_decref(file->header);
    *file = (SafeFile){.descriptor = -1};
}

static const json_t *find_entry(const SafeFile *file, const TensorInfo *tensor)
{
    return strcmp(tensor->name, metadata_key) ? json_object_get(file->header, tensor->name) : NULL;
}

bool safetensors_fits(const SafeFile *file, const TensorInfo *tensor)
{
    const json_t *entry = find_entry(file, tensor);
    json_t *expected = shape_json(tensor);
    bool fits = entry && json_equal(json_object_get(entry, "shape"), expected) &&
                !strcmp(json_string_value(json_object_get(entry, "dtype")), safe_names[tensor->dtype]);
    json_decref(expected);
    return fits;
}

bool safetensors_shape(const SafeFile *file, const TensorInfo *tensor, TensorInfo *found)
{
    const json_t *entry = find_entry(file, tensor), *shape = json_object_get(entry, "shape");
    if (!entry || json_array_size(shape) != tensor->rank ||
        strcmp(json_string_value(json_object_get(entry, "dtype")), safe_names[tensor->dtype]))
        return false;
    *found = *tensor;
    found->elements = 1;
    for (unsigned axis = 0; axis < tensor->rank; axis++) { /* the header was checked: this is no more than the file holds */
        found->dims[axis] = json_integer_value(json_array_get(shape, axis));
        found->elements *= found->dims[axis];
    }
    found->bytes = (size_t)found->elements * dtype_sizes[tensor->dtype];
    return true;
}

bool safetensors_read(const SafeFile *file, const TensorInfo *tensor, void *data)
{
    const json_t *entry = find_entry(file, tensor);
    if (!entry)
        return report_error("%s: the tensor %s is missing", file->path, tensor->name);
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape");
    if (!safetensors_fits(file, tensor)) {
        char *found = json_dumps(shape, JSON_COMPACT), wanted[TENSOR_TEXT_SIZE];
        report_error("%s: the tensor %s is %s%.200s there, but %s in this model", file->path, tensor->name, dtype,
                     found ? found : "", tensor_text(tensor, wanted));
        free(found);
        return false;
    }
    uint64_t begin = (uint64_t)json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 0));
    return read_at(file, data, tensor->bytes, file->data_begin + begin);
}

const json_t *safetensors_metadata(const SafeFile *file)
{
    return json_object_get(file->header, metadata_key);
}
