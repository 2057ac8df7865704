/* Every kind of kernel against the interpreter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/backend/compiled.h"

/* ---- elementwise ---- */

static const int64_t odd_sizes[] = {1, 7, 16, 17, 300};

/* A value on which `code` is defined everywhere. */
static Value domain(Builder *b, OpCode code, Value x)
{
    if (code == OP_LOG || code == OP_SQRT || code == OP_LOG1P || code == OP_POW)
        return build_with_const(b, OP_ADD, build_unary(b, OP_ABS, x), 0.1);
    return x;
}

static void elementwise(DType real)
{
    Module *module = module_new("elementwise", real);
    for (size_t i = 0; i < COUNT_OF(odd_sizes); i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", (int)odd_sizes[i]);
        Builder b = new_function(module, name);
        Value x = build_input(&b, "x", vector(real, odd_sizes[i])), y = build_input(&b, "y", vector(real, odd_sizes[i]));
        for (OpCode code = OP_NEG; code <= OP_LE; code++) {
            if (code == OP_NOT)
                continue;
            Value at = domain(&b, code, x);
            build_output(&b, op_info[code].name,
                         op_info[code].arity == 1 ? build_unary(&b, code, at) : build_binary(&b, code, at, y));
        }
        Value less = build_binary(&b, OP_LT, x, y), positive = build_binary(&b, OP_LT, build_const(&b, value_type(&b, x), 0), x);
        build_output(&b, "select", build_select(&b, less, x, y));
        build_output(&b, "not", build_unary(&b, OP_NOT, less));
        build_output(&b, "and", build_binary(&b, OP_AND, less, positive));
        build_output(&b, "or", build_binary(&b, OP_OR, less, positive));
    }
    check_module(module);
}

static void test_elementwise(void **state)
{
    (void)state;
    for_each_real(elementwise);
}

static void test_integers_and_casts(void **state)
{
    (void)state;
    static const DType dtypes[] = {DTYPE_F32, DTYPE_F64, DTYPE_I32, DTYPE_U8, DTYPE_BOOL};
    Module *module = module_new("casts", DTYPE_F32);
    for (size_t i = 0; i < COUNT_OF(dtypes); i++) {
        Builder b = new_function(module, dtype_name(dtypes[i]));
        Value x = build_input(&b, "x", vector(dtypes[i], 37));
        for (size_t j = 0; j < COUNT_OF(dtypes); j++)
            if (i != j)
                build_output(&b, dtype_name(dtypes[j]), build_cast(&b, x, dtypes[j]));
    }
    Builder b = new_function(module, "integers");
    Value x = build_input(&b, "x", vector(DTYPE_I32, 37)), y = build_input(&b, "y", vector(DTYPE_I32, 37));
    Value wide = build_with_const(&b, OP_MUL, build_with_const(&b, OP_ADD, x, -2), 715827883);
    for (OpCode code = OP_ADD; code <= OP_LE; code++)
        if (code != OP_DIV && code != OP_POW)
            build_output(&b, op_info[code].name, build_binary(&b, code, wide, y));
    build_output(&b, "within", build_binary(&b, OP_WITHIN, wide, y));
    build_output(&b, "sum", build_reduce(&b, OP_REDUCE_SUM, wide, dims_of(1, 0)));
    build_output(&b, "most", build_reduce(&b, OP_REDUCE_MAX, wide, dims_of(1, 0)));
    Value byte = build_cast(&b, build_with_const(&b, OP_MUL, wide, -1), DTYPE_U8),
          big = build_const(&b, vector(DTYPE_F32, 37), 1e20);
    build_output(&b, "byte", byte);
    build_output(&b, "saturated", build_cast(&b, big, DTYPE_I32));
    check_module(module);
}

/* ---- reductions ---- */

