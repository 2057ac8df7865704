/* The primitive `random` as LLVM IR: the same bits as random_element of ir/ir.h. */
#ifndef HNC_BACKEND_RANDOM_H
#define HNC_BACKEND_RANDOM_H

#include "backend/math.h"

/* Writing starts at multiples of this many elements: what four words of sixteen Philox blocks give. */
enum { RANDOM_GRAIN = 64 };

/* The internal function `hn_random_f32` or `hn_random_f64`, emitted at the first call:
 *     void (ptr out, i64 begin, i64 end, i32 seed0, i32 seed1, i32 step, i32 stream)
 * It writes elements [begin, end) of the random tensor to out[begin..end); `begin` is a multiple of RANDOM_GRAIN, so threads may
 * share one tensor. Nothing outside the range is touched. */
LLVMValueRef random_emit_fill(MathContext *m, DType dtype);

#endif
