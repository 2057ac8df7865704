/* Derivatives where a function has a kink, an infinite slope or a branch that is not taken: first ones in both modes, second ones
 * as a tangent of the gradient and as a gradient of the gradient, against values worked out by hand. Never NaN. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "support/diagnostics.h"
#include "tests/passes/kit.h"

#include <cmocka.h>

enum { N = 3 }; /* numbers that a function takes: x[0], x[1], y */

/* A function of %x: f64[2] and %y: f64[], as IR text that ends with the scalar %out. */
typedef struct Kink {
    const char *body;
    double at[N], gradient[N];
    double hessian[N][N];
} Kink;

/* x[0] and x[1], and constants */
#define PARTS                                                                                                                    \
    "%s0 = slice %x from [0] : f64[1]\n%s1 = slice %x from [1] : f64[1]\n%a = reshape %s0 : f64[]\n%b = reshape %s1 : f64[]\n"   \
    "%0 = const 0 : f64[]\n%1 = const 1 : f64[]\n%v0 = const 0 : f64[2]\n"

static const Kink kinks[] = {
    /* an extremum of equals is their mean */
    {PARTS "%out = max %a, %b : f64[]", {3, 3}, {0.5, 0.5}, {{0}}},
    {PARTS "%out = min %a, %b : f64[]", {3, 3}, {0.5, 0.5}, {{0}}},
    {PARTS "%out = max %a, %0 : f64[]", {0}, {0.5}, {{0}}},
    {PARTS "%out = min %0, %a : f64[]", {0}, {0.5}, {{0}}},
    {PARTS "%out = max %a, %b : f64[]", {3, 2}, {1, 0}, {{0}}},
    {PARTS "%out = min %a, %b : f64[]", {3, 2}, {0, 1}, {{0}}},
    {PARTS "%out = abs %a : f64[]", {0}, {0}, {{0}}},
    {"%out = reduce_max %x axes [0] : f64[]", {3, 3}, {0.5, 0.5}, {{0}}},
    {"%out = reduce_max %x axes [0] : f64[]", {2, 3}, {0, 1}, {{0}}},
    /* so that pieces with kinks add up to a smooth function: x, and x^2 / 2 + x */
    {PARTS "%n = neg %a : f64[]\n%p = max %a, %0 : f64[]\n%q = max %n, %0 : f64[]\n%out = sub %p, %q : f64[]", {0}, {1}, {{0}}},
    {PARTS "%p = max %a, %0 : f64[]\n%q = min %a, %0 : f64[]\n%out = add %p, %q : f64[]", {0}, {1}, {{0}}},
    /* softplus of abs, max, exp */
    {PARTS "%p = max %a, %0 : f64[]\n%m = abs %a : f64[]\n%n = neg %m : f64[]\n%e = exp %n : f64[]\n%l = log1p %e : f64[]\n"
           "%out = add %p, %l : f64[]",
     {0},
     {0.5},
     {{0}}},

    /* powers of 0: a^2, a^1, a^0, a^b */
    {PARTS "%p = const 2 : f64[]\n%out = pow %a, %p : f64[]", {0}, {0}, {{2}}},
    {PARTS "%p = const 1 : f64[]\n%out = pow %a, %p : f64[]", {0}, {1}, {{0}}},
    {PARTS "%p = const 0 : f64[]\n%out = pow %a, %p : f64[]", {0}, {0}, {{0}}},
    {PARTS "%p = const 3 : f64[]\n%out = pow %a, %p : f64[]", {-2}, {12}, {{-12}}},
    {PARTS "%p = const -1 : f64[]\n%out = pow %a, %p : f64[]", {-2}, {-0.25}, {{-0.25}}},
    {PARTS "%out = pow %a, %b : f64[]", {0, 2}, {0, 0}, {{2}}},
    {PARTS "%out = pow %a, %b : f64[]", {0, 3}, {0, 0}, {{0}}},
    {PARTS "%out = pow %a, %b : f64[]", {0, 0}, {0, 0}, {{0}}},
    {PARTS "%out = pow %a, %b : f64[]", {1, 0}, {0, 0}, {{0, 1}, {1, 0}}},
    /* branches not taken: of 1 / a, log a, sqrt a, a^b, exp a */
    {PARTS "%c = lt %0, %a : bool[]\n%l = log %a : f64[]\n%out = select %c, %l, %a : f64[]", {0}, {1}, {{0}}},
    {PARTS "%c = lt %0, %a : bool[]\n%l = log %a : f64[]\n%out = select %c, %l, %a : f64[]", {-3}, {1}, {{0}}},
    {PARTS "%c = lt %0, %a : bool[]\n%l = log %a : f64[]\n%out = select %c, %l, %a : f64[]", {2}, {0.5}, {{-0.25}}},
    {PARTS "%c = ne %a, %0 : bool[]\n%q = div %b, %a : f64[]\n%out = select %c, %q, %0 : f64[]", {0, 2}, {0}, {{0}}},
    {PARTS "%c = lt %0, %a : bool[]\n%r = sqrt %a : f64[]\n%p = mul %r, %b : f64[]\n%out = select %c, %p, %0 : f64[]",
     {0, 2},
     {0},
     {{0}}},
    {PARTS "%c = lt %a, %1 : bool[]\n%e = exp %a : f64[]\n%p = mul %e, %b : f64[]\n%out = select %c, %p, %1 : f64[]",
     {1e4, 2},
     {0},
     {{0}}},
    {PARTS "%c = lt %0, %a : bool[]\n%r = pow %a, %b : f64[]\n%l = log %r : f64[]\n%out = select %c, %l, %0 : f64[]",
     {0, 2},
     {0},
     {{0}}},
    /* x log x, whose x has two uses in the branch */
    {PARTS "%c = lt %0, %a : bool[]\n%l = log %a : f64[]\n%p = mul %l, %a : f64[]\n%out = select %c, %p, %0 : f64[]",
     {0},
     {0},
     {{0}}},
    {PARTS "%c = lt %0, %a : bool[]\n%l = log %a : f64[]\n%p = mul %l, %a : f64[]\n%out = select %c, %p, %0 : f64[]",
     {1},
     {1},
     {{1}}},
    /* a branch in a branch: only the outer is not taken; only the inner */
    {PARTS "%c = lt %0, %a : bool[]\n%d = lt %a, %1 : bool[]\n%l = log %a : f64[]\n%i = select %d, %l, %0 : f64[]\n"
           "%out = select %c, %i, %a : f64[]",
     {0},
     {1},
     {{0}}},
    {PARTS "%c = lt %0, %a : bool[]\n%d = lt %a, %1 : bool[]\n%l = log %a : f64[]\n%i = select %c, %l, %0 : f64[]\n"
           "%out = select %d, %i, %1 : f64[]",
     {0},
     {0},
     {{0}}},
    /* a norm, through a sum: 0 at the origin, the unit vector elsewhere */
    {PARTS "%q = mul %x, %x : f64[2]\n%t = reduce_sum %q axes [0] : f64[]\n%r = sqrt %t : f64[]\n%c = lt %0, %t : bool[]\n"
           "%out = select %c, %r, %0 : f64[]",
     {0, 0},
     {0, 0},
     {{0}}},
    {PARTS "%q = mul %x, %x : f64[2]\n%t = reduce_sum %q axes [0] : f64[]\n%r = sqrt %t : f64[]\n%c = lt %0, %t : bool[]\n"
           "%out = select %c, %r, %0 : f64[]",
     {3, 4},
     {0.6, 0.8},
     {{0.128, -0.096}, {-0.096, 0.072}}},
    /* a sum of logarithms that is not taken; one of those that are positive */
    {PARTS "%l = log %x : f64[2]\n%t = reduce_sum %l axes [0] : f64[]\n%c = lt %0, %y : bool[]\n%out = select %c, %t, %0 : f64[]",
     {0, 1, -1},
     {0, 0, 0},
     {{0}}},
    {PARTS
     "%l = log %x : f64[2]\n%c = lt %v0, %x : bool[2]\n%p = select %c, %l, %v0 : f64[2]\n%out = reduce_sum %p axes [0] : f64[]",
     {0, 2},
     {0, 0.5},
     {{0}, {0, -0.25}}},
    /* through a broadcast of one condition, a transpose and a reshape */
    {PARTS
     "%c = lt %0, %y : bool[]\n%cs = broadcast %c axes [] : bool[2]\n%l = log %y : f64[]\n%ls = broadcast %l axes [] : f64[2]\n"
     "%p = mul %ls, %x : f64[2]\n%s = select %cs, %p, %x : f64[2]\n%out = reduce_sum %s axes [0] : f64[]",
     {1, 2, 0},
     {1, 1, 0},
     {{0}}},
    {PARTS
     "%l = log %x : f64[2]\n%m = reshape %l : f64[1, 2]\n%t = transpose %m axes [1, 0] : f64[2, 1]\n%z = const 0 : f64[2, 1]\n"
     "%o = const 1 : f64[2, 1]\n%c = lt %z, %t : bool[2, 1]\n%s = select %c, %t, %o : f64[2, 1]\n%out = reduce_sum %s axes [0, "
     "1] : f64[]",
     {0, 2},
     {0, 0.5},
     {{0}, {0, -0.25}}},
    /* elements that a slice leaves out; a branch that ends in a concat */
    {"%l = log %x : f64[2]\n%s = slice %l from [1] : f64[1]\n%out = reshape %s : f64[]", {0, 2}, {0, 0.5}, {{0}, {0, -0.25}}},
    {PARTS "%l = log %x : f64[2]\n%s = slice %l from [1] : f64[1]\n%t = reshape %s : f64[]\n%c = lt %0, %y : bool[]\n"
           "%out = select %c, %t, %0 : f64[]",
     {1, 0, 0},
     {0},
     {{0}}},
    {PARTS
     "%l = log %s0 : f64[1]\n%k = concat %l, %s1 axis 0 : f64[2]\n%c = lt %v0, %x : bool[2]\n%s = select %c, %k, %v0 : f64[2]\n"
     "%out = reduce_sum %s axes [0] : f64[]",
     {0, 2},
     {0, 1},
     {{0}}},
    /* elements that no index names: here the only index is 1 */
    {PARTS "%l = log %x : f64[2]\n%i = const 1 : i32[]\n%out = gather %l, %i : f64[]", {0, 2}, {0, 0.5}, {{0}, {0, -0.25}}},
    {PARTS "%l = log %x : f64[2]\n%i = const 1 : i32[]\n%g = gather %l, %i : f64[]\n%c = lt %0, %y : bool[]\n"
           "%out = select %c, %g, %0 : f64[]",
     {0, 0, 0},
     {0},
     {{0}}},
    /* operands that an extremum and a largest element do not choose */
    {PARTS "%r = sqrt %a : f64[]\n%out = max %r, %1 : f64[]", {0}, {0}, {{0}}},
    {PARTS "%l = log %a : f64[]\n%out = max %l, %b : f64[]", {0, 2}, {0, 1}, {{0}}},
    {"%r = sqrt %x : f64[2]\n%out = reduce_max %r axes [0] : f64[]", {0, 4}, {0, 0.25}, {{0}, {0, -1.0 / 32}}},
    {"%r = log %x : f64[2]\n%out = reduce_max %r axes [0] : f64[]", {0, 4}, {0, 0.25}, {{0}, {0, -1.0 / 16}}},
};

