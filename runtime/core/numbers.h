/* Lists of numbers. */
#ifndef HN_RUNTIME_NUMBERS_H
#define HN_RUNTIME_NUMBERS_H

#include <stddef.h>

/* The least first. NaN is not allowed. */
void numbers_sort(double *numbers, size_t count);

#endif
