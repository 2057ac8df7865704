#include "tests/e2e/tensor_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

json_t *read_header(const char *path, char **bytes, size_t *header_size)
{
    size_t all;
    uint64_t length;
    char *file = read_file(path, &all);
    assert_non_null(file);
    memcpy(&length, file, sizeof length);
    json_t *header = json_loadb(file + sizeof length, length, 0, NULL);
    assert_non_null(header);
    if (header_size)
        *header_size = sizeof length + length;
    if (bytes)
        *bytes = file;
    else
        free(file);
    return header;
}

char *tensor_bytes(const char *path, const char *name, size_t *size)
{
    size_t start;
    char *file, *bytes = NULL;
    json_t *header = read_header(path, &file, &start);
    const json_t *offsets = json_object_get(json_object_get(header, name), "data_offsets");
    if (offsets) {
        size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0));
        *size = (size_t)json_integer_value(json_array_get(offsets, 1)) - begin;
        bytes = malloc(*size + 1);
        assert_non_null(bytes);
        memcpy(bytes, file + start + begin, *size);
    }
    json_decref(header);
    free(file);
    return bytes;
}

void tensor_reals(const char *path, const char *name, double *numbers, size_t count)
{
    size_t size;
    char *bytes = tensor_bytes(path, name, &size);
    assert_non_null(bytes);
    assert_int_equal(size, count * sizeof *numbers);
    memcpy(numbers, bytes, size);
    free(bytes);
}

bool same_numbers(const char *left, const char *left_name, const char *right, const char *right_name)
{
    size_t left_size = 0, right_size = 0;
    char *a = tensor_bytes(left, left_name, &left_size), *b = tensor_bytes(right, right_name, &right_size);
    assert_non_null(a);
    assert_non_null(b);
    bool same = left_size == right_size && !memcmp(a, b, left_size);
    free(a);
    free(b);
    return same;
}

bool same_tensor(const char *left, const char *right, const char *name)
{
    return same_numbers(left, name, right, name);
}
