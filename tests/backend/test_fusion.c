/* What becomes one kernel, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "passes/passes.h"
#include "tests/backend/compiled.h"

/* Asserts that f is one kernel, which stores nothing in between. */
static void assert_one_kernel(Module *module)
{
    Plan *plan;
    const Schedule *schedule = plan_of(module, "f", &plan);
    assert_int_equal(schedule->kernels.len, 1);
    assert_int_equal(schedule->scratch_bytes, 0);
    plan_free(plan);
}

/* Casting, flattening and scaling a batch of images takes one kernel and stores the result only. */
static void test_images_are_decoded_in_one_kernel(void **state)
{
    (void)state;
    Module *module = module_new("images", DTYPE_F32);
    vec_push(&module->fields, (Field){.name = "d.image", .type = matrix(DTYPE_U8, 4, 6)});
    Builder b = new_function(module, "f");
    Value image = build_cast(&b, build_fetch(&b, 0, build_input(&b, "index", vector(DTYPE_I32, 11))), DTYPE_F32);
    build_output(&b, "x", build_with_const(&b, OP_DIV, build_reshape(&b, image, matrix(DTYPE_F32, 11, 24)), 255));
    assert_one_kernel(module);
    check_module(module);
}

/* Pieces of a concat, also reshaped ones, are computed where they belong: nothing is copied. */
static void test_pieces_are_computed_in_place(void **state)
{
    (void)state;
    Module *module = module_new("pieces", DTYPE_F32);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", cube(DTYPE_F32, 5, 3, 4)), y = build_input(&b, "y", matrix(DTYPE_F32, 5, 60));
    Value w = build_input(&b, "w", matrix(DTYPE_F32, 60, 40));
    Value parts[] = {build_reshape(&b, build_unary(&b, OP_EXP, x), matrix(DTYPE_F32, 5, 12)),
                     build_dot(&b, y, w, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0})};
    build_output(&b, "joined", build_concat(&b, 2, parts, 1));
    Plan *plan;
    const Schedule *schedule = plan_of(module, "f", &plan);
    assert_int_equal(schedule->kernels.len, 2);
    assert_int_equal(schedule->scratch_bytes, 0);
    plan_free(plan);
    check_module(module);
}

/* Pieces of one tensor are one kernel, although they read nothing at the same point. */
static void test_pieces_share_a_kernel(void **state)
{
    (void)state;
    Module *module = module_new("pieces", DTYPE_F32);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", matrix(DTYPE_F32, 37, 60));
    Value left = build_slice(&b, x, dims_of(2, 0, 0), matrix(DTYPE_F32, 37, 30)),
          right = build_slice(&b, x, dims_of(2, 0, 30), matrix(DTYPE_F32, 37, 30));
    Value parts[] = {build_binary(&b, OP_ADD, left, right), build_unary(&b, OP_NEG, left), right};
    build_output(&b, "joined", build_concat(&b, 3, parts, 1));
    assert_one_kernel(module);
    check_module(module);
}

/* A convolution by fewer multiplications: one kernel per map, the products, and what uses the sums. */
static void test_maps_of_a_convolution(void **state)
{
    (void)state;
    Module *module = module_new("winograd", DTYPE_F32);
    Builder b = new_function(module, "f");
    const int64_t image[] = {4, 32, 18, 18}, kernel[] = {33, 32, 3, 3};
    Value x = build_input(&b, "x", type_of(DTYPE_F32, 4, image)), w = build_input(&b, "w", type_of(DTYPE_F32, 4, kernel));
    Value windows = build_window(&b, x, (Windows){dims_of(2, 2, 3), dims_of(2, 3, 3), dims_of(2, 1, 1), dims_of(2, 1, 1)});
    Value sums = build_dot(&b, w, windows, dims_of(3, 1, 2, 3), dims_of(3, 1, 4, 5), (Dims){0}, (Dims){0});
    build_output(&b, "y", build_unary(&b, OP_ABS, sums));
    pass_winograd(module, b.function);
    pass_simplify(module, b.function);
    pass_dce(module, b.function);
    Plan *plan;
    const Schedule *schedule = plan_of(module, "f", &plan);
    assert_int_equal(schedule->kernels.len, 5);
    plan_free(plan);
    check_module(module);
}