static void reductions(DType real)
{
    Module *module = module_new("reductions", real);
    static const int64_t shapes[][3] = {{1, 1, 1},     {3, 5, 7},  {17, 4, 33},  {2, 300, 16},
                                        {130, 3, 200}, {5, 1, 64}, {700, 3, 40}, {1, 3000, 33}};
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d", (int)i);
        Builder b = new_function(module, name);
        Value x = build_input(&b, "x", cube(real, shapes[i][0], shapes[i][1], shapes[i][2]));
        Value nothing = build_const(&b, value_type(&b, x), NAN); /* for few numbers, so that some results are NaN */
        Value holes = build_select(&b, build_binary(&b, OP_LT, build_const(&b, value_type(&b, x), 1.2), x), nothing, x);
        build_output(&b, "larger", build_binary(&b, OP_MAX, build_unary(&b, OP_NEG, x), holes));
        build_output(&b, "smaller", build_binary(&b, OP_MIN, holes, build_unary(&b, OP_NEG, x)));
        for (unsigned axes = 1; axes < 8; axes++) {
            Dims removed = {0};
            for (unsigned axis = 0; axis < 3; axis++)
                if (axes >> axis & 1)
                    removed.v[removed.n++] = axis;
            snprintf(name, sizeof name, "sum%u", axes);
            build_output(&b, name, build_reduce(&b, OP_REDUCE_SUM, x, removed));
            snprintf(name, sizeof name, "max%u", axes);
            build_output(&b, name, build_reduce(&b, OP_REDUCE_MAX, build_unary(&b, OP_NEG, x), removed));
            snprintf(name, sizeof name, "holes%u", axes);
            build_output(&b, name, build_reduce(&b, OP_REDUCE_MAX, holes, removed));
        }
        for (int axis = 0; axis < 3; axis++) {
            snprintf(name, sizeof name, "argmax%d", axis);
            build_output(&b, name, build_argmax(&b, x, axis));
        }
    }
    check_module(module);
}

/* Lines of any stride and length, numbers of every type, many of them equal, infinite or NaN. */
static void sorts(DType real)
{
    Module *module = module_new("sorts", real);
    static const int64_t shapes[][3] = {{1, 1, 1}, {3, 2, 7}, {17, 4, 33}, {2, 300, 3}};
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d", (int)i);
        Builder b = new_function(module, name);
        Value x = build_input(&b, "x", cube(real, shapes[i][0], shapes[i][1], shapes[i][2]));
        Value whole = build_unary(&b, OP_FLOOR, build_with_const(&b, OP_MUL, x, 3)), zero = build_const(&b, value_type(&b, x), 0);
        Value holes = build_binary(&b, OP_DIV, whole, build_unary(&b, OP_FLOOR, x)); /* 0 / 0 and 1 / 0 */
        Value given[] = {x, whole, build_binary(&b, OP_DIV, zero, zero), holes, build_cast(&b, whole, DTYPE_I32)};
        for (int axis = 0; axis < 3; axis++)
            for (size_t k = 0; k < COUNT_OF(given); k++) {
                Value places = build_sort(&b, given[k], axis);
                snprintf(name, sizeof name, "places%d_%d", axis, (int)k);
                build_output(&b, name, places);
                snprintf(name, sizeof name, "sorted%d_%d", axis, (int)k);
                build_output(&b, name, build_take_along(&b, given[k], places, (unsigned)axis));
            }
    }
    check_module(module);
}

static void test_sorts(void **state)
{
    (void)state;
    for_each_real(sorts);
}

static void test_reductions(void **state)
{
    (void)state;
    for_each_real(reductions);
}

static void softmax_chain(DType real)
{
    Module *module = module_new("softmax", real);
    Builder b = new_function(module, "f");
    Type type = matrix(real, 37, 10);
    Value x = build_input(&b, "x", type);
    Value most = build_broadcast(&b, build_reduce(&b, OP_REDUCE_MAX, x, dims_of(1, 1)), type, dims_of(1, 0));
    Value e = build_unary(&b, OP_EXP, build_binary(&b, OP_SUB, x, most));
    Value sum = build_broadcast(&b, build_reduce(&b, OP_REDUCE_SUM, e, dims_of(1, 1)), type, dims_of(1, 0));
    Value p = build_binary(&b, OP_DIV, e, sum);
    build_output(&b, "p", p);
    build_output(&b, "entropy",
                 build_reduce(&b, OP_REDUCE_SUM, build_binary(&b, OP_MUL, p, build_unary(&b, OP_LOG, p)), dims_of(2, 0, 1)));
    check_module(module);
}

