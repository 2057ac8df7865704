/* Derivatives through unrolled steps. */
#ifndef HNC_UNROLLS_H
#define HNC_UNROLLS_H

#include "ir/scan.h"
#include "passes/methods/methods.h"

/* How the derivative of a loss, a function of the lasts of a scan, is taken with respect to what the scan's steps read. One file per
 * row of ir/unrolls.def. */
typedef struct Unroll {
    Value (*derivative)(Builder *b, Value loss, Value of);
} Unroll;
#define UNROLL(KIND, name, ...) extern const Unroll unroll_##name;
#include "ir/unrolls.def"
#undef UNROLL

#endif
