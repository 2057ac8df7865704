/* Random valid functions, compiled and interpreted. HNC_RANDOM_MODULES and HNC_RANDOM_SEED set how many modules and from which
 * seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/backend/compiled.h"

enum { FUNCTIONS = 6, MOST_OPS = 45, MOST_VALUES = 400 };

typedef struct Generator {
    uint64_t random;
    Module *module;
    Builder b;
    Value values[MOST_VALUES];
    bool exact[MOST_VALUES]; /* computed alike, bit for bit, by both: may decide comparisons */
    unsigned n;
    uint32_t states;
    bool written[16];
    int64_t most_elements; /* of a tensor */
} Generator;

static unsigned below(Generator *g, unsigned n)
{
    g->random += 0x9e3779b97f4a7c15u;
    uint64_t z = g->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ (z >> 31)) % n);
}

static void keep(Generator *g, Value v, bool exact)
{
    if (g->n == MOST_VALUES)
        return;
    g->values[g->n] = v;
    g->exact[g->n++] = exact;
}

static Type type_now(const Generator *g, unsigned i)
{
    return value_type(&g->b, g->values[i]);
}

static int64_t random_extent(Generator *g)
{
    static const int64_t extents[] = {1, 2, 3, 5, 7, 8, 16, 17, 20, 33};
    if (g->most_elements > 10000 && below(g, 4) == 0)
        return 120 + below(g, 200);
    return extents[below(g, COUNT_OF(extents))];
}

static Type random_shape(Generator *g, DType dtype)
{
    Type type = {.dtype = dtype};
    unsigned rank = below(g, 5);
    while (type.rank < rank) {
        int64_t extent = random_extent(g);
        if (type_elements(type) * extent > g->most_elements)
            break;
        type.dims[type.rank++] = extent;
    }
    return type;
}

/* A random value of a float type; recent ones are likelier, so that chains grow. */
static unsigned pick(Generator *g, bool exact)
{
    for (unsigned tries = 0; tries < 60; tries++) {
        unsigned i = below(g, 2) ? g->n - 1 - below(g, g->n < 8 ? g->n : 8) : below(g, g->n);
        if (type_now(g, i).dtype == g->module->real && (!exact || g->exact[i]))
            return i;
    }
    return 0; /* the first input: exact, of the real type */
}

static bool pick_like(Generator *g, Type type, unsigned *found)
{
    unsigned start = below(g, g->n);
    for (unsigned i = 0; i < g->n; i++) {
        *found = (start + i) % g->n;
        if (type_equal(type_now(g, *found), type))
            return true;
    }
    return false;
}

static void add_unary(Generator *g)
{
    static const OpCode codes[] = {OP_NEG,  OP_ABS,   OP_TANH, OP_SIN,   OP_COS,  OP_ERF,
                                   OP_SQRT, OP_LOG1P, OP_EXP,  OP_FLOOR, OP_SIGN, OP_STOP};
    OpCode code = codes[below(g, COUNT_OF(codes))];
    bool sharp = code == OP_FLOOR || code == OP_SIGN, smooth = code == OP_NEG || code == OP_ABS || code == OP_STOP || sharp;
    unsigned i = pick(g, sharp);
    Value x = g->values[i];
    if (code == OP_SQRT || code == OP_LOG1P || code == OP_EXP)
        x = build_with_const(&g->b, OP_ADD, build_unary(&g->b, OP_ABS, x), 0.25);
    if (code == OP_EXP)
        x = build_unary(&g->b, OP_NEG, x);
    keep(g, build_unary(&g->b, code, x), g->exact[i] && (smooth || code == OP_SQRT));
}

static void add_binary(Generator *g)
{
    static const OpCode codes[] = {OP_ADD, OP_SUB, OP_MUL, OP_MAX, OP_MIN, OP_DIV};
    OpCode code = codes[below(g, COUNT_OF(codes))];
    unsigned i = pick(g, false), j;
    if (!pick_like(g, type_now(g, i), &j))
        return;
    Value y = g->values[j];
    if (code == OP_DIV)
        y = build_with_const(&g->b, OP_ADD, build_unary(&g->b, OP_ABS, y), 1);
    keep(g, build_binary(&g->b, code, g->values[i], y), g->exact[i] && g->exact[j]);
}