static void test_softmax(void **state)
{
    (void)state;
    for_each_real(softmax_chain);
}

/* ---- views ---- */

static void views(DType real)
{
    Module *module = module_new("views", real);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", cube(real, 4, 6, 35)), y = build_input(&b, "y", matrix(real, 6, 4));
    Value t = build_transpose(&b, x, dims_of(3, 2, 0, 1));
    build_output(&b, "transposed", build_unary(&b, OP_EXP, t));
    build_output(&b, "view", t);
    Value cut = build_slice(&b, x, dims_of(3, 1, 2, 3), cube(real, 2, 4, 31));
    build_output(&b, "cut", cut);
    build_output(&b, "cut of sum", build_slice(&b, build_binary(&b, OP_ADD, x, x), dims_of(3, 1, 2, 3), cube(real, 2, 4, 31)));
    Value spread = build_broadcast(&b, y, cube(real, 6, 35, 4), dims_of(2, 0, 2));
    build_output(&b, "spread", build_binary(&b, OP_MUL, build_transpose(&b, spread, dims_of(3, 2, 0, 1)), x));
    Value flat = build_reshape(&b, t, matrix(real, 35 * 4, 6));
    build_output(&b, "flat", build_unary(&b, OP_NEG, flat));
    build_output(&b, "flat cut", build_reshape(&b, cut, vector(real, 2 * 4 * 31)));
    build_output(&b, "flat of sum", build_reshape(&b, build_binary(&b, OP_ADD, x, x), vector(real, 4 * 6 * 35)));
    build_output(&b, "units", build_reshape(&b, build_unary(&b, OP_ABS, x), type_of(real, 5, (int64_t[]){4, 1, 6, 35, 1})));
    build_output(&b, "split", build_reshape(&b, build_unary(&b, OP_ABS, x), type_of(real, 5, (int64_t[]){2, 2, 6, 7, 5})));
    build_output(&b, "iota", build_iota(&b, cube(real, 3, 20, 5), 1));
    build_output(&b, "iota cut",
                 build_slice(&b, build_iota(&b, cube(DTYPE_I32, 3, 20, 50), 2), dims_of(3, 0, 4, 9), cube(DTYPE_I32, 3, 3, 19)));
    build_output(&b, "iota flat", build_reshape(&b, build_iota(&b, cube(real, 3, 20, 5), 1), vector(real, 300)));
    build_output(&b, "constant", build_const(&b, matrix(real, 3, 3), 2.5));
    check_module(module);
}

static void test_views(void **state)
{
    (void)state;
    for_each_real(views);
}

/* Windows along rows, and what has the shape of a pooling's way back: numbers and truths a few places apart are read and written.
 */
static void lanes_apart(DType real)
{
    Module *module = module_new("apart", real);
    for (int64_t step = 1; step <= 6; step++)
        for (int64_t count = 1; count <= 41; count += 10) {
            char name[32];
            snprintf(name, sizeof name, "f%d_%d", (int)step, (int)count);
            Builder b = new_function(module, name);
            for (int backwards = 0; backwards < 2; backwards++) {
                int64_t extent = step < 3 ? step : step - 1, length = (count - 1) * step + extent;
                Value x = build_input(&b, backwards ? "y" : "x", matrix(real, 3, length));
                Windows w = {dims_of(1, 1), dims_of(1, extent), dims_of(1, step), dims_of(1, backwards ? -1 : 1)};
                Value patches = build_window(&b, x, w), most = build_reduce(&b, OP_REDUCE_MAX, patches, dims_of(1, 2));
                Value same =
                    build_binary(&b, OP_EQ, patches, build_broadcast(&b, most, value_type(&b, patches), dims_of(2, 0, 1)));
                Value places = build_transpose(&b, same, dims_of(3, 0, 2, 1));
                build_output(&b, backwards ? "most of y" : "most of x", most);
                build_output(&b, backwards ? "where of y" : "where of x", same);
                build_output(&b, backwards ? "places of y" : "places of x", places);
                Value turned = build_transpose(&b, patches, dims_of(3, 0, 2, 1));
                build_output(&b, backwards ? "turned y" : "turned x", build_unary(&b, OP_NEG, turned));
            }
        }
    check_widths(module);
}