/* A gradient that is an outer product has no operand at the points of its loop: its moments are found to belong together only
 * when the weight uses both. */
static void test_adam_of_an_outer_product_is_one_kernel(void **state)
{
    (void)state;
    Module *module = module_new("outer", DTYPE_F32);
    Type type = matrix(DTYPE_F32, 37, 50);
    uint32_t w = module_state(module, "w", type, STATE_WEIGHT), m = module_state(module, "m", type, STATE_OPTIMIZER),
             v = module_state(module, "v", type, STATE_OPTIMIZER);
    Builder b = new_function(module, "f");
    Value rows = build_input(&b, "rows", vector(DTYPE_F32, 37)), columns = build_input(&b, "columns", vector(DTYPE_F32, 50));
    Value g = build_dot(&b, rows, columns, (Dims){0}, (Dims){0}, (Dims){0}, (Dims){0});
    Value first =
        build_binary(&b, OP_ADD, build_with_const(&b, OP_MUL, build_read(&b, m), 0.9), build_with_const(&b, OP_MUL, g, 0.1));
    build_write(&b, m, first);
    Value square = build_with_const(&b, OP_MUL, build_binary(&b, OP_MUL, g, g), 0.01);
    Value second =
        build_binary(&b, OP_ADD, build_with_const(&b, OP_MUL, build_unary(&b, OP_ABS, build_read(&b, v)), 0.99), square);
    build_write(&b, v, second);
    Value root = build_with_const(&b, OP_ADD, build_unary(&b, OP_SQRT, second), 1e-3);
    Value step = build_with_const(&b, OP_MUL, build_binary(&b, OP_DIV, first, root), 0.01);
    build_write(&b, w, build_binary(&b, OP_SUB, build_read(&b, w), step));
    assert_one_kernel(module);
    check_module(module);
}

/* Two kernels must not be joined if one needs a value that the other makes by way of a third kernel. */
static void test_kernels_do_not_wait_for_themselves(void **state)
{
    (void)state;
    Module *module = module_new("apart", DTYPE_F32);
    Builder b = new_function(module, "f");
    Type type = matrix(DTYPE_F32, 20, 30);
    Value rows = build_input(&b, "rows", vector(DTYPE_F32, 20)), columns = build_input(&b, "columns", vector(DTYPE_F32, 30));
    Value w = build_input(&b, "w", matrix(DTYPE_F32, 30, 30));
    Value outer = build_dot(&b, rows, columns, (Dims){0}, (Dims){0}, (Dims){0}, (Dims){0});
    Value first = build_unary(&b, OP_EXP, outer);
    Value product = build_dot(&b, first, w, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value second = build_unary(&b, OP_TANH, outer);
    build_output(&b, "first", first);
    build_output(&b, "second", second);
    build_output(&b, "third", build_binary(&b, OP_MUL, build_binary(&b, OP_ADD, first, second), product));
    assert_true(type_equal(value_type(&b, product), type));
    check_module(module);
}

/* The kernel that copies rows for two products also makes `a`, and is merged with another before the second product asks. That
 * product must still wait for the copy, though `third`, which needs it, shares a kernel with the first output. */
static void test_products_wait_for_a_copy_whose_kernel_moved(void **state)
{
    (void)state;
    Module *module = module_new("moved", DTYPE_F32);
    vec_push(&module->fields, (Field){.name = "d.x", .type = vector(DTYPE_F32, 30)});
    Builder b = new_function(module, "f");
    Value y = build_input(&b, "y", matrix(DTYPE_F32, 20, 7));
    build_output(&b, "first", build_unary(&b, OP_NEG, y));
    Value x = build_fetch(&b, 0, build_input(&b, "index", vector(DTYPE_I32, 20)));
    Value v = build_input(&b, "v", matrix(DTYPE_F32, 30, 5)), w = build_input(&b, "w", matrix(DTYPE_F32, 30, 7));
    build_output(&b, "product", build_dot(&b, x, v, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0}));
    Value rows = build_input(&b, "rows", vector(DTYPE_F32, 20)), columns = build_input(&b, "columns", vector(DTYPE_F32, 30));
    Value a = build_unary(&b, OP_TANH, x);
    Value outer = build_unary(&b, OP_EXP, build_dot(&b, rows, columns, (Dims){0}, (Dims){0}, (Dims){0}, (Dims){0}));
    build_output(&b, "second", build_binary(&b, OP_MUL, build_binary(&b, OP_ADD, a, outer), build_binary(&b, OP_SUB, a, outer)));
    Value late = build_dot(&b, x, w, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    build_output(&b, "third", build_binary(&b, OP_ADD, y, late));
    check_module(module);
}

/* `wide` comes to memory for the product, when `sums` and `shares` have joined their kernels already; `last`, which needs both,
 * joins the kernel that makes it. Neither can read it there. */
static void test_a_value_that_comes_late_to_memory(void **state)
{
    (void)state;
    Module *module = module_new("late", DTYPE_F32);
    Builder b = new_function(module, "f");
    Type type = matrix(DTYPE_F32, 20, 30);
    Value row =
        build_binary(&b, OP_ADD, build_input(&b, "x", vector(DTYPE_F32, 30)), build_input(&b, "y", vector(DTYPE_F32, 30)));
    Value mixture = build_input(&b, "mixture", matrix(DTYPE_F32, 20, 15));
    Value wide = build_broadcast(&b, row, type, dims_of(1, 1));
    Value positive = build_with_const(&b, OP_ADD, build_unary(&b, OP_ABS, wide), 0.25);
    Value sums = build_reduce(&b, OP_REDUCE_SUM, positive, dims_of(1, 1));
    Value shares = build_unary(&b, OP_EXP, build_binary(&b, OP_DIV, positive, build_broadcast(&b, sums, type, dims_of(1, 0))));
    build_output(&b, "shares", build_reduce(&b, OP_REDUCE_SUM, shares, dims_of(2, 0, 1)));
    build_output(&b, "product", build_dot(&b, mixture, wide, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0}));
    Value turned = build_reduce(&b, OP_REDUCE_SUM, build_binary(&b, OP_MUL, shares, shares), dims_of(1, 1));
    Value last = build_binary(&b, OP_MUL, build_broadcast(&b, turned, type, dims_of(1, 0)), wide);
    build_output(&b, "last", build_reduce(&b, OP_REDUCE_SUM, last, dims_of(1, 0)));
    check_module(module);
}