/* An infinite slope along which no loss moves. Backwards only: a tangent meets the slope first. */
static const Kink idle[] = {
    {PARTS "%r = sqrt %a : f64[]\n%out = mul %r, %0 : f64[]", {0}, {0}, {{0}}},
    {PARTS "%p = const 0.5 : f64[]\n%r = pow %a, %p : f64[]\n%out = mul %r, %y : f64[]", {0}, {0}, {{0}}},
};

static Value all_sum(Builder *b, Value x)
{
    Dims all = {.n = value_type(b, x).rank};
    for (unsigned i = 0; i < all.n; i++)
        all.v[i] = i;
    return build_reduce(b, OP_REDUCE_SUM, x, all);
}

/* The Hessian's product with (d, e), both ways, as outputs. */
static void add_derivatives(Module *module, Function *f)
{
    Builder b = {.module = module, .function = f};
    Value x = f->inputs.data[0], y = f->inputs.data[1], out = f->outputs.data[0].value;
    Value leaves[] = {x, y}, directions[] = {build_input(&b, "d", f64_type(1, 2)), build_input(&b, "e", f64_type(0))};
    Value gx = build_grad(&b, out, x), gy = build_grad(&b, out, y);
    Value along = build_binary(&b, OP_ADD, all_sum(&b, build_binary(&b, OP_MUL, gx, directions[0])),
                               build_binary(&b, OP_MUL, gy, directions[1]));
    build_output(&b, "gx", gx);
    build_output(&b, "gy", gy);
    build_output(&b, "slope", build_tangent(&b, out, 2, leaves, directions));
    build_output(&b, "hx", build_tangent(&b, gx, 2, leaves, directions));
    build_output(&b, "hy", build_tangent(&b, gy, 2, leaves, directions));
    build_output(&b, "rx", build_grad(&b, along, x));
    build_output(&b, "ry", build_grad(&b, along, y));
}