static void test_lanes_apart(void **state)
{
    (void)state;
    for_each_real(lanes_apart);
}

static void joins(DType real)
{
    Module *module = module_new("joins", real);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", matrix(real, 5, 7)), y = build_input(&b, "y", matrix(real, 5, 9));
    Value w = build_input(&b, "w", matrix(real, 9, 7));
    Value product = build_dot(&b, y, w, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value parts[] = {build_unary(&b, OP_EXP, x), y, product, build_unary(&b, OP_EXP, x), x};
    Value wide = build_concat(&b, 5, parts, 1);
    build_output(&b, "wide", wide);
    Value tall[] = {wide, wide, build_binary(&b, OP_ADD, wide, wide)};
    build_output(&b, "tall", build_concat(&b, 3, tall, 0));
    Value both = build_concat(&b, 2, (Value[]){x, build_unary(&b, OP_NEG, x)}, 0);
    Value tripled = build_reduce(&b, OP_REDUCE_SUM, build_broadcast(&b, x, cube(real, 5, 7, 3), dims_of(2, 0, 1)), dims_of(1, 2));
    Value inner[] = {both, w, tripled};
    build_output(&b, "nested", build_concat(&b, 3, inner, 0));
    build_output(&b, "sum", build_reduce(&b, OP_REDUCE_SUM, wide, dims_of(1, 0)));
    build_output(&b, "padded", build_pad(&b, x, dims_of(2, 2, 1), matrix(real, 8, 20)));
    build_output(&b, "padded sum",
                 build_unary(&b, OP_EXP, build_pad(&b, build_binary(&b, OP_ADD, x, x), dims_of(2, 0, 3), matrix(real, 5, 10))));
    Windows windows = {dims_of(2, 0, 1), dims_of(2, 2, 3), dims_of(2, 1, 2), dims_of(2, -2, 1)};
    Value patches = build_window(&b, wide, windows);
    build_output(&b, "patches", build_unary(&b, OP_EXP, patches));
    build_output(&b, "most of patches", build_reduce(&b, OP_REDUCE_MAX, patches, dims_of(2, 2, 3)));
    build_output(&b, "piece", build_unary(&b, OP_NEG, build_slice(&b, product, dims_of(2, 1, 2), matrix(real, 3, 4))));
    check_module(module);
}

static void test_joins(void **state)
{
    (void)state;
    for_each_real(joins);
}

/* ---- tables and data ---- */

static void test_fetch_and_tables(void **state)
{
    (void)state;
    Module *module = module_new("tables", DTYPE_F32);
    vec_push(&module->fields, (Field){.name = "d.image", .type = matrix(DTYPE_U8, 4, 6)});
    vec_push(&module->fields, (Field){.name = "d.label", .type = type_scalar(DTYPE_I32)});
    vec_push(&module->fields, (Field){.name = "d.row", .type = vector(DTYPE_F32, 19)});
    Builder b = new_function(module, "f");
    Value index = build_input(&b, "index", vector(DTYPE_I32, 11)), table = build_input(&b, "table", matrix(DTYPE_F32, 5, 3));
    Value image = build_fetch(&b, 0, index), label = build_fetch(&b, 1, index), row = build_fetch(&b, 2, index);
    Value flat = build_cast(&b, build_reshape(&b, image, matrix(DTYPE_U8, 11, 24)), DTYPE_F32);
    build_output(&b, "image", image);
    build_output(&b, "label", label);
    build_output(&b, "flat", build_with_const(&b, OP_DIV, flat, 255));
    Type hot = matrix(DTYPE_I32, 11, 5);
    Value onehot = build_cast(&b, build_binary(&b, OP_EQ, build_broadcast(&b, label, hot, dims_of(1, 0)), build_iota(&b, hot, 1)),
                              DTYPE_F32);
    build_output(&b, "onehot", onehot);
    Value w = build_input(&b, "w", matrix(DTYPE_F32, 24, 7));
    build_output(&b, "product", build_dot(&b, flat, w, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0}));
    build_output(&b, "raw product", build_dot(&b, row, row, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0}));
    build_output(&b, "means", build_reduce(&b, OP_REDUCE_SUM, flat, dims_of(1, 0)));
    build_output(&b, "embedded", build_gather(&b, table, label));
    build_output(&b, "picked",
                 build_gather(&b, build_unary(&b, OP_EXP, table), build_input(&b, "pick", matrix(DTYPE_I32, 2, 17))));
    build_output(&b, "scattered", build_scatter_add(&b, label, flat, 5));
    build_output(&b, "counts", build_scatter_add(&b, label, build_const(&b, vector(DTYPE_F32, 11), 1), 5));
    check_module(module);
}

