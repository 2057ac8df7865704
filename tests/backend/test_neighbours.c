/* Rows of a data set that lie side by side: kernels read them where they are, from the row that an index says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/emit.h"
#include "tests/backend/compiled.h"

enum { ROWS = 60, BATCH = 40 };

static const Dims none;

static Value fetch_neighbours(Builder *b, uint32_t field, Value index)
{
    Value rows = build_fetch(b, field, index);
    OP_AT(b->function, rows)->flags |= OP_NEIGHBOURS;
    return rows;
}

static void check(Module *module)
{
    Case c = {.module = module, .seed = 4, .examples = ROWS};
    check_everywhere(&c);
    c.blas = BLAS_BUILTIN;
    check_everywhere(&c);
    c.blocks = true;
    check_everywhere(&c);
    module_free(module);
}

/* Loops: numbers, bytes and scalars; an index that is computed; the columns of the rows in another order. */
static void test_loops(void **state)
{
    (void)state;
    Module *module = module_new("loops", DTYPE_F32);
    vec_push(&module->fields, (Field){.name = "d.image", .type = matrix(DTYPE_U8, 4, 6)});
    vec_push(&module->fields, (Field){.name = "d.label", .type = type_scalar(DTYPE_I32)});
    vec_push(&module->fields, (Field){.name = "d.row", .type = vector(DTYPE_F32, 19)});
    Builder b = new_function(module, "f");
    Value index = build_input(&b, "index", vector(DTYPE_I32, BATCH));
    Value later = build_with_const(&b, OP_ADD, build_with_const(&b, OP_MUL, index, 2), 3);
    Value image = fetch_neighbours(&b, 0, index), label = fetch_neighbours(&b, 1, index), row = fetch_neighbours(&b, 2, later);
    Value flat = build_cast(&b, build_reshape(&b, image, matrix(DTYPE_U8, BATCH, 24)), DTYPE_F32);
    build_output(&b, "image", image);
    build_output(&b, "label", label);
    build_output(&b, "flat", build_with_const(&b, OP_DIV, flat, 255));
    build_output(&b, "sums", build_reduce(&b, OP_REDUCE_SUM, flat, dims_of(1, 0)));
    build_output(&b, "turned", build_unary(&b, OP_TANH, build_transpose(&b, row, dims_of(2, 1, 0))));
    build_output(&b, "apart", build_fetch(&b, 2, index));
    check(module);
}

/* Products of every kind: of a vector, of matrices that are small, large, transposed, squared and batched, of windows. */
static void products(DType real)
{
    Module *module = module_new("products", real);
    vec_push(&module->fields, (Field){.name = "d.row", .type = vector(real, 50)});
    vec_push(&module->fields, (Field){.name = "d.image", .type = cube(real, 2, 12, 11)});
    Builder b = new_function(module, "f");
    Value index = build_input(&b, "index", vector(DTYPE_I32, BATCH));
    Value row = fetch_neighbours(&b, 0, index), image = fetch_neighbours(&b, 1, index), apart = build_fetch(&b, 0, index);
    Value v = build_input(&b, "v", vector(real, 50)), thin = build_input(&b, "thin", matrix(real, 50, 3)),
          wide = build_input(&b, "wide", matrix(real, 50, 90)), left = build_input(&b, "left", matrix(real, 33, BATCH));
    build_output(&b, "vector", build_dot(&b, row, v, dims_of(1, 1), dims_of(1, 0), none, none));
    build_output(&b, "thin", build_dot(&b, row, thin, dims_of(1, 1), dims_of(1, 0), none, none));
    build_output(&b, "wide", build_dot(&b, row, wide, dims_of(1, 1), dims_of(1, 0), none, none));
    build_output(&b, "left", build_dot(&b, left, row, dims_of(1, 1), dims_of(1, 0), none, none));
    build_output(&b, "square", build_dot(&b, row, row, dims_of(1, 0), dims_of(1, 0), none, none));
    build_output(&b, "between", build_dot(&b, row, apart, dims_of(1, 1), dims_of(1, 1), none, none));
    build_output(&b, "batched", build_dot(&b, row, apart, dims_of(1, 1), dims_of(1, 1), dims_of(1, 0), dims_of(1, 0)));
    Windows places = {dims_of(2, 2, 3), dims_of(2, 3, 3), dims_of(2, 1, 1), dims_of(2, 1, 1)};
    Value windows = build_window(&b, image, places), kernel = build_input(&b, "kernel", type_of(real, 4, (int64_t[]){5, 2, 3, 3}));
    build_output(&b, "windows", build_dot(&b, kernel, windows, dims_of(3, 1, 2, 3), dims_of(3, 1, 4, 5), none, none));
    check(module);
}

static void test_products(void **state)
{
    (void)state;
    for_each_real(products);
}

/* No copy of the rows is made: of these functions every kernel is a product. */
static void test_nothing_is_copied(void **state)
{
    (void)state;
    Module *module = module_new("kernels", DTYPE_F32);
    vec_push(&module->fields, (Field){.name = "d.row", .type = vector(DTYPE_F32, 50)});
    Builder b = new_function(module, "f");
    Value row = fetch_neighbours(&b, 0, build_input(&b, "index", vector(DTYPE_I32, BATCH)));
    Value wide = build_input(&b, "wide", matrix(DTYPE_F32, 50, 90));
    build_output(&b, "z", build_dot(&b, row, wide, dims_of(1, 1), dims_of(1, 0), none, none));
    Plan *plan;
    const Schedule *schedule = plan_of(module, "f", &plan);
    assert_int_equal(schedule->kernels.len, 1);
    assert_int_equal(count_kernels(schedule, KERNEL_PRODUCT), 1);
    plan_free(plan);
    module_free(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_nothing_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
