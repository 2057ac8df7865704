/* Philox 4x32-10 (Salmon et al., SC 2011) on sixteen blocks at a time.
 *
 * A round needs both halves of 32 x 32 bit products. Every 32-bit word is therefore kept in a 64-bit lane of its own, where one
 * vpmuludq gives the product: its low half is the next word as it stands (upper bits of a lane are ignored by the next product),
 * its high half is one shift away. Even and odd blocks live in two vectors, so that the finished words interleave into sixteen
 * lanes of 32 bits by a shift and an or. */
#include "backend/random.h"

#include "backend/kit.h"

enum { ROUNDS = 10, BLOCKS = 16, HALF = BLOCKS / 2 };
#define MULTIPLIER_0 0xD2511F53
#define MULTIPLIER_1 0xCD9E8D57
#define WEYL_0 0x9E3779B9
#define WEYL_1 0xBB67AE85
#define LOW_HALF INT64_C(0xffffffff)

enum { OUT, BEGIN, END, SEED0, SEED1, STEP, STREAM, PARAMETERS };

/* What does not change from one group of blocks to the next: round keys and the counter's upper words, in every lane. */
typedef struct Fixed {
    LLVMValueRef keys[ROUNDS][2], step, stream;
} Fixed;

/* A 32-bit scalar in the low half of each lane. */
static LLVMValueRef spread(const Kit *k, LLVMValueRef scalar)
{
    LLVMValueRef wide = LLVMBuildZExt(k->builder, scalar, LLVMInt64TypeInContext(k->context), "");
    LLVMTypeRef mask_type = LLVMVectorType(LLVMInt32TypeInContext(k->context), k->lanes);
    LLVMValueRef poison = LLVMGetPoison(kit_int(k, 64)), zero = LLVMConstInt(LLVMInt32TypeInContext(k->context), 0, false);
    LLVMValueRef first = LLVMBuildInsertElement(k->builder, poison, wide, zero, "");
    return LLVMBuildShuffleVector(k->builder, first, poison, LLVMConstNull(mask_type), "");
}

static Fixed emit_fixed(const Kit *k, LLVMValueRef function)
{
    Fixed fixed;
    fixed.step = spread(k, LLVMGetParam(function, STEP));
    fixed.stream = spread(k, LLVMGetParam(function, STREAM));
    const uint32_t weyl[2] = {WEYL_0, WEYL_1};
    for (unsigned i = 0; i < 2; i++) {
        LLVMValueRef key = LLVMGetParam(function, SEED0 + i);
        LLVMValueRef increment = LLVMConstInt(LLVMTypeOf(key), weyl[i], false);
        for (unsigned round = 0; round < ROUNDS; round++) {
            fixed.keys[round][i] = spread(k, key);
            key = LLVMBuildAdd(k->builder, key, increment, "");
        }
    }
    return fixed;
}

/* The low halves' product; the upper halves may hold anything. */
static LLVMValueRef product(const Kit *k, LLVMValueRef word, uint32_t multiplier)
{
    LLVMValueRef low = LLVMBuildAnd(k->builder, word, kit_i64(k, LOW_HALF), "");
    return LLVMBuildMul(k->builder, low, kit_i64(k, multiplier), "");
}

static LLVMValueRef high_half(const Kit *k, LLVMValueRef wide)
{
    return LLVMBuildLShr(k->builder, wide, kit_i64(k, 32), "");
}

/* The four words of the blocks whose first counter words are given. */
static void emit_blocks(const Kit *k, const Fixed *fixed, LLVMValueRef counters, LLVMValueRef words[4])
{
    LLVMValueRef c[4] = {counters, fixed->step, fixed->stream, kit_i64(k, 0)};
    for (unsigned round = 0; round < ROUNDS; round++) {
        LLVMValueRef product_0 = product(k, c[0], MULTIPLIER_0), product_1 = product(k, c[2], MULTIPLIER_1);
        LLVMValueRef keyed_0 = LLVMBuildXor(k->builder, c[1], fixed->keys[round][0], "");
        LLVMValueRef keyed_1 = LLVMBuildXor(k->builder, c[3], fixed->keys[round][1], "");
        c[0] = LLVMBuildXor(k->builder, high_half(k, product_1), keyed_0, "");
        c[1] = product_1;
        c[2] = LLVMBuildXor(k->builder, high_half(k, product_0), keyed_1, "");
        c[3] = product_0;
    }
    for (unsigned i = 0; i < 4; i++)
        words[i] = c[i];
}