static void random_numbers(DType real)
{
    Module *module = module_new("random", real);
    Builder b = new_function(module, "f");
    Value seed = build_input(&b, "seed", vector(DTYPE_I32, 2)), step = build_input(&b, "step", type_scalar(DTYPE_I32));
    Value u = build_random(&b, seed, step, matrix(real, 30, 41), 3, 0),
          v = build_random(&b, seed, step, matrix(real, 600, 300), 4, 0);
    build_output(&b, "u", u);
    build_output(&b, "mask", build_binary(&b, OP_LT, u, build_const(&b, value_type(&b, u), 0.25)));
    build_output(&b, "mean", build_reduce(&b, OP_REDUCE_SUM, build_with_const(&b, OP_MUL, v, 1e-3), dims_of(2, 0, 1)));
    build_output(&b, "product", build_dot(&b, u, u, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0}));
    check_module(module);
}

static void test_random_numbers(void **state)
{
    (void)state;
    for_each_real(random_numbers);
}

/* ---- products ---- */

/* Each shape plain and transposed on either side; the last two are those that OpenBLAS makes. */
static void products(DType real)
{
    static const int64_t extents[][3] = {
        {1, 1, 1},    {1, 1, 50},    {1, 300, 1},   {7, 1, 16},   {1, 17, 33},   {3, 5, 2},     {16, 16, 16},
        {17, 33, 9},  {4, 100, 10},  {31, 32, 33},  {32, 32, 32}, {33, 40, 31},  {128, 10, 30}, {10, 128, 100},
        {65, 64, 63}, {300, 1, 128}, {128, 300, 1}, {5, 7, 8},    {53, 60, 193}, {65, 64, 200},
    };
    Module *module = module_new("products", real);
    for (size_t i = 0; i < COUNT_OF(extents); i++)
        for (int mode = 0; mode < 4; mode++) {
            Builder b = numbered_function(module, i, mode);
            Value z = product(&b, real, extents[i][0], extents[i][1], extents[i][2], mode);
            build_output(&b, "z", z);
            build_output(&b, "exp", build_unary(&b, OP_TANH, z));
        }
    check_module(module);
}

static void test_products(void **state)
{
    (void)state;
    for_each_real(products);
}

