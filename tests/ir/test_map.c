/* What is mapped over an axis is, row by row, what its ops are of each element. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "ir/map.h"

enum { SIZE = 3 };

static void check_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.17g, expected %.17g", got, expected);
}

/* A function of two elements, a matrix and a vector of each, and of a matrix that they share. */
typedef Value Body(Builder *b, Value matrix, Value vector, Value shared);

static Type real(unsigned rank, int64_t d0, int64_t d1, int64_t d2)
{
    return type_of(DTYPE_F64, rank, (int64_t[]){d0, d1, d2});
}

static Value dot(Builder *b, Value x, Value y, Dims a, Dims c)
{
    return build_dot(b, x, y, a, c, (Dims){0}, (Dims){0});
}

/* ---- bodies: matrix [4, 2], vector [2], shared [4, 2] ---- */

static Value product_of_both(Builder *b, Value matrix, Value vector, Value shared)
{
    (void)shared;
    return build_unary(b, OP_TANH, dot(b, matrix, vector, dims_of(1, 1), dims_of(1, 0)));
}

static Value product_with_shared(Builder *b, Value matrix, Value vector, Value shared)
{
    Value left = dot(b, shared, vector, dims_of(1, 1), dims_of(1, 0)),
          right = dot(b, matrix, shared, dims_of(1, 1), dims_of(1, 1));
    return dot(b, right, left, dims_of(1, 0), dims_of(1, 0));
}

/* Products that have a batch axis before they are mapped, of which one operand differs. */
static Value batched_products(Builder *b, Value matrix, Value vector, Value shared)
{
    Dims one = dims_of(1, 1), zero = dims_of(1, 0);
    Value x = build_dot(b, matrix, shared, one, one, zero, zero), y = build_dot(b, shared, matrix, one, one, zero, zero);
    Value wide = build_reshape(b, shared, real(3, 2, 2, 2)), narrow = build_reshape(b, matrix, real(3, 2, 2, 2));
    Value right = build_dot(b, wide, narrow, dims_of(1, 2), one, zero, zero);
    Value left = build_dot(b, narrow, wide, dims_of(1, 2), one, zero, zero);
    Value both = build_binary(b, OP_SUB, build_with_const(b, OP_MUL, right, 2), left);
    Value sums = build_binary(b, OP_SUB, build_with_const(b, OP_MUL, x, 3), y), all[] = {sums, vector};
    return build_concat(b, 3, (Value[]){build_concat(b, 2, all, 0), build_reshape(b, both, real(1, 8, 0, 0)), vector}, 0);
}

static Value movements(Builder *b, Value matrix, Value vector, Value shared)
{
    Value wide = build_broadcast(b, vector, real(2, 4, 2, 0), dims_of(1, 1));
    Value sum = build_binary(b, OP_ADD, build_transpose(b, build_binary(b, OP_MUL, wide, matrix), dims_of(2, 1, 0)),
                             build_reshape(b, shared, real(2, 2, 4, 0)));
    Value part = build_slice(b, sum, dims_of(2, 1, 1), real(2, 1, 2, 0));
    Windows windows = {dims_of(1, 1), dims_of(1, 2), dims_of(1, 1), dims_of(1, -2)};
    Value moved = build_overlap(b, build_window(b, sum, windows), value_type(b, sum), windows);
    part = build_binary(b, OP_ADD, part, build_slice(b, moved, dims_of(2, 0, 1), real(2, 1, 2, 0)));
    return build_reduce(b, OP_REDUCE_MAX, build_pad(b, part, dims_of(2, 1, 0), real(2, 3, 2, 0)), dims_of(1, 1));
}

static Value rows_of_tables(Builder *b, Value matrix, Value vector, Value shared)
{
    Value index = build_argmax(b, vector, 0);
    return build_binary(b, OP_ADD, build_gather(b, matrix, index), build_gather(b, shared, index));
}