/* Sixteen words as numbers in [0, 1) with 24 bits. */
static LLVMValueRef emit_uniform(const Kit *k, LLVMValueRef even, LLVMValueRef odd, DType dtype)
{
    Kit all = *k;
    all.lanes = BLOCKS;
    even = LLVMBuildAnd(k->builder, even, kit_i64(k, LOW_HALF), "");
    odd = LLVMBuildShl(k->builder, odd, kit_i64(k, 32), "");
    LLVMValueRef words = LLVMBuildBitCast(k->builder, LLVMBuildOr(k->builder, even, odd, ""), kit_int(&all, 32), "");
    words = LLVMBuildLShr(k->builder, words, kit_i32(&all, 8), "");
    bool wide = dtype == DTYPE_F64;
    LLVMValueRef number = LLVMBuildSIToFP(k->builder, words, wide ? kit_double(&all) : kit_float(&all), ""); /* never negative */
    return MUL(number, wide ? kit_f64(&all, 0x1p-24) : kit_f32(&all, 0x1p-24));
}

/* Elements 64 * group ... + 63 to `out`. */
static void emit_group(const Kit *k, const Fixed *fixed, LLVMValueRef group, LLVMValueRef out, DType dtype)
{
    LLVMTypeRef i32 = LLVMInt32TypeInContext(k->context);
    LLVMValueRef lanes[2][HALF], words[2][4];
    for (unsigned i = 0; i < BLOCKS; i++)
        lanes[i % 2][i / 2] = LLVMConstInt(LLVMInt64TypeInContext(k->context), i, false);
    LLVMValueRef first =
        LLVMBuildMul(k->builder, LLVMBuildTrunc(k->builder, group, i32, ""), LLVMConstInt(i32, BLOCKS, false), "");
    first = spread(k, first);
    for (unsigned i = 0; i < 2; i++)
        emit_blocks(k, fixed, LLVMBuildAdd(k->builder, first, LLVMConstVector(lanes[i], HALF), ""), words[i]);
    LLVMTypeRef element = dtype == DTYPE_F64 ? LLVMDoubleTypeInContext(k->context) : LLVMFloatTypeInContext(k->context);
    for (unsigned word = 0; word < 4; word++) {
        LLVMValueRef numbers = emit_uniform(k, words[0][word], words[1][word], dtype);
        LLVMValueRef offset = LLVMConstInt(LLVMInt64TypeInContext(k->context), word * BLOCKS, false);
        LLVMValueRef store = LLVMBuildStore(k->builder, numbers, LLVMBuildGEP2(k->builder, element, out, &offset, 1, ""));
        LLVMSetAlignment(store, (unsigned)dtype_size(dtype));
    }
}

/* Copies `count` numbers, at least one: objects that stand alone have no memcpy. */
static void emit_copy(const Kit *k, LLVMTypeRef element, LLVMValueRef from, LLVMValueRef to, LLVMValueRef count)
{
    LLVMBasicBlockRef before = LLVMGetInsertBlock(k->builder);
    LLVMValueRef function = LLVMGetBasicBlockParent(before);
    LLVMBasicBlockRef loop = LLVMAppendBasicBlockInContext(k->context, function, "copy");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(k->context, function, "copied");
    LLVMBuildBr(k->builder, loop);
    LLVMPositionBuilderAtEnd(k->builder, loop);
    LLVMValueRef i = LLVMBuildPhi(k->builder, LLVMTypeOf(count), ""),
                 next = LLVMBuildAdd(k->builder, i, LLVMConstInt(LLVMTypeOf(count), 1, false), "");
    LLVMValueRef number = LLVMBuildLoad2(k->builder, element, LLVMBuildGEP2(k->builder, element, from, &i, 1, ""), "");
    LLVMSetVolatile(number, true); /* or LLVM makes a memcpy of the loop */
    LLVMBuildStore(k->builder, number, LLVMBuildGEP2(k->builder, element, to, &i, 1, ""));
    LLVMAddIncoming(i, (LLVMValueRef[]){LLVMConstNull(LLVMTypeOf(count)), next}, (LLVMBasicBlockRef[]){before, loop}, 2);
    LLVMBuildCondBr(k->builder, LLVMBuildICmp(k->builder, LLVMIntSLT, next, count, ""), loop, after);
    LLVMPositionBuilderAtEnd(k->builder, after);
}