static void general_products(DType real)
{
    Module *module = module_new("general", real);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", cube(real, 4, 5, 6)), y = build_input(&b, "y", cube(real, 5, 4, 7));
    Value z = build_input(&b, "z", cube(real, 6, 5, 4)), w = build_input(&b, "w", matrix(real, 40, 50));
    Dims no = {0};
    build_output(&b, "batch", build_dot(&b, x, y, dims_of(1, 1), dims_of(1, 0), dims_of(1, 0), dims_of(1, 1)));
    build_output(&b, "two", build_dot(&b, x, y, dims_of(2, 0, 1), dims_of(2, 1, 0), no, no));
    build_output(&b, "crossed", build_dot(&b, x, z, dims_of(2, 0, 2), dims_of(2, 2, 0), no, no));
    build_output(&b, "all", build_dot(&b, x, x, dims_of(3, 0, 1, 2), dims_of(3, 0, 1, 2), no, no));
    build_output(&b, "free", build_dot(&b, x, z, dims_of(1, 1), dims_of(1, 1), no, no));
    build_output(&b, "outer", build_dot(&b, x, build_input(&b, "v", vector(real, 9)), no, no, no, no));
    build_output(&b, "batched outer", build_dot(&b, x, z, no, no, dims_of(1, 1), dims_of(1, 1)));
    build_output(&b, "batch only", build_dot(&b, x, x, no, no, dims_of(3, 0, 1, 2), dims_of(3, 0, 1, 2)));
    build_output(&b, "rows",
                 build_dot(&b, build_slice(&b, w, dims_of(2, 3, 4), matrix(real, 33, 40)),
                           build_slice(&b, w, dims_of(2, 0, 8), matrix(real, 40, 36)), dims_of(1, 1), dims_of(1, 0), no, no));
    Value t = build_transpose(&b, build_unary(&b, OP_NEG, w), dims_of(2, 1, 0));
    build_output(&b, "transposed", build_dot(&b, t, w, dims_of(1, 1), dims_of(1, 0), no, no));
    Value spread = build_broadcast(&b, build_input(&b, "s", vector(real, 40)), matrix(real, 50, 40), dims_of(1, 1));
    build_output(&b, "spread", build_dot(&b, spread, w, dims_of(1, 1), dims_of(1, 0), no, no));
    Value column = build_slice(&b, w, dims_of(2, 0, 3), matrix(real, 40, 1));
    build_output(&b, "column", build_dot(&b, w, column, dims_of(1, 0), dims_of(1, 0), no, no));
    Value strided = build_slice(&b, x, dims_of(3, 0, 0, 2), cube(real, 4, 5, 1));
    build_output(&b, "strided", build_dot(&b, strided, strided, dims_of(1, 1), dims_of(1, 1), no, no));
    Value halves[] = {build_dot(&b, w, w, dims_of(1, 1), dims_of(1, 1), no, no),
                      build_dot(&b, w, t, dims_of(1, 1), dims_of(1, 0), no, no)};
    build_output(&b, "joined", build_concat(&b, 2, halves, 1));
    check_module(module);
}

static void test_general_products(void **state)
{
    (void)state;
    for_each_real(general_products);
}

/* ---- state ---- */

