/* The squared distance of pieces of wide products, by Gram matrices, is the sum of squares that it stands for, and so are its
 * gradients, wherever pieces begin and end within the rows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "passes/passes.h"

enum { ROWS = 4, COLUMNS = 11, WIDTH = 2, MOST = 8, OFTEN = 1000000 };

static Module *module;
static Function *function;
static Builder b;

static Type real(unsigned rank, int64_t d0, int64_t d1)
{
    return type_of(DTYPE_F64, rank, (int64_t[]){d0, d1});
}

static Value state(const char *name, Type type)
{
    return build_read(&b, find_or_add_state(module, name, type, STATE_WEIGHT, (Init){0}));
}

typedef struct Shape {
    bool vector, swapped, bias, factors;
    uint32_t pieces;
    int64_t ends[MOST]; /* each piece begins where the one before ends, the first at 0 */
} Shape;

/* The pieces of one product, whose operands have names with this suffix; the factors have none. */
static void build_pieces(const Shape *shape, const char *suffix, Value *pieces)
{
    Arena *arena = &module->arena;
    int64_t rows = shape->vector ? 1 : ROWS, all = rows * COLUMNS;
    Value left = state(arena_printf(arena, "left%s", suffix), shape->vector ? real(1, WIDTH, 0) : real(2, ROWS, WIDTH));
    Value head = state(arena_printf(arena, "head%s", suffix), real(2, COLUMNS, WIDTH));
    left = build_unary(&b, OP_TANH, left);
    int last = shape->vector ? 0 : 1;
    Value product = shape->swapped ? build_dot(&b, head, left, dims_of(1, 1), dims_of(1, last), (Dims){0}, (Dims){0})
                                   : build_dot(&b, left, head, dims_of(1, last), dims_of(1, 1), (Dims){0}, (Dims){0});
    if (shape->bias) {
        Value bias = state(arena_printf(arena, "bias%s", suffix), real(1, COLUMNS, 0));
        if (!shape->vector)
            bias = build_broadcast(&b, bias, real(2, ROWS, COLUMNS), dims_of(1, 1));
        product = build_binary(&b, OP_ADD, product, bias);
    }
    Value vector = build_reshape(&b, product, type_of(DTYPE_F64, 1, &all));
    for (uint32_t i = 0; i < shape->pieces; i++) {
        int64_t first = i ? shape->ends[i - 1] : 0, count = shape->ends[i] - first;
        pieces[i] = build_slice(&b, vector, dims_of(1, (int)first), type_of(DTYPE_F64, 1, &count));
        if (count % 2 == 0)
            pieces[i] = build_reshape(&b, pieces[i], real(2, 2, count / 2));
        if (shape->factors) {
            Value factor = state(arena_printf(arena, "factor%u", i), type_scalar(DTYPE_F64));
            pieces[i] = build_binary(&b, OP_MUL, build_splat(&b, factor, value_type(&b, pieces[i])), pieces[i]);
        }
    }
}

static uint32_t count_code(OpCode code)
{
    uint32_t count = 0;
    for (Value v = 0; v < function->ops.len; v++)
        count += OP_AT(function, v)->code == code;
    return count;
}

/* Outputs: the distance and its gradients, then the same by the definition. `grams`: whether Gram matrices are expected. */
static void check(const Shape *shape, int64_t repeats, bool grams)
{
    char why[256] = "";
    Tensor *outputs;
    Value x[MOST], y[MOST];
    module = module_new("test", DTYPE_F64);
    function = function_new(module, "f");
    b = (Builder){.module = module, .function = function};
    build_pieces(shape, "", x);
    build_pieces(shape, "*", y);
    uint32_t products = count_code(OP_DOT);
    SquareDistance parts;
    square_distance_begin(&b, shape->pieces, x, y, repeats, &parts);
    Value slope, distance = square_distance_end(&b, &parts, &slope);
    assert_int_equal(count_code(OP_DOT) > products, grams);
    Value plain = build_const(&b, type_scalar(DTYPE_F64), 0);
    for (uint32_t i = 0; i < shape->pieces; i++) {
        Value moved = build_binary(&b, OP_SUB, x[i], y[i]);
        plain = build_binary(&b, OP_ADD, plain, build_sum_of_product(&b, moved, moved));
    }
    Value sums[] = {distance, plain}, slopes[] = {slope, plain};
    for (int which = 0; which < 2; which++) {
        build_output(&b, "distance", sums[which]);
        for (uint32_t s = 0; s < module->states.len; s++)
            for (Value v = 0; v < function->ops.len; v++)
                if (OP_AT(function, v)->code == OP_STATE_READ && OP_AT(function, v)->symbol == s &&
                    module->states.data[s].name[0] != 'f') {
                    build_output(&b, module->states.data[s].name, build_grad(&b, slopes[which], v));
                    break;
                }
    }
    uint32_t n = function->outputs.len / 2;
    pass_differentiate(module, function);
    World world = {.states = world_states_new(module)};
    for (uint32_t i = 0; i < module->states.len; i++)
        for (int64_t k = 0; k < type_elements(module->states.data[i].type); k++)
            tensor_set(&world.states[i], k, 2 * random_element((uint32_t[]){5, i}, 0, 0, (uint64_t)k) - 1);
    bool fine = interpret(module, function, &world, NULL, &outputs, why);
    assert_string_equal(why, "");
    assert_true(fine);
    assert_true(tensor_get(&outputs[0], 0) > 0);
    for (uint32_t i = 0; i < n; i++)
        for (int64_t k = 0; k < type_elements(outputs[i].type); k++) {
            double got = tensor_get(&outputs[i], k), expected = tensor_get(&outputs[n + i], k);
            if (!(fabs(got - expected) <= 1e-12 * (1 + fabs(expected))))
                fail_msg("%s[%d]: %.17g, expected %.17g", function->outputs.data[i].name, (int)k, got, expected);
        }
    interpret_free_outputs(function, outputs);
    world_states_free(module, world.states);
    module_free(module);
}

static void test_pieces(void **unused)
{
    (void)unused;
    static const Shape shapes[] = {
        {.bias = true, .factors = true, .pieces = 3, .ends = {14, 17, 40}}, /* the last row has 4 elements too much */
        {.bias = true, .pieces = 1, .ends = {44}},
        {.factors = true, .pieces = 5, .ends = {3, 4, 22, 33, 43}},
        {.pieces = 2, .ends = {11, 22}},
        {.bias = true, .factors = true, .pieces = 4, .ends = {1, 2, 3, 4}},
        {.bias = true, .factors = true, .pieces = 2, .ends = {10, 12}},
    };
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        check(&shapes[i], OFTEN, true);
}

static void test_one_row(void **unused)
{
    (void)unused;
    static const Shape shapes[] = {
        {.vector = true, .bias = true, .factors = true, .pieces = 3, .ends = {4, 5, 9}},
        {.vector = true, .swapped = true, .bias = true, .pieces = 2, .ends = {6, 11}},
        {.vector = true, .swapped = true, .pieces = 1, .ends = {11}},
    };
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        check(&shapes[i], OFTEN, true);
}

static void test_few_rows_are_plain(void **unused)
{
    (void)unused;
    static const Shape shape = {.bias = true, .factors = true, .pieces = 3, .ends = {14, 17, 40}};
    check(&shape, 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_one_row),
        cmocka_unit_test(test_few_rows_are_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
