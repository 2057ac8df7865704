/* Any bytes, read as an NPY file, plain or compressed, and as an NPZ archive: refused with a message, or rows that lie in their
 * range. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/abi/frame.h"
#include "runtime/data/arrays.h"

/* The runtime's library expects a model; this program has none. */
const char hn_manifest[] = "";
hn_function *const hn_functions[] = {NULL};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_rows(const FieldInfo *field, const void *rows, int64_t count)
{
    for (int64_t i = 0; i < count * field->tensor.elements; i++) {
        if (field->tensor.dtype == DTYPE_F32 && !isfinite(((const float *)rows)[i]))
            abort();
        if (field->classes && (uint64_t)((const int32_t *)rows)[i] >= (uint64_t)field->classes)
            abort();
    }
}

static void read_array(ByteStream stream, bool open, const FieldInfo *field)
{
    ArrayFile file = {.stream = stream};
    if (open && array_begin(&file, formats[FORMAT_NPY], stream, field)) {
        unsigned char *rows = malloc((size_t)file.rows * field->tensor.bytes); /* no byte beyond these may be written */
        if (rows && array_read(&file, rows))
            check_rows(field, rows, file.rows);
        free(rows);
    }
    array_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const FieldInfo fields[] = {
        {.tensor = {.name = "d.image", .dtype = DTYPE_U8, .rank = 2, .dims = {2, 3}, .elements = 6, .bytes = 6}},
        {.tensor = {.name = "d.x", .dtype = DTYPE_F32, .rank = 1, .dims = {2}, .elements = 2, .bytes = 8}},
        {.tensor = {.name = "d.label", .dtype = DTYPE_I32, .elements = 1, .bytes = 4}, .classes = 10}};
    char path[64];
    int file = memfd_create("fuzz.npy", 0);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        ByteStream stream;
        bool open = bytes_open(&stream, path);
        read_array(stream, open, &fields[i]);
        open = bytes_open_member(&stream, path, "a", ".npy");
        read_array(stream, open, &fields[i]);
    }
    close(file);
    return 0;
}
