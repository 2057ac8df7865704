/* Common subexpression elimination: of ops with equal code, type, attributes and operands the first stays. Operands of
 * commutative ops are compared in order of value. */
#include <string.h>

#include "passes/passes.h"
#include "passes/rewrite.h"

static bool commutes(OpCode code)
{
    return code == OP_ADD || code == OP_MUL || code == OP_EQ || code == OP_NE || code == OP_AND || code == OP_OR;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 29);
}

static uint64_t mix_dims(uint64_t hash, Dims dims)
{
    hash = mix(hash, dims.n);
    for (unsigned i = 0; i < dims.n; i++)
        hash = mix(hash, (uint64_t)dims.v[i]);
    return hash;
}

static uint64_t number_bits(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static uint64_t hash_op(const Op *op)
{
    uint64_t hash = mix(op->code, op->type.dtype);
    for (unsigned i = 0; i < op->type.rank; i++)
        hash = mix(hash, (uint64_t)op->type.dims[i]);
    for (uint32_t i = 0; i < op->nargs; i++)
        hash = mix(hash, op->args[i]);
    hash = mix(mix(mix(hash, number_bits(op->number)), op->symbol), op->flags);
    return mix_dims(mix_dims(mix_dims(mix_dims(hash, op->a), op->b), op->c), op->d);
}

static bool mergeable(OpCode code)
{
    OpEffect effect = op_info[code].effect;
    return code != OP_INPUT && (effect == EFFECT_PURE || effect == EFFECT_SOURCE || effect == EFFECT_PSEUDO);
}

void pass_cse(Module *module, Function *function)
{
    uint32_t n = function->ops.len, slots = 16;
    while (slots < 2 * n)
        slots *= 2;
    Value *table = support_malloc(slots * sizeof *table); /* new values, open addressing */
    for (uint32_t i = 0; i < slots; i++)
        table[i] = NO_VALUE;

    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    Function *fresh = rewrite.b.function;
    for (Value v = 0; v < n; v++) {
        OpCode code = OP_AT(function, v)->code;
        Value copy = rewrite_copy(&rewrite, v);
        if (!mergeable(code))
            continue;
        Op *op = OP_AT(fresh, copy);
        if (commutes(code) && op->args[0] > op->args[1]) {
            Value first = op->args[0];
            op->args[0] = op->args[1];
            op->args[1] = first;
        }
        uint32_t slot = (uint32_t)hash_op(op) & (slots - 1);
        while (table[slot] != NO_VALUE && !op_equal(OP_AT(fresh, table[slot]), op))
            slot = (slot + 1) & (slots - 1);
        if (table[slot] == NO_VALUE) {
            table[slot] = copy;
        } else {
            rewrite.map[v] = table[slot];
            fresh->ops.len--; /* the copy just made, which nothing uses */
        }
    }
    rewrite_end(&rewrite);
    support_free(table);
}