static Value sorted_rows(Builder *b, Value matrix, Value vector, Value shared)
{
    Value order = build_sort(b, matrix, 1), places[] = {order, build_sort(b, matrix, 1)};
    Value lines = build_binary(b, OP_ADD, build_take_along(b, matrix, order, 1), build_take_along(b, shared, order, 1));
    Value spots = build_binary(b, OP_ADD, build_take(b, matrix, 0, 2, places), build_take(b, shared, 0, 2, places));
    Value rank = build_sort(b, vector, 0), rows = build_take(b, shared, 0, 1, &rank),
          columns = build_take(b, matrix, 1, 1, &rank);
    Value pairs = build_binary(b, OP_ADD, build_concat(b, 2, (Value[]){rows, rows}, 0), columns);
    return build_binary(b, OP_ADD, build_binary(b, OP_ADD, lines, spots), pairs);
}

static Value nothing_of_it(Builder *b, Value matrix, Value vector, Value shared)
{
    (void)matrix;
    (void)vector;
    return build_unary(b, OP_EXP, shared);
}

/* A mapping inside the mapped part: every row of the element's matrix, times its vector. */
static Value mapping_of_rows(Builder *b, Value matrix, Value vector, Value shared)
{
    (void)shared;
    Value first = b->function->ops.len, row = build_const(b, real(1, 2, 0, 0), 0);
    Value product = build_unary(b, OP_SIN, dot(b, row, vector, dims_of(1, 0), dims_of(1, 0)));
    Placeholder rows = {row, matrix};
    build_mapped(b, first, 4, 1, &rows, 1, &product);
    return product;
}

static const struct {
    const char *name;
    Body *body;
} bodies[] = {{"product_of_both", product_of_both},   {"product_with_shared", product_with_shared},
              {"batched_products", batched_products}, {"movements", movements},
              {"rows_of_tables", rows_of_tables},     {"sorted_rows", sorted_rows},
              {"nothing_of_it", nothing_of_it},       {"mapping_of_rows", mapping_of_rows}};

/* Element k of all. */
static Value element(Builder *b, Value all, int64_t k)
{
    Type type = value_type(b, all), one = type;
    one.dims[0] = 1;
    Dims start = {.n = type.rank, .v = {k}};
    Value slice = build_slice(b, all, start, one);
    Type shape = {.dtype = type.dtype, .rank = (uint8_t)(type.rank - 1)};
    for (unsigned i = 1; i < type.rank; i++)
        shape.dims[i - 1] = type.dims[i];
    return build_reshape(b, slice, shape);
}

static Module *module;
static Function *function;
static Builder b;
static Value matrices, vectors, shared;

static int setup(void **state)
{
    (void)state;
    module = module_new("test", DTYPE_F64);
    function = function_new(module, "f");
    b = (Builder){.module = module, .function = function};
    matrices = build_read(&b, module_state(module, "matrices", real(3, SIZE, 4, 2), STATE_WEIGHT));
    vectors = build_read(&b, module_state(module, "vectors", real(2, SIZE, 2, 0), STATE_WEIGHT));
    shared = build_read(&b, module_state(module, "shared", real(2, 4, 2, 0), STATE_WEIGHT));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    module_free(module);
    return 0;
}

/* Runs the function; output 0 must equal output 1, element by element. */
static void check_equal(void)
{
    char why[256] = "";
    Tensor *outputs;
    World world = {.states = world_states_new(module)};
    for (uint32_t i = 0; i < module->states.len; i++)
        for (int64_t k = 0; k < type_elements(module->states.data[i].type); k++)
            tensor_set(&world.states[i], k, 2 * random_element((uint32_t[]){5, i}, 0, 0, (uint64_t)k) - 1);
    assert_true(verify_function(module, function, true, NULL));
    bool fine = interpret(module, function, &world, NULL, &outputs, why);
    assert_string_equal(why, "");
    assert_true(fine);
    assert_true(type_equal(outputs[0].type, outputs[1].type));
    for (int64_t k = 0; k < type_elements(outputs[0].type); k++)
        check_near(tensor_get(&outputs[0], k), tensor_get(&outputs[1], k), 1e-12);
    interpret_free_outputs(function, outputs);
    world_states_free(module, world.states);
}