static void add_choice(Generator *g)
{
    unsigned i = pick(g, true), j, yes = i, no;
    for (unsigned tries = 0; tries < 8; tries++)
        if (pick_like(g, type_now(g, i), &j) && g->exact[j])
            break;
        else
            j = i;
    Value less = build_binary(&g->b, below(g, 2) ? OP_LT : OP_EQ, g->values[i], g->values[j]);
    pick_like(g, type_now(g, i), &yes);
    pick_like(g, type_now(g, i), &no);
    if (below(g, 3) == 0)
        less = build_unary(&g->b, OP_NOT, less);
    keep(g, build_select(&g->b, less, g->values[yes], g->values[no]), g->exact[yes] && g->exact[no]);
    if (below(g, 4) == 0)
        keep(g, build_cast(&g->b, less, g->module->real), true);
}

static void add_broadcast(Generator *g)
{
    unsigned i = pick(g, false);
    Type x = type_now(g, i), type = {.dtype = x.dtype};
    Dims axes = {0};
    for (unsigned axis = 0; axis <= x.rank; axis++) {
        if (below(g, 3) == 0 && type.rank + x.rank - axis < 5) {
            int64_t extent = random_extent(g);
            if (type_elements(x) * extent * type_elements(type) <= g->most_elements)
                type.dims[type.rank++] = extent;
        }
        if (axis < x.rank) {
            axes.v[axes.n++] = type.rank;
            type.dims[type.rank++] = x.dims[axis];
        }
    }
    if (type_elements(type) <= g->most_elements && type.rank > x.rank)
        keep(g, build_broadcast(&g->b, g->values[i], type, axes), g->exact[i]);
}

static void add_reshape(Generator *g)
{
    unsigned i = pick(g, false);
    int64_t rest = type_elements(type_now(g, i));
    Type type = {.dtype = type_now(g, i).dtype};
    static const int64_t factors[] = {1, 2, 3, 5, 7, 8, 16, 17};
    while (type.rank < 4) {
        int64_t factor = factors[below(g, COUNT_OF(factors))];
        if (rest % factor == 0) {
            type.dims[type.rank++] = factor;
            rest /= factor;
        } else if (below(g, 4) == 0) {
            break;
        }
    }
    if (rest > 1 || type.rank == 0)
        type.dims[type.rank++] = rest;
    keep(g, build_reshape(&g->b, g->values[i], type), g->exact[i]);
}

/* Axes of extent 1 come or go: the value may stay in the kernel that makes it. */
static void add_units(Generator *g)
{
    unsigned i = pick(g, false);
    Type x = type_now(g, i), type = {.dtype = x.dtype};
    for (unsigned axis = 0; axis <= x.rank; axis++) {
        if (below(g, 3) == 0 && type.rank < 5)
            type.dims[type.rank++] = 1;
        if (axis < x.rank && x.dims[axis] != 1)
            type.dims[type.rank++] = x.dims[axis];
    }
    if (type.rank <= 5)
        keep(g, build_reshape(&g->b, g->values[i], type), g->exact[i]);
}

static void add_transpose(Generator *g)
{
    unsigned i = pick(g, false), rank = type_now(g, i).rank;
    Dims axes = {.n = (uint8_t)rank};
    for (unsigned a = 0; a < rank; a++)
        axes.v[a] = a;
    for (unsigned a = rank; a-- > 1;) {
        unsigned other = below(g, a + 1);
        int64_t swap = axes.v[a];
        axes.v[a] = axes.v[other];
        axes.v[other] = swap;
    }
    if (rank)
        keep(g, build_transpose(&g->b, g->values[i], axes), g->exact[i]);
}

static void add_slice_or_pad(Generator *g, bool pad)
{
    unsigned i = pick(g, false);
    Type x = type_now(g, i), type = x;
    Dims start = {.n = x.rank};
    for (unsigned axis = 0; axis < x.rank; axis++) {
        int64_t change = below(g, 3) == 0 ? (int64_t)below(g, 4) : 0;
        type.dims[axis] = pad ? x.dims[axis] + change : x.dims[axis] - change % x.dims[axis];
        start.v[axis] = below(g, (unsigned)(llabs(type.dims[axis] - x.dims[axis]) + 1));
    }
    if (type_elements(type) > g->most_elements)
        return;
    keep(g, pad ? build_pad(&g->b, g->values[i], start, type) : build_slice(&g->b, g->values[i], start, type), g->exact[i]);
}

