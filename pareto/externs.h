/* How compiled code and the interpreter call the functions of this folder: by number, on row-major tensors.
 *
 *   dirichlet  seed i32[2], step i32[], concentration real[m]
 *              -> ray real[m]
 *   epo, mgda  losses real[m], ray real[m], gram real[m, m]
 *              -> real[m + 1]: weights of the objectives, then 1 if the solver fell back to the ray, else 0
 *   pmtl       the same, whether this is a step of the first phase bool[], and the rays of all sectors real[n, m]
 *              -> the same; the ray's own sector is that of the nearest one. Once inside it the first phase is over
 *   hvi        reference real[m], points real[n, m]
 *              -> real[n m + 1]: hypervolume_gradient up to the reference or, where it is farther, hypervolume_reference; then
 *              1 if it fell back to equal weights, else 0 */
#ifndef HNC_PARETO_EXTERNS_H
#define HNC_PARETO_EXTERNS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
#define EXTERN(NAME, ...) EXTERN_##NAME,
#include "pareto/externs.def"
#undef EXTERN
    EXTERN_COUNT
} ExternCode;

typedef struct ExternInfo {
    const char *name;
    uint32_t operands;
} ExternInfo;
extern const ExternInfo extern_info[EXTERN_COUNT];

enum { EXTERN_MOST_OPERANDS = 5 };

/* Calls function `which` on its operands. m: objectives, at most PARETO_MOST_OBJECTIVES; n: rows of the last operand, 1 unless it
 * is a matrix of rays; wide: reals are double, otherwise float (the work is done in double either way). Allocates nothing, cannot
 * fail. */
void pareto_extern(uint32_t which, uint32_t m, uint32_t n, uint32_t wide, const void *const *operands, void *result);

#endif