static void check(const Kink *kink, const char *what, double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-14))
        fail_msg("%s\nat %g, %g, %g: %s is %.17g, not %.17g", kink->body, kink->at[0], kink->at[1], kink->at[2], what, value,
                 expected);
}

/* Outputs 1.. of the function at the point, along the direction of number `along`. */
static void check_along(const Kink *kink, Module *module, const Function *f, unsigned along, bool forward)
{
    static const char *const seconds[] = {"tangent of the gradient", "gradient of the gradient"};
    double x[2] = {kink->at[0], kink->at[1]}, y = kink->at[2], d[2] = {along == 0, along == 1}, e = along == 2;
    Tensor inputs[] = {{f64_type(1, 2), x}, {f64_type(0), &y}, {f64_type(1, 2), d}, {f64_type(0), &e}}, *outputs;
    World world = {0};
    char why[256];
    if (!interpret(module, f, &world, inputs, &outputs, why))
        fail_msg("%s: %s", kink->body, why);
    for (unsigned i = 0; i < N; i++)
        check(kink, "gradient", tensor_get(&outputs[1 + i / 2], i % 2), kink->gradient[i]);
    if (forward)
        check(kink, "tangent", tensor_get(&outputs[3], 0), kink->gradient[along]);
    for (unsigned way = 0; way < 2 && forward; way++)
        for (unsigned i = 0; i < N; i++)
            check(kink, seconds[way], tensor_get(&outputs[4 + 2 * way + i / 2], i % 2), kink->hessian[i][along]);
    interpret_free_outputs(f, outputs);
}

