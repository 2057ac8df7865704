/* Matrices that loops multiply with are laid out once, before the loop: compiled code gives the same bits as where each step
 * copies the columns, and the interpreter's numbers, at any extents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ir/scan.h"
#include "passes/passes.h"
#include "tests/backend/compiled.h"

/* h in six steps: h of the next one is tanh(x + h w / 8), with w as [k, k] contracted along `axis`; each step yields y = h v,
 * too, with v as [k, n]. */
static Module *loop_module(DType real, int64_t rows, int64_t k, int64_t n, int64_t axis)
{
    Module *module = module_new("loop", real);
    Builder b = new_function(module, "f"), body = {module, body_new(module), 0};
    Value h = body_input(&body, matrix(real, rows, k)), x = body_input(&body, matrix(real, rows, k)),
          w = body_input(&body, matrix(real, k, k)), v = body_input(&body, matrix(real, k, n));
    Value product = build_dot(&body, h, w, dims_of(1, 1), dims_of(1, (int)axis), (Dims){0}, (Dims){0});
    Value sum = build_binary(&body, OP_ADD, x, build_with_const(&body, OP_DIV, product, 8));
    body_output(&body, build_unary(&body, OP_TANH, sum));
    body_output(&body, build_dot(&body, h, v, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0}));
    const Value operands[] = {build_input(&b, "h", matrix(real, rows, k)), build_input(&b, "xs", cube(real, 6, rows, k)),
                              build_input(&b, "w", matrix(real, k, k)), build_input(&b, "v", matrix(real, k, n))};
    Value scan = build_scan(&b, body.function, 6, 1, 1, 0, operands);
    build_output(&b, "last", build_result(&b, scan, 0));
    build_output(&b, "ys", build_result(&b, scan, 1));
    return module;
}

/* Operands of the function's loop. */
static uint32_t loop_operands(Module *module)
{
    const Function *f = module_function(module, "f");
    for (Value v = 0; v < f->ops.len; v++)
        if (OP_AT(f, v)->code == OP_SCAN)
            return OP_AT(f, v)->nargs;
    return 0;
}

static void lay_out(Module *module)
{
    Function *f = module_function(module, "f");
    pass_panels(module, f);
    pass_dce(module, f);
}

static void check_extents(DType real, int64_t rows, int64_t k, int64_t n, int64_t axis)
{
    Module *plain = loop_module(real, rows, k, n, axis), *laid = loop_module(real, rows, k, n, axis);
    lay_out(laid);
    assert_int_equal(loop_operands(laid), 4); /* the panels stand for the matrices */
    Text failure = {0};
    assert_true(verify_module(laid, false, &failure));
    Case case_of_plain = {.module = plain, .seed = 3}, case_of_laid = {.module = laid, .seed = 3};
    uint64_t bits = check_compiled(&case_of_plain, 2, "x86-64-v3", 1);
    assert_int_equal(check_compiled(&case_of_laid, 2, "x86-64-v3", 1), bits);
    check_everywhere(&case_of_laid);
    module_free(plain);
    module_free(laid);
}

static void check_real(DType real)
{
    check_extents(real, 40, 65, 70, 1);  /* columns that are no whole number of panels, rows that are no whole number of tiles */
    check_extents(real, 25, 300, 96, 0); /* more than one block of k */
    check_extents(real, 4, 160, 160, 1);
}

static void test_bits_are_the_same(void **state)
{
    (void)state;
    for_each_real(check_real);
}

/* A loop that has nothing to gain stays as it is. */
static void test_other_loops_stay(void **state)
{
    (void)state;
    static const int64_t extents[][3] = {{3, 200, 200}, {40, 8, 9}, {200, 65, 70}}; /* few rows, small matrices, many rows */
    for (size_t i = 0; i < sizeof extents / sizeof *extents; i++) {
        Module *module = loop_module(DTYPE_F32, extents[i][0], extents[i][1], extents[i][2], 1);
        lay_out(module);
        const Function *f = module_function(module, "f");
        for (Value v = 0; v < f->ops.len; v++)
            assert_true(OP_AT(f, v)->type.rank < 3 || OP_AT(f, v)->code == OP_INPUT || OP_AT(f, v)->code == OP_RESULT);
        module_free(module);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits_are_the_same), cmocka_unit_test(test_other_loops_stay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
