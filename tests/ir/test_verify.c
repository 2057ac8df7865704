/* Modules built through the Builder, then broken by hand: the verifier says what is wrong. */
#include "ir/model.h"
#include "tests/ir/ir_test.h"

typedef struct Fixture {
    Module *module;
    Function *function;
    uint32_t state;
    Value x, y, sum;
} Fixture;

static Fixture fixture_new(void)
{
    Fixture f = {.module = module_new("m", DTYPE_F32)};
    Type vector = type_of(DTYPE_F32, 1, (int64_t[]){3});
    f.state = module_state(f.module, "s", vector, STATE_WEIGHT);
    f.function = function_new(f.module, "f");
    Builder b = {f.module, f.function, 17};
    f.x = build_input(&b, "x", vector);
    f.y = build_read(&b, f.state);
    f.sum = build_binary(&b, OP_ADD, f.x, f.y);
    build_write(&b, f.state, f.sum);
    build_output(&b, "sum", f.sum);
    return f;
}

static void expect(Fixture *f, bool allow_pseudo, const char *expected)
{
    Text why = {0};
    assert_false(verify_module(f->module, allow_pseudo, &why));
    assert_false(verify_module(f->module, allow_pseudo, NULL));
    Text text = {0}; /* a module that does not verify still prints, to help to find the fault */
    if (OP_AT(f->function, f->sum)->code < OP_COUNT)
        print_function(f->module, f->function, &text);
    text_free(&text);
    if (!strstr(why.data, expected))
        fail_msg("expected '%s', got: %s", expected, why.data);
    text_free(&why);
    module_free(f->module);
}

static void sound(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    Text why = {0};
    assert_true(verify_module(f.module, false, &why));
    assert_int_equal(why.len, 0);
    module_free(f.module);
}

static void operand_order(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    OP_AT(f.function, f.sum)->args[1] = f.sum;
    expect(&f, false, "function 'f': %2 (model line 17): an operand does not precede its use");
}

static void operand_count(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    OP_AT(f.function, f.sum)->nargs = 1;
    expect(&f, false, "add: 1 operands given, 2 needed");
}

static void stated_type(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    OP_AT(f.function, f.sum)->type.dims[0] = 4;
    expect(&f, false, "add: type is f32[3], stated is f32[4]");
}

static void tables_in_range(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    OP_AT(f.function, f.y)->symbol = 9;
    expect(&f, false, "state_read: the module has no state 9");
}

static void written_twice(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    build_write(&(Builder){f.module, f.function, 0}, f.state, f.x);
    expect(&f, false, "state 's' is written twice");
}

static void write_as_operand(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    f.function->outputs.data[0].value = f.sum + 1;
    expect(&f, false, "output 'sum' is a state_write, which has no value");
    f = fixture_new();
    Value negated = build_unary(&(Builder){f.module, f.function, 0}, OP_NEG, f.sum);
    OP_AT(f.function, negated)->args[0] = f.sum + 1;
    expect(&f, false, "neg: operand 0 is a state_write");
}

static void outputs(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    f.function->outputs.data[0].value = 99;
    expect(&f, false, "output 'sum' is not a value");
    f = fixture_new();
    build_output(&(Builder){f.module, f.function, 0}, "sum", f.x);
    expect(&f, false, "two outputs are named 'sum'");
}

static void inputs(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    OP_AT(f.function, f.x)->symbol = 1;
    expect(&f, false, "input: not the function's input of that position");
    f = fixture_new();
    f.function->inputs.len = 0;
    expect(&f, false, "0 inputs are listed, 1 declared");
}

static void pseudo_ops(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    build_unary(&(Builder){f.module, f.function, 0}, OP_ACROSS_SUM, f.x);
    assert_true(verify_module(f.module, true, NULL));
    expect(&f, false, "across_sum: not replaced by a pass");
}

static void nonsense_op(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    OP_AT(f.function, f.sum)->code = (OpCode)999;
    expect(&f, false, "op 999 does not exist");
}

static void tables(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    f.module->states.data[0].type.dims[0] = 0;
    expect(&f, false, "state 's' has no valid type");
    f = fixture_new();
    vec_push(&f.module->states, f.module->states.data[0]);
    expect(&f, false, "two states are named 's'");
    f = fixture_new();
    f.module->states.data[0].name = "bell\a";
    expect(&f, false, "state 0 has no printable name");
    f = fixture_new();
    vec_push(&f.module->functions, f.function);
    Text why = {0};
    assert_false(verify_module(f.module, false, &why));
    assert_non_null(strstr(why.data, "two functions are named 'f'"));
    text_free(&why);
    f.module->functions.len--;
    module_free(f.module);
    f = fixture_new();
    Weight weight = {.name = "w", .type = type_scalar(DTYPE_F32), .output_axis = 0};
    vec_push(&f.module->weights, weight);
    expect(&f, false, "weight 0 has no axis 0");
    f = fixture_new();
    Condition condition = {"c", type_scalar(DTYPE_F32), CONDITION_HYPER, 0};
    vec_push(&f.module->conditions, condition);
    expect(&f, false, "condition 0 is neither floats with an axis nor i32[]");
}