static void test_adam_is_one_kernel_in_place(void **state)
{
    (void)state;
    Module *module = module_new("adam", DTYPE_F32);
    Type type = matrix(DTYPE_F32, 30, 21);
    uint32_t w = module_state(module, "w", type, STATE_WEIGHT), m = module_state(module, "m", type, STATE_OPTIMIZER);
    uint32_t v = module_state(module, "v", type, STATE_OPTIMIZER),
             t = module_state(module, "t", type_scalar(DTYPE_I32), STATE_COUNTER);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", matrix(DTYPE_F32, 13, 21)), d = build_input(&b, "d", matrix(DTYPE_F32, 13, 30));
    Value g = build_dot(&b, d, x, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value step = build_cast(&b, build_with_const(&b, OP_ADD, build_read(&b, t), 1), DTYPE_F32);
    Value correction = build_with_const(
        &b, OP_ADD, build_unary(&b, OP_NEG, build_binary(&b, OP_POW, build_const(&b, type_scalar(DTYPE_F32), 0.9), step)), 1);
    Value m1 =
        build_binary(&b, OP_ADD, build_with_const(&b, OP_MUL, build_read(&b, m), 0.9), build_with_const(&b, OP_MUL, g, 0.1));
    Value v1 = build_binary(&b, OP_ADD, build_with_const(&b, OP_MUL, build_unary(&b, OP_ABS, build_read(&b, v)), 0.99),
                            build_with_const(&b, OP_MUL, build_binary(&b, OP_MUL, g, g), 0.01));
    Value delta = build_binary(&b, OP_DIV, m1, build_with_const(&b, OP_ADD, build_unary(&b, OP_SQRT, v1), 1e-3));
    delta = build_binary(&b, OP_DIV, delta, build_splat(&b, correction, type));
    build_write(&b, m, m1);
    build_write(&b, v, v1);
    build_write(&b, w, build_binary(&b, OP_SUB, build_read(&b, w), delta));
    build_write(&b, t, build_with_const(&b, OP_ADD, build_read(&b, t), 1));
    build_output(&b, "y", build_dot(&b, x, build_read(&b, w), dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0}));

    Plan *plan;
    const Schedule *schedule = plan_of(module, "f", &plan);
    assert_int_equal(count_kernels(schedule, KERNEL_PRODUCT), 2);
    unsigned writers = 0;
    for (uint32_t k = 0; k < schedule->kernels.len; k++) {
        const Kernel *kernel = &schedule->kernels.data[k];
        unsigned states = 0;
        for (uint32_t i = 0; i < kernel->writes.len; i++)
            states += schedule->buffers.data[kernel->writes.data[i]].kind == BUFFER_STATE;
        if (states == 3) {
            assert_int_equal(kernel->loop.rank, 1); /* one flat loop */
            writers++;
        }
    }
    assert_int_equal(writers, 1);
    /* gradient, and the step's correction: nothing else is stored */
    unsigned scratch = 0;
    for (uint32_t i = 0; i < schedule->buffers.len; i++)
        scratch += schedule->buffers.data[i].kind == BUFFER_SCRATCH;
    assert_int_equal(scratch, 2);
    plan_free(plan);
    Case c = {.module = module, .seed = 3};
    check_everywhere(&c);
    module_free(module);
}

static void test_state_hazards(void **state)
{
    (void)state;
    Module *module = module_new("hazards", DTYPE_F64);
    Type type = matrix(DTYPE_F64, 9, 9);
    uint32_t a = module_state(module, "a", type, STATE_WEIGHT), c = module_state(module, "c", type, STATE_WEIGHT);
    uint32_t d = module_state(module, "d", type, STATE_WEIGHT);
    Builder b = new_function(module, "swap");
    Value x = build_read(&b, a), y = build_read(&b, c), z = build_read(&b, d);
    build_write(&b, a, y);
    build_write(&b, c, x);
    build_write(&b, d, build_transpose(&b, z, dims_of(2, 1, 0)));
    b = new_function(module, "shifted");
    x = build_read(&b, a), y = build_read(&b, c);
    Value top = build_slice(&b, x, dims_of(2, 0, 0), matrix(DTYPE_F64, 8, 9));
    Value next = build_concat(&b, 2, (Value[]){build_slice(&b, x, dims_of(2, 8, 0), matrix(DTYPE_F64, 1, 9)), top}, 0);
    build_write(&b, a, build_binary(&b, OP_ADD, next, x));
    build_write(&b, c, build_dot(&b, y, y, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0}));
    build_output(&b, "old", x);
    build_output(&b, "again", x);
    b = new_function(module, "read after");
    x = build_read(&b, a), y = build_read(&b, c);
    Value x1 = build_binary(&b, OP_ADD, x, build_const(&b, type, 1));
    build_write(&b, a, x1);
    build_write(&b, c, x1);
    Value sum = build_reduce(&b, OP_REDUCE_SUM, x1, dims_of(1, 0));
    Value back = build_broadcast(&b, sum, type, dims_of(1, 1));
    build_output(&b, "needs both", build_binary(&b, OP_MUL, build_transpose(&b, x, dims_of(2, 1, 0)), back));
    build_output(&b, "new", x1);
    build_output(&b, "sum", sum);
    build_write(&b, d,
                build_broadcast(&b, build_reduce(&b, OP_REDUCE_SUM, build_read(&b, d), dims_of(1, 1)), type, dims_of(1, 0)));
    Case all = {.module = module, .seed = 5};
    check_everywhere(&all);
    module_free(module);
}