/* One piece of a state's next value is made of another, which is in place already. */
static void test_a_next_value_made_of_itself(void **state)
{
    (void)state;
    Module *module = module_new("next", DTYPE_F32);
    uint32_t s = module_state(module, "s", vector(DTYPE_F32, 20), STATE_WEIGHT);
    Builder b = new_function(module, "f");
    Value y = build_input(&b, "y", vector(DTYPE_F32, 5));
    Value twice = build_concat(&b, 2, (Value[]){y, y}, 0), larger = build_unary(&b, OP_EXP, twice);
    build_write(&b, s, build_concat(&b, 2, (Value[]){larger, twice}, 0));
    check_module(module);
}

/* The step of a hypernetwork's head and the gradient of the head's input read the head once: sums are made per chunk of rows
 * while these rows are updated, and then over the chunks; so are maxima. The rows do not fill the last chunk. */
static void sums_of_rows(DType real, int64_t rows_count, int64_t columns_count)
{
    Module *module = module_new("read_once", real);
    Type type = matrix(real, rows_count, columns_count);
    uint32_t w = module_state(module, "w", type, STATE_WEIGHT), m = module_state(module, "m", type, STATE_OPTIMIZER);
    Builder b = new_function(module, "f");
    Value rows = build_input(&b, "rows", vector(real, rows_count)),
          columns = build_input(&b, "columns", vector(real, columns_count));
    Value old = build_read(&b, w), scaled = build_binary(&b, OP_MUL, build_broadcast(&b, rows, type, dims_of(1, 0)), old);
    build_output(&b, "back", build_reduce(&b, OP_REDUCE_SUM, scaled, dims_of(1, 0)));
    build_output(&b, "largest", build_reduce(&b, OP_REDUCE_MAX, build_unary(&b, OP_ABS, old), dims_of(1, 0)));
    Value g = build_dot(&b, rows, columns, (Dims){0}, (Dims){0}, (Dims){0}, (Dims){0});
    Value next = build_binary(&b, OP_ADD, build_with_const(&b, OP_MUL, build_read(&b, m), 0.9), g);
    build_write(&b, m, next);
    build_write(&b, w, build_binary(&b, OP_SUB, old, build_with_const(&b, OP_MUL, next, 0.01)));
    Plan *plan;
    const Schedule *schedule = plan_of(module, "f", &plan);
    unsigned reading = 0;
    for (uint32_t i = 0; i < schedule->kernels.len; i++)
        reading += schedule->kernels.data[i].loop.chunk != 0;
    assert_int_equal(reading, 1);
    assert_int_equal(schedule->kernels.data[0].loop.chunk, target_rows_of_chunk(&module->target, rows_count, columns_count));
    assert_int_not_equal(rows_count % target_rows_of_chunk(&module->target, rows_count, columns_count), 0);
    plan_free(plan);
    Case c = {.module = module, .seed = 5};
    check_everywhere(&c);
    module_free(module);
}

