/* What functions of weights make at typical values of the conditions, when a run begins. */
#include "ir/map.h"
#include "passes/methods/methods.h"

/* Enough for a mean over them, and few where many numbers are made of each. */
int64_t typical_count(int64_t elements)
{
    enum { MOST = 256, NUMBERS = 1 << 22 };
    int64_t count = NUMBERS / elements;
    return count < 1 ? 1 : count > MOST ? MOST : count;
}

void build_typical(Assembly *assembly, Builder *b, const Function *from, Value *map, int64_t count, Value *values)
{
    VEC(Placeholder) placeholders = {0};
    for (Value v = 0; v < from->ops.len; v++)
        if (OP_AT(from, v)->code == OP_CONDITION)
            vec_push(&placeholders, (Placeholder){NO_VALUE, typical_values(assembly, b, OP_AT(from, v)->symbol, count)});
    Value start = b->function->ops.len;
    uint32_t conditions = 0;
    for (Value v = 0; v < from->ops.len; v++) {
        const Op *op = OP_AT(from, v);
        if (op->code == OP_CONDITION)
            map[v] = placeholders.data[conditions++].element = build_const(b, op->type, 0);
        else if (op->code != OP_STATE_READ)
            map[v] = build_copy_at_hand(b, from, v, map);
    }
    for (uint32_t i = 0; i < from->outputs.len; i++)
        values[i] = map[from->outputs.data[i].value];
    if (conditions)
        build_mapped(b, start, count, conditions, placeholders.data, from->outputs.len, values);
    vec_free(&placeholders);
}
