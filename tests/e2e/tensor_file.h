/* Tensors of safetensors files, for tests. */
#ifndef HNC_TESTS_TENSOR_FILE_H
#define HNC_TESTS_TENSOR_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The header of the file; its bytes and how long they are, for free(), unless NULL. */
json_t *read_header(const char *path, char **bytes, size_t *header_size);
/* The bytes of a tensor; for free(). NULL if there is none. */
char *tensor_bytes(const char *path, const char *name, size_t *size);
/* Reads a tensor of so many f64, which must exist. */
void tensor_reals(const char *path, const char *name, double *numbers, size_t count);
/* Whether both tensors exist, which fails the test otherwise, and have equal bytes. */
bool same_numbers(const char *left, const char *left_name, const char *right, const char *right_name);
/* Whether two files hold a tensor of that name with equal bytes. */
bool same_tensor(const char *left, const char *right, const char *name);

#endif