static void add_concat(Generator *g)
{
    unsigned i = pick(g, false), j;
    Type type = type_now(g, i);
    if (!type.rank)
        return;
    Value parts[3] = {g->values[i]};
    unsigned n = 1, parts_wanted = 2 + below(g, 2);
    bool exact = g->exact[i];
    while (n < parts_wanted && pick_like(g, type, &j)) {
        exact &= g->exact[j];
        parts[n++] = g->values[j];
    }
    if (type_elements(type) * n <= g->most_elements)
        keep(g, build_concat(&g->b, n, parts, (int)below(g, type.rank)), exact);
}

static void add_reduction(Generator *g)
{
    bool argmax = below(g, 6) == 0;
    unsigned i = pick(g, argmax);
    Type type = type_now(g, i);
    if (!type.rank)
        return;
    if (argmax) {
        keep(g, build_cast(&g->b, build_argmax(&g->b, g->values[i], (int)below(g, type.rank)), g->module->real), true);
        return;
    }
    Dims axes = {0};
    for (unsigned axis = 0; axis < type.rank; axis++)
        if (below(g, 2))
            axes.v[axes.n++] = axis;
    bool sum = below(g, 3) > 0;
    Value x = build_reduce(&g->b, sum ? OP_REDUCE_SUM : OP_REDUCE_MAX, g->values[i], axes);
    double terms = (double)type_elements(type) / (double)type_elements(value_type(&g->b, x));
    keep(g, sum && axes.n ? build_with_const(&g->b, OP_MUL, x, 1 / terms) : x, g->exact[i] && (!sum || !axes.n));
}

static void add_dot(Generator *g)
{
    unsigned i = pick(g, false), j = pick(g, false);
    Type x = type_now(g, i), y = type_now(g, j);
    Dims contract_x = {0}, contract_y = {0}, batch_x = {0}, batch_y = {0};
    unsigned used = 0;
    int64_t terms = 1;
    for (unsigned a = 0; a < x.rank; a++)
        for (unsigned c = 0; c < y.rank; c++) {
            unsigned axis = y.rank - 1 - c;
            if (x.dims[a] != y.dims[axis] || used >> axis & 1 || below(g, 3) == 0)
                continue;
            used |= 1u << axis;
            bool batch = below(g, 3) == 0;
            Dims *dx = batch ? &batch_x : &contract_x, *dy = batch ? &batch_y : &contract_y;
            dx->v[dx->n++] = a;
            dy->v[dy->n++] = axis;
            terms *= batch ? 1 : x.dims[a];
            break;
        }
    int64_t batch = 1;
    for (unsigned a = 0; a < batch_x.n; a++)
        batch *= x.dims[batch_x.v[a]];
    int64_t elements = type_elements(x) / terms * (type_elements(y) / terms / batch);
    if (elements > g->most_elements || x.rank + y.rank - 2 * contract_x.n - batch_x.n > 5)
        return;
    Value z = build_dot(&g->b, g->values[i], g->values[j], contract_x, contract_y, batch_x, batch_y);
    keep(g, build_with_const(&g->b, OP_MUL, z, 1.0 / (double)terms), false);
}

static void add_table(Generator *g, Value index)
{
    unsigned i = pick(g, false);
    Type type = type_now(g, i);
    int64_t rows = type_elements(value_type(&g->b, index));
    if (!type.rank || type.dims[0] < 5)
        return;
    if (type_elements(type) / type.dims[0] * rows <= g->most_elements && type.rank < 4)
        keep(g, build_gather(&g->b, g->values[i], index), g->exact[i]);
    if (type.dims[0] == rows)
        keep(g, build_scatter_add(&g->b, index, g->values[i], 5 + (int64_t)below(g, 4)), false);
}

static void add_state(Generator *g)
{
    uint32_t s = below(g, g->states);
    unsigned i;
    Type type = g->module->states.data[s].type;
    if (below(g, 2) || g->written[s]) {
        keep(g, build_read(&g->b, s), true);
    } else if (pick_like(g, type, &i)) {
        build_write(&g->b, s, g->values[i]);
        g->written[s] = true;
    }
}