static void check_kink(const Kink *kink, bool forward)
{
    Text text = {0};
    text_printf(&text, "module m f64\nfunc @f(%%x: f64[2], %%y: f64[]) -> (out: f64[]) {\n%s\nreturn out = %%out\n}\n",
                kink->body);
    Source source = {"kink.ir", text.data, strlen(text.data)};
    Diagnostics diags = {0};
    Module *module = parse_module(&source, &diags);
    diag_print(&diags, stderr);
    assert_non_null(module);
    Function *f = module->functions.data[0];
    add_derivatives(module, f);
    pass_differentiate(module, f);
    for (unsigned simplified = 0; simplified < 2; simplified++) {
        for (unsigned along = 0; along < N; along++)
            check_along(kink, module, f, along, forward);
        pass_simplify(module, f);
        pass_cse(module, f);
        pass_dce(module, f);
    }
    module_free(module);
    diag_free(&diags);
    text_free(&text);
}

static void derivatives_at_kinks_are_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinks); i++)
        check_kink(&kinks[i], true);
}

static void nothing_moves_along_an_infinite_slope(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(idle); i++)
        check_kink(&idle[i], false);
}

/* A mask costs nothing where slopes are finite: one select for a relu, as always. */
static void finite_slopes_need_no_mask(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value x = bench_input(&bench, 1, 4), w = bench_input(&bench, 1, 4);
    Value h = build_binary(b, OP_MUL, build_binary(b, OP_ADD, x, w), w), zero = build_const(b, f64_type(1, 4), 0);
    Value y = build_select(b, build_binary(b, OP_LE, h, zero), zero, h);
    Value loss = all_sum(b, build_binary(b, OP_MUL, y, y));
    build_output(b, "gx", build_grad(b, loss, x));
    build_output(b, "gw", build_grad(b, loss, w));
    pass_differentiate(bench.module, bench.function);
    pass_cse(bench.module, bench.function);
    pass_dce(bench.module, bench.function);
    assert_int_equal(count_ops(bench.function, OP_SELECT), 2); /* its own and that of its derivative */
    bench_free(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives_at_kinks_are_as_documented),
        cmocka_unit_test(nothing_moves_along_an_infinite_slope),
        cmocka_unit_test(finite_slopes_need_no_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
