/* What passes ask of loops (ir/scan.h). */
#ifndef HNC_PASSES_SCANS_H
#define HNC_PASSES_SCANS_H

#include "passes/passes.h"

/* What differentiates bodies is jvp_append and vjp_append, which call these.
 *
 * Forward mode (jvp_scan.c): a scan of the values and their tangents; tangents[i] is that of operand i, NO_VALUE where it has
 * none. The tangent of a result of the first scan, taken from the joint one; NO_VALUE: it is not real. */
typedef Value JvpAppend(Builder *b, Value y, uint32_t n, const Value *leaves, const Value *tangents);
Value jvp_scan_append(Builder *b, const Op *scan, const Value *tangents, JvpAppend *of_body);
Value jvp_result_append(Builder *b, const Op *scan, Value joint, uint32_t place);

/* The cotangent of one result of a scan, and those of several, which may be of several scans. */
typedef struct ResultCotangent {
    Value scan, value;
    uint32_t result;
} ResultCotangent;
typedef VEC(ResultCotangent) ResultCotangents;

/* Reverse mode (vjp_scan.c) of scan v. needed[i] says whether operand i wants a gradient, and grads[i] gets it (NO_VALUE: none).
 * The scan gets further results: what a scan backwards reads of it. */
typedef void VjpAppend(Builder *b, Value y, uint32_t n, const Value *xs, Value *grads);
void vjp_scan_append(Builder *b, Value v, const ResultCotangents *cotangents, const bool *needed, VjpAppend *of_body,
                     Value *grads);

/* The scan of the function whose derivative the scan v is: the one in the other direction that makes, or also reads, most of what v
 * reads step by step; *bytes is how much that is, for all steps. NO_VALUE: v is no derivative. */
Value scan_of_derivative(const Function *function, Value v, int64_t *bytes);

/* Drops what no live value takes of the function's live scans, in place. */
void shrink_scans(Module *module, Function *function, const bool *live);

#endif
