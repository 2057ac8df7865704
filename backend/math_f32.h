/* Bodies of the float functions; the contract is in math.h. */
#ifndef HNC_BACKEND_MATH_F32_H
#define HNC_BACKEND_MATH_F32_H

#include "backend/kit.h"

/* Emits the function of `code` on x (and y for pow), of the kit's shape, at the builder's place. */
LLVMValueRef math_f32_body(const Kit *k, OpCode code, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef math_f32_pow(const Kit *k, LLVMValueRef x, LLVMValueRef y);
/* quarter_turns: 0 for sin, 1 for cos. */
LLVMValueRef math_f32_sine(const Kit *k, LLVMValueRef x, int quarter_turns);

#endif