/* Writes one group per round of the loop. The last group may be incomplete: it goes to a buffer first. */
static void emit_fill_body(const Kit *k, LLVMValueRef function, DType dtype)
{
    LLVMBuilderRef b = k->builder;
    LLVMTypeRef i64 = LLVMInt64TypeInContext(k->context);
    LLVMTypeRef element = dtype == DTYPE_F64 ? LLVMDoubleTypeInContext(k->context) : LLVMFloatTypeInContext(k->context);
    LLVMValueRef out = LLVMGetParam(function, OUT), begin = LLVMGetParam(function, BEGIN), end = LLVMGetParam(function, END);
    LLVMValueRef grain = LLVMConstInt(i64, RANDOM_GRAIN, false);
    LLVMBasicBlockRef entry = LLVMGetInsertBlock(b), loop = LLVMAppendBasicBlockInContext(k->context, function, "group");
    LLVMBasicBlockRef partial = LLVMAppendBasicBlockInContext(k->context, function, "partial");
    LLVMBasicBlockRef next = LLVMAppendBasicBlockInContext(k->context, function, "next");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(k->context, function, "done");
    LLVMValueRef buffer = LLVMBuildAlloca(b, LLVMArrayType2(element, RANDOM_GRAIN), "");
    Fixed fixed = emit_fixed(k, function);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntSLT, begin, end, ""), loop, done);

    LLVMPositionBuilderAtEnd(b, loop);
    LLVMValueRef index = LLVMBuildPhi(b, i64, "i");
    LLVMValueRef rest = LLVMBuildSub(b, end, index, ""), place = LLVMBuildGEP2(b, element, out, &index, 1, "");
    LLVMValueRef whole = LLVMBuildICmp(b, LLVMIntSGE, rest, grain, "");
    LLVMValueRef group = LLVMBuildUDiv(b, index, grain, "");
    emit_group(k, &fixed, group, LLVMBuildSelect(b, whole, place, buffer, ""), dtype);
    LLVMBuildCondBr(b, whole, next, partial);

    LLVMPositionBuilderAtEnd(b, partial);
    emit_copy(k, element, buffer, place, rest);
    LLVMBuildBr(b, done);

    LLVMPositionBuilderAtEnd(b, next);
    LLVMValueRef following = LLVMBuildAdd(b, index, grain, "");
    LLVMAddIncoming(index, (LLVMValueRef[]){begin, following}, (LLVMBasicBlockRef[]){entry, next}, 2);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntSLT, following, end, ""), loop, done);

    LLVMPositionBuilderAtEnd(b, done);
    LLVMBuildRetVoid(b);
}

LLVMValueRef random_emit_fill(MathContext *m, DType dtype)
{
    Kit kit = {m->context, m->module, NULL, HALF, m->no_fma};
    LLVMTypeRef i32 = LLVMInt32TypeInContext(m->context), i64 = LLVMInt64TypeInContext(m->context);
    LLVMTypeRef parameters[PARAMETERS] = {LLVMPointerTypeInContext(m->context, 0), i64, i64, i32, i32, i32, i32};
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(m->context), parameters, PARAMETERS, false);
    LLVMBasicBlockRef body;
    LLVMValueRef function = kit_function(&kit, dtype == DTYPE_F64 ? "hn_random_f64" : "hn_random_f32", type, false, &body);
    if (body) {
        kit.builder = LLVMCreateBuilderInContext(m->context);
        LLVMPositionBuilderAtEnd(kit.builder, body);
        emit_fill_body(&kit, function, dtype);
        LLVMDisposeBuilder(kit.builder);
    }
    return function;
}
