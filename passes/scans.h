/* What passes ask of loops (ir/scan.h). */
#ifndef HNC_PASSES_SCANS_H
#define HNC_PASSES_SCANS_H

#include "passes/passes.h"

/* Forward mode (jvp_scan.c): a scan of the values and their tangents; tangents[i] is that of operand i, NO_VALUE where it has none. The
 * tangent of a result of the first scan, taken from the joint one; NO_VALUE: it is not real. */
Value jvp_scan_append(Builder *b, const Op *scan, const Value *tangents);
Value jvp_result_append(Builder *b, const Op *scan, Value joint, uint32_t place);

/* Reverse mode (vjp_scan.c). cotangents[i] is that of result i of scan v, NO_VALUE where it has none; needed[i] says whether operand i
 * wants a gradient, and grads[i] gets it (NO_VALUE: none). The scan gets further results: what a scan backwards reads of it. */
void vjp_scan_append(Builder *b, Value v, const Value *cotangents, const bool *needed, Value *grads);

/* Drops what no live value takes of the function's live scans, in place. */
void shrink_scans(Module *module, Function *function, const bool *live);

#endif