/* ---- functions as things ---- */

static void functions_come_and_go(void **unused)
{
    (void)unused;
    Fixture f = fixture_new();
    Function *rebuilt = function_detached(f.module, "scratch");
    Builder b = {f.module, rebuilt, 0};
    Value map[8];
    for (Value v = 0; v < f.function->ops.len; v++)
        map[v] = build_copy(&b, f.function, v, map);
    build_output(&b, "sum", map[f.sum]);
    assert_int_equal(OP_AT(rebuilt, f.sum)->line, 17);
    function_replace(f.function, rebuilt);
    assert_int_equal(rebuilt->ops.len, 0);
    assert_string_equal(f.function->name, "f");
    assert_int_equal(f.function->ops.len, 4);
    assert_true(verify_module(f.module, false, NULL));
    assert_ptr_equal(module_function(f.module, "f"), f.function);
    function_remove(f.module, f.function);
    assert_null(module_function(f.module, "f"));
    assert_int_equal(find_state(f.module, "s"), 0);
    assert_int_equal(find_state(f.module, "t"), -1);
    module_free(f.module);
}

static void inlining(void **unused)
{
    (void)unused;
    Module *module = module_new("m", DTYPE_F32);
    Builder callee = {module, function_new(module, "callee"), 5};
    Value two = build_const(&callee, type_scalar(DTYPE_F32), 2);
    Value four = build_binary(&callee, OP_MUL, two, two);
    Builder caller = {module, function_new(module, "caller"), 0};
    build_const(&caller, type_scalar(DTYPE_F32), 1);
    Value map[2];
    build_inline(&caller, callee.function, map);
    assert_int_equal(map[two], 1);
    assert_int_equal(map[four], 2);
    assert_int_equal(OP_AT(caller.function, 2)->args[0], 1);
    assert_true(verify_module(module, false, NULL));
    module_free(module);
}

/* Builders that would add an op that does nothing return the operand. */
static void builders_that_add_nothing(void **unused)
{
    (void)unused;
    Module *module = module_new("m", DTYPE_F32);
    Builder b = {module, function_new(module, "f"), 0};
    Type vector = type_of(DTYPE_F32, 1, (int64_t[]){3});
    Value x = build_input(&b, "x", vector), z = build_input(&b, "z", type_scalar(DTYPE_F32));
    assert_int_equal(build_reshape(&b, x, vector), x);
    assert_int_equal(build_cast(&b, x, DTYPE_F32), x);
    assert_int_equal(build_splat(&b, z, type_scalar(DTYPE_F32)), z);
    assert_int_equal(build_concat(&b, 1, &x, 0), x);
    assert_int_equal(build_reduce(&b, OP_REDUCE_SUM, x, (Dims){0}), x);
    assert_int_equal(b.function->ops.len, 2);
    assert_true(type_equal(value_type(&b, build_splat(&b, z, vector)), vector));
    module_free(module);
}

/* Asserts nothing itself: the leak checker of sanitized builds must stay quiet, also for a model in its own arena. */
static void models_are_freed_whole(void **unused)
{
    (void)unused;
    Module *module = module_new("m", DTYPE_F32);
    Model *model = ARENA_NEW(&module->arena, Model);
    model->module = module;
    Dataset dataset = {.name = "d"};
    vec_push(&dataset.files, "file");
    vec_push(&dataset.splits, (Split){.name = "train"});
    vec_push(&model->datasets, dataset);
    Train train = {.name = "t"};
    vec_push(&train.phases, (Phase){.name = "lower"});
    vec_push(&model->trains, train);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound),
        cmocka_unit_test(operand_order),
        cmocka_unit_test(operand_count),
        cmocka_unit_test(stated_type),
        cmocka_unit_test(tables_in_range),
        cmocka_unit_test(written_twice),
        cmocka_unit_test(write_as_operand),
        cmocka_unit_test(outputs),
        cmocka_unit_test(inputs),
        cmocka_unit_test(pseudo_ops),
        cmocka_unit_test(nonsense_op),
        cmocka_unit_test(tables),
        cmocka_unit_test(functions_come_and_go),
        cmocka_unit_test(inlining),
        cmocka_unit_test(builders_that_add_nothing),
        cmocka_unit_test(models_are_freed_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