static void test_bodies(void **state)
{
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        print_message("%s\n", bodies[i].name);
        setup(state);
        Value first = function->ops.len;
        Value matrix = build_const(&b, real(2, 4, 2, 0), 0), vector = build_const(&b, real(1, 2, 0, 0), 0);
        Value mapped = bodies[i].body(&b, matrix, vector, shared), rows[SIZE];
        Placeholder placeholders[] = {{matrix, matrices}, {vector, vectors}};
        build_mapped(&b, first, SIZE, 2, placeholders, 1, &mapped);
        for (int64_t k = 0; k < SIZE; k++) {
            Value row = bodies[i].body(&b, element(&b, matrices, k), element(&b, vectors, k), shared);
            Type type = value_type(&b, row), one = {.dtype = type.dtype, .rank = (uint8_t)(type.rank + 1), .dims = {1}};
            for (unsigned axis = 0; axis < type.rank; axis++)
                one.dims[axis + 1] = type.dims[axis];
            rows[k] = build_reshape(&b, row, one);
        }
        build_output(&b, "mapped", mapped);
        build_output(&b, "plain", build_concat(&b, SIZE, rows, 0));
        check_equal();
        teardown(state);
    }
}

/* A product of an invariant operand that has batch axes keeps this operand as it is: no copy per element. */
static void test_invariant_operand_is_not_copied(void **state)
{
    (void)state;
    Value first = function->ops.len, matrix = build_const(&b, real(2, 4, 2, 0), 0);
    Value product = build_dot(&b, matrix, shared, dims_of(1, 1), dims_of(1, 1), dims_of(1, 0), dims_of(1, 0));
    Placeholder placeholder = {matrix, matrices};
    uint32_t before = function->ops.len;
    build_mapped(&b, first, SIZE, 1, &placeholder, 1, &product);
    for (Value v = before; v < function->ops.len; v++)
        assert_int_not_equal(OP_AT(function, v)->code, OP_BROADCAST);
}

static void test_random_numbers_differ_unless_shared(void **state)
{
    (void)state;
    Value seed = build_const(&b, type_of(DTYPE_I32, 1, (int64_t[]){2}), 1), step = build_const(&b, type_scalar(DTYPE_I32), 0);
    Value first = function->ops.len, element_value = build_const(&b, type_scalar(DTYPE_F64), 0);
    Value values[] = {build_random(&b, seed, step, type_scalar(DTYPE_F64), 0, 0),
                      build_random(&b, seed, step, type_scalar(DTYPE_F64), 1, OP_SHARED)};
    Placeholder placeholder = {element_value, build_const(&b, real(1, SIZE, 0, 0), 0)};
    build_mapped(&b, first, SIZE, 1, &placeholder, 2, values);
    assert_int_equal(OP_AT(function, values[0])->code, OP_RANDOM);
    assert_int_equal(value_type(&b, values[0]).dims[0], SIZE);
    assert_int_equal(OP_AT(function, values[1])->code, OP_BROADCAST);
}

/* A reduction across the batch is one per element. */
static void test_reductions_across_the_batch_stay(void **state)
{
    (void)state;
    Value first = function->ops.len, vector = build_const(&b, real(1, 2, 0, 0), 0);
    Value mean = build_unary(&b, OP_ACROSS_MEAN, vector);
    Placeholder placeholder = {vector, vectors};
    build_mapped(&b, first, SIZE, 1, &placeholder, 1, &mean);
    assert_int_equal(OP_AT(function, mean)->code, OP_ACROSS_MEAN);
    assert_int_equal(OP_AT(function, mean)->args[0], vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test_setup_teardown(test_invariant_operand_is_not_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_numbers_differ_unless_shared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reductions_across_the_batch_stay, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