static void test_joined_states_are_a_view(void **state)
{
    (void)state;
    Module *module = module_new("joined", DTYPE_F32);
    uint32_t odd = module_state(module, "odd", vector(DTYPE_F32, 3), STATE_WEIGHT);
    uint32_t v = module_state(module, "v", matrix(DTYPE_F32, 20, 12), STATE_WEIGHT);
    uint32_t u = module_state(module, "u", matrix(DTYPE_F32, 16, 12), STATE_WEIGHT);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", matrix(DTYPE_F32, 5, 12)), parts[] = {build_read(&b, u), build_read(&b, v)};
    Value joined = build_concat(&b, 2, parts, 0);
    build_output(&b, "y", build_dot(&b, x, joined, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0}));
    build_write(
        &b, v, build_binary(&b, OP_ADD, build_read(&b, v), build_slice(&b, joined, dims_of(2, 0, 0), matrix(DTYPE_F32, 20, 12))));
    build_write(&b, u, build_binary(&b, OP_ADD, build_read(&b, u), build_const(&b, matrix(DTYPE_F32, 16, 12), 1)));
    build_write(&b, odd, build_read(&b, odd));
    Plan *plan;
    plan_of(module, "f", &plan);
    assert_int_equal(plan_state_offset(plan, v) - plan_state_offset(plan, u), 16 * 12 * 4);
    plan_free(plan);
    Case c = {.module = module, .seed = 6};
    check_everywhere(&c);
    module_free(module);
}

/* ---- what once went wrong ---- */

static void masked_quotients(DType real)
{
    Module *module = module_new("m", real);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", cube(real, 3, 20, 9)), y = build_input(&b, "y", matrix(real, 3, 9));
    Value spread = build_broadcast(&b, y, cube(real, 3, 20, 9), dims_of(2, 0, 2));
    build_output(&b, "sum", build_reduce(&b, OP_REDUCE_SUM, build_binary(&b, OP_DIV, x, spread), dims_of(3, 0, 1, 2)));
    Case c = {.module = module, .seed = 1};
    static const char *const cpus[] = {"x86-64", "x86-64-v2", DEFAULT_CPU};
    for (size_t i = 0; i < COUNT_OF(cpus); i++)
        for (int level = 0; level <= 3; level++)
            check_compiled(&c, level, cpus[i], 1);
    module_free(module);
}

static void test_masked_quotients(void **state)
{
    (void)state;
    for_each_real(masked_quotients);
}

/* More kernels than one function calls, in a chain, some of them random numbers of streams of their own. */
static void many_kernels(DType real)
{
    Module *module = module_new("many", real);
    Builder b = new_function(module, "f");
    Value seed = build_input(&b, "seed", vector(DTYPE_I32, 2)), step = build_input(&b, "step", type_scalar(DTYPE_I32));
    Value x = build_input(&b, "x", vector(real, 12));
    for (uint32_t i = 0; i < 700; i++) {
        Value sum = build_reduce(&b, OP_REDUCE_SUM, x, dims_of(1, 0));
        x = build_binary(&b, OP_SUB, x, build_with_const(&b, OP_MUL, build_splat(&b, sum, vector(real, 12)), 1.0 / 24));
        if (i % 70 == 0)
            x = build_binary(&b, OP_ADD, x, build_random(&b, seed, step, vector(real, 12), 100 + i, 0));
    }
    build_output(&b, "x", x);
    check_module(module);
}

static void test_many_kernels(void **state)
{
    (void)state;
    for_each_real(many_kernels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_kernels),
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_integers_and_casts),
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_sorts),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_masked_quotients),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_lanes_apart),
        cmocka_unit_test(test_joins),
        cmocka_unit_test(test_fetch_and_tables),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_general_products),
        cmocka_unit_test(test_adam_is_one_kernel_in_place),
        cmocka_unit_test(test_state_hazards),
        cmocka_unit_test(test_joined_states_are_a_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