static void sums_beside_an_update(DType real)
{
    static const int64_t columns[] = {3, 16, 75, 200};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        sums_of_rows(real, 70001 / columns[i] + 600, columns[i]);
}

static void test_sums_beside_an_update(void **state)
{
    (void)state;
    for_each_real(sums_beside_an_update);
}

/* Rows that lie beside each other in memory: the vectors go along them, within the chunks. */
static void sums_of_transposed_rows(DType real)
{
    enum { ROWS = 1003, COLUMNS = 75 };
    Module *module = module_new("transposed", real);
    Builder b = new_function(module, "f");
    Value x = build_transpose(&b, build_input(&b, "x", matrix(real, COLUMNS, ROWS)), dims_of(2, 1, 0));
    build_output(&b, "sum", build_reduce(&b, OP_REDUCE_SUM, build_binary(&b, OP_MUL, x, x), dims_of(1, 0)));
    build_output(&b, "most", build_reduce(&b, OP_REDUCE_MAX, x, dims_of(1, 0)));
    Plan *plan;
    assert_int_equal(plan_of(module, "f", &plan)->kernels.data[0].loop.chunk,
                     target_rows_of_chunk(&module->target, ROWS, COLUMNS));
    plan_free(plan);
    Case c = {.module = module, .seed = 6};
    check_everywhere(&c);
    module_free(module);
}

static void test_sums_of_transposed_rows(void **state)
{
    (void)state;
    for_each_real(sums_of_transposed_rows);
}

/* The weights and their penalty are read in one kernel, though the learning rate is computed among single numbers as the loss is.
 */
static void test_a_learning_rate_does_not_wait_for_the_loss(void **state)
{
    (void)state;
    Module *module = module_new("penalty", DTYPE_F32);
    Type type = matrix(DTYPE_F32, 40, 50);
    uint32_t w = module_state(module, "w", type, STATE_WEIGHT),
             steps = module_state(module, "steps", type_scalar(DTYPE_F32), STATE_COUNTER);
    Builder b = new_function(module, "f");
    Value old = build_read(&b, w), g = build_input(&b, "g", type);
    Value penalty = build_reduce(&b, OP_REDUCE_SUM, build_binary(&b, OP_MUL, old, old), dims_of(2, 0, 1));
    build_output(&b, "loss", build_with_const(&b, OP_MUL, penalty, 0.5));
    Value count = build_with_const(&b, OP_ADD, build_read(&b, steps), 3), one = build_const(&b, type_scalar(DTYPE_F32), 1);
    build_write(&b, steps, count);
    Value rate = build_splat(&b, build_binary(&b, OP_DIV, one, count), type);
    build_write(&b, w, build_binary(&b, OP_SUB, old, build_binary(&b, OP_MUL, rate, g)));
    Plan *plan;
    const Schedule *schedule = plan_of(module, "f", &plan);
    unsigned matrices = 0;
    for (uint32_t i = 0; i < schedule->kernels.len; i++)
        matrices += schedule->kernels.data[i].loop.rank > 0;
    assert_int_equal(matrices, 1);
    plan_free(plan);
    check_module(module);
}

