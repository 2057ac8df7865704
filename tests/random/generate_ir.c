/* Random IR functions, and modules of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/random/generator.h"

/* ---- results ---- */

static void output_values(Generator *g)
{
    unsigned count = 1 + below(g, 5);
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "out%u", i);
        build_output(&g->b, name, i ? g->values[below(g, g->n)] : g->values[g->n - 1]);
    }
}

static Value sum_of_all(Generator *g, Value x)
{
    Type type = value_type(&g->b, x);
    Dims all = {.n = type.rank};
    for (unsigned axis = 0; axis < type.rank; axis++)
        all.v[axis] = axis;
    return build_reduce(&g->b, OP_REDUCE_SUM, x, all);
}

static Value sum_of_products(Generator *g, Value x, Value y)
{
    return sum_of_all(g, build_binary(&g->b, OP_MUL, x, y));
}

/* A direction in which a leaf moves: different numbers in every element. */
static Value direction(Generator *g, Value leaf, unsigned number)
{
    Type type = value_type(&g->b, leaf);
    Value random = build_random(&g->b, g->seed, g->step, type, 1000 + number, 0);
    return build_with_const(&g->b, OP_SUB, random, 0.5);
}

/* The loss: means of one to three values. Its gradients with respect to the leaves, its slope by both modes, and for leaves that
 * are states a step of gradient descent. */
static void output_gradients(Generator *g, unsigned leaves, const Value *leaf, const uint32_t *state)
{
    Value loss = build_const(&g->b, type_scalar(g->real), 0);
    unsigned terms = 1 + below(g, 3);
    for (unsigned i = 0; i < terms; i++) {
        Value v = i ? g->values[below(g, g->n)] : g->values[g->n - 1];
        double elements = (double)type_elements(value_type(&g->b, v));
        Value sum = below(g, 2) ? sum_of_all(g, v) : sum_of_products(g, v, v);
        loss = build_binary(&g->b, OP_ADD, loss, build_with_const(&g->b, OP_DIV, sum, elements));
    }
    build_output(&g->b, "loss", loss);
    Value tangents[4], grads[4], slope = NO_VALUE;
    for (unsigned i = 0; i < leaves; i++) {
        char name[32];
        tangents[i] = direction(g, leaf[i], i);
        grads[i] = build_grad(&g->b, loss, leaf[i]);
        snprintf(name, sizeof name, "grad%u", i);
        build_output(&g->b, name, grads[i]);
        Value along = sum_of_products(g, grads[i], tangents[i]);
        slope = i ? build_binary(&g->b, OP_ADD, slope, along) : along;
    }
    build_output(&g->b, "reverse", slope);
    build_output(&g->b, "forward", build_tangent(&g->b, loss, leaves, leaf, tangents));
    for (unsigned i = 0; i < leaves; i++)
        if (state[i] != UINT32_MAX && below(g, 2))
            build_write(&g->b, state[i], build_binary(&g->b, OP_SUB, leaf[i], build_with_const(&g->b, OP_MUL, grads[i], 0.125)));
}

static void generate_function(Generator *g, uint64_t seed)
{
    char name[48];
    DType real = g->real;
    snprintf(name, sizeof name, "p%llu", (unsigned long long)seed);
    g->b = (Builder){.module = g->module, .function = function_new(g->module, name)};
    g->smooth = below(g, 3) != 0;
    g->most_elements = below(g, 60) == 0 ? 90000 : below(g, 6) == 0 ? 3000 : 400;
    for (unsigned i = 0; i < COUNT_OF(g->extents); i++)
        g->extents[i] = i && below(g, 2) ? g->extents[0] : any_extent(g);
    for (unsigned s = 0; s < STATES; s++) {
        snprintf(name, sizeof name, "p%llu.s%u", (unsigned long long)seed, s);
        Type type = s % 2 ? g->module->states.data[g->states[s - 1]].type : random_shape(g);
        g->states[s] = module_state(g->module, name, type, STATE_WEIGHT);
    }
    Type like = g->module->states.data[g->states[0]].type;
    Value leaf[4] = {build_input(&g->b, "x", below(g, 2) ? like : random_shape(g)), build_input(&g->b, "y", random_shape(g))};
    uint32_t state[4] = {UINT32_MAX, UINT32_MAX, g->states[0], g->states[1]};
    g->index = build_input(&g->b, "index", type_of(DTYPE_I32, 1, (int64_t[]){random_extent(g)}));
    g->seed = build_input(&g->b, "seed", type_of(DTYPE_I32, 1, (int64_t[]){2}));
    g->step = build_input(&g->b, "step", type_scalar(DTYPE_I32));
    leaf[2] = build_read(&g->b, g->states[0]);
    leaf[3] = build_read(&g->b, g->states[1]);
    for (unsigned i = 0; i < 4; i++)
        keep(g, leaf[i], true);
    keep(g, build_with_const(&g->b, OP_DIV, build_cast(&g->b, build_fetch(&g->b, 0, g->index), real), 256), true);
    keep(g, build_fetch(&g->b, 1, g->index), true);
    unsigned ops = 3 + below(g, below(g, 6) ? 9 : below(g, 6) ? 16 : 45);
    for (unsigned i = 0; i < ops; i++)
        add_op(g, i);
    if (g->smooth)
        output_gradients(g, 1 + below(g, 4), leaf, state);
    else
        output_values(g);
}

Module *random_module(uint64_t first, unsigned count, DType real, bool optimized)
{
    Module *module = module_new("random", real);
    vec_push(&module->fields, (Field){.name = "d.u8", .type = type_of(DTYPE_U8, 2, (int64_t[]){3, 5})});
    vec_push(&module->fields, (Field){.name = "d.real", .type = type_of(real, 1, (int64_t[]){7})});
    for (uint64_t seed = first; seed < first + count; seed++) {
        Generator g = {.dice = {seed * 0x2545f4914f6cdd1du}, .module = module, .real = real};
        generate_function(&g, seed);
        if (optimized) {
            pass_finish(NULL, module, g.b.function);
        } else {
            pass_differentiate(module, g.b.function);
            pass_windows(module, g.b.function);
        }
    }
    return module;
}