static void generate_function(Generator *g, unsigned index)
{
    char name[32];
    snprintf(name, sizeof name, "f%u", index);
    g->b = (Builder){.module = g->module, .function = function_new(g->module, name)};
    g->n = 0;
    memset(g->written, 0, sizeof g->written);
    DType real = g->module->real;
    keep(g, build_input(&g->b, "x", random_shape(g, real)), true);
    keep(g, build_input(&g->b, "y", random_shape(g, real)), true);
    keep(g, build_read(&g->b, below(g, g->states)), true);
    Value index_value = build_input(&g->b, "index", type_of(DTYPE_I32, 1, (int64_t[]){random_extent(g)}));
    Value seed = build_input(&g->b, "seed", type_of(DTYPE_I32, 1, (int64_t[]){2})),
          step = build_input(&g->b, "step", type_scalar(DTYPE_I32));
    keep(g, build_with_const(&g->b, OP_DIV, build_cast(&g->b, build_fetch(&g->b, 0, index_value), real), 255), true);
    keep(g, build_fetch(&g->b, 1, index_value), true);
    unsigned ops = 4 + below(g, MOST_OPS);
    for (unsigned i = 0; i < ops; i++)
        switch (below(g, 18)) {
        case 0:
        case 1:
        case 2:
            add_unary(g);
            break;
        case 3:
        case 4:
        case 5:
            add_binary(g);
            break;
        case 6:
            add_choice(g);
            break;
        case 7:
            add_broadcast(g);
            break;
        case 8:
            add_reshape(g);
            break;
        case 9:
            add_transpose(g);
            break;
        case 10:
            add_slice_or_pad(g, below(g, 2));
            break;
        case 11:
            add_concat(g);
            break;
        case 12:
            add_reduction(g);
            break;
        case 13:
            add_dot(g);
            break;
        case 14:
            add_table(g, index_value);
            break;
        case 15:
            add_state(g);
            break;
        case 16:
            add_units(g);
            break;
        case 17:
            if (below(g, 3) == 0)
                keep(g, build_random(&g->b, seed, step, random_shape(g, real), i, 0), true);
            else if (below(g, 2))
                keep(g, build_const(&g->b, type_now(g, pick(g, false)), 0.5), true);
            else if (type_now(g, g->n - 1).rank)
                keep(g, build_iota(&g->b, type_with_dtype(type_now(g, g->n - 1), real), 0), true);
            break;
        }
    for (unsigned i = 0; i < 1 + below(g, 5); i++) {
        snprintf(name, sizeof name, "out%u", i);
        build_output(&g->b, name, i ? g->values[below(g, g->n)] : g->values[g->n - 1]);
    }
}

static Module *random_module(uint64_t seed, DType real)
{
    Generator g = {.random = seed * 77, .module = module_new("random", real), .most_elements = seed % 4 ? 3000 : 40000};
    vec_push(&g.module->fields, (Field){.name = "d.u8", .type = type_of(DTYPE_U8, 2, (int64_t[]){3, 5})});
    vec_push(&g.module->fields, (Field){.name = "d.real", .type = type_of(real, 1, (int64_t[]){7})});
    for (g.states = 0; g.states < 5; g.states++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", g.states);
        Type type = g.states % 2 ? g.module->states.data[g.states - 1].type : random_shape(&g, real);
        module_state(g.module, name, type, STATE_WEIGHT);
    }
    for (unsigned i = 0; i < FUNCTIONS; i++)
        generate_function(&g, i);
    return g.module;
}

static unsigned setting(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void check_random_modules(DType real, double tolerance)
{
    unsigned first = setting("HNC_RANDOM_SEED", 1), count = setting("HNC_RANDOM_MODULES", 40);
    for (unsigned seed = first; seed < first + count; seed++) {
        Module *module = random_module(seed, real);
        Case c = {.module = module, .seed = seed, .tolerance = tolerance};
        uint64_t digest = check_compiled(&c, 1, DEFAULT_CPU, 1);
        if (seed % 4 == 0) {
            assert_true(check_compiled(&c, 0, "x86-64-v2", 2) == digest);
            assert_true(check_compiled(&c, 3, DEFAULT_CPU, 3) == digest);
        }
        module_free(module);
    }
}

static void test_random_programs_f64(void **state)
{
    (void)state;
    check_random_modules(DTYPE_F64, 1e-12);
}

static void test_random_programs_f32(void **state)
{
    (void)state;
    check_random_modules(DTYPE_F32, 2e-4); /* chains amplify rounding; f64 shows that it is rounding */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_programs_f64), cmocka_unit_test(test_random_programs_f32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