/* A sum absorbs a product that nothing else uses; so does a difference, also where the product is a scalar or a row. */
static void multiply_adds(DType real)
{
    Module *module = module_new("multiply_adds", real);
    Builder b = new_function(module, "f");
    Type type = matrix(real, 7, 50);
    Value x = build_input(&b, "x", type), y = build_input(&b, "y", type), z = build_input(&b, "z", type);
    Value row = build_broadcast(&b, build_input(&b, "row", vector(real, 7)), type, dims_of(1, 0));
    Value product = build_binary(&b, OP_MUL, x, y), scaled = build_binary(&b, OP_MUL, row, row);
    build_output(&b, "sum", build_binary(&b, OP_ADD, build_binary(&b, OP_MUL, x, x), z));
    build_output(&b, "less", build_binary(&b, OP_SUB, build_binary(&b, OP_MUL, x, z), y));
    build_output(&b, "from", build_binary(&b, OP_SUB, y, build_binary(&b, OP_MUL, z, z)));
    build_output(&b, "both", build_binary(&b, OP_ADD, build_binary(&b, OP_MUL, y, y), build_binary(&b, OP_MUL, y, z)));
    build_output(&b, "used twice", build_binary(&b, OP_ADD, product, build_binary(&b, OP_MUL, product, z)));
    build_output(&b, "of rows", build_binary(&b, OP_SUB, scaled, x));
    build_output(&b, "rows alone", build_binary(&b, OP_ADD, build_binary(&b, OP_MUL, row, row), row));
    Case c = {.module = module, .seed = 3};
    check_everywhere(&c);
    module_free(module);
}

static void test_multiply_adds(void **state)
{
    (void)state;
    for_each_real(multiply_adds);
}

/* Products that read a tensor with its first two axes exchanged: rows of one, sums of the other. Each has many columns, so that one copy
 * of the tensor for both costs little, and BLAS or tiles can read it; with few columns nothing is copied. */
static void test_operands_are_copied_for_wide_products(void **state)
{
    (void)state;
    for (int64_t columns = 30; columns <= 300; columns += 270) {
        Module *module = module_new("wide", DTYPE_F32);
        Builder b = new_function(module, "f");
        Value x = build_transpose(&b, build_input(&b, "x", cube(DTYPE_F32, 6, 10, 20)), dims_of(3, 1, 0, 2));
        Value w = build_input(&b, "w", matrix(DTYPE_F32, columns, 20)), g = build_input(&b, "g", cube(DTYPE_F32, 10, 6, columns));
        build_output(&b, "y", build_dot(&b, x, w, dims_of(1, 2), dims_of(1, 1), (Dims){0}, (Dims){0}));
        build_output(&b, "z", build_dot(&b, g, x, dims_of(2, 1, 0), dims_of(2, 1, 0), (Dims){0}, (Dims){0}));
        Plan *plan;
        const Schedule *schedule = plan_of(module, "f", &plan);
        assert_int_equal(count_kernels(schedule, KERNEL_PRODUCT), 2);
        assert_int_equal(count_kernels(schedule, KERNEL_LOOP), columns == 300);
        for (uint32_t i = 0; i < schedule->kernels.len; i++)
            if (schedule->kernels.data[i].kind == KERNEL_PRODUCT && columns == 300)
                assert_true(product_is_plain(&schedule->kernels.data[i].product));
        plan_free(plan);
        check_module(module);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_are_decoded_in_one_kernel),
        cmocka_unit_test(test_pieces_are_computed_in_place),
        cmocka_unit_test(test_pieces_share_a_kernel),
        cmocka_unit_test(test_maps_of_a_convolution),
        cmocka_unit_test(test_adam_of_an_outer_product_is_one_kernel),
        cmocka_unit_test(test_kernels_do_not_wait_for_themselves),
        cmocka_unit_test(test_products_wait_for_a_copy_whose_kernel_moved),
        cmocka_unit_test(test_a_value_that_comes_late_to_memory),
        cmocka_unit_test(test_a_next_value_made_of_itself),
        cmocka_unit_test(test_sums_beside_an_update),
        cmocka_unit_test(test_sums_of_transposed_rows),
        cmocka_unit_test(test_a_learning_rate_does_not_wait_for_the_loss),
        cmocka_unit_test(test_multiply_adds),
        cmocka_unit_test(test_operands_are_copied_for_wide_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
