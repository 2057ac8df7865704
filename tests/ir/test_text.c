/* The textual form: a printed module reads back as the same module, and errors are reported at their place. */
#include <math.h>

#include "tests/ir/ir_test.h"

static const char sample[] = "module stn_mlp f32\n"
                             "field @fashion.image : u8[28, 28] dataset 0\n"
                             "field @fashion.label : i32[] dataset 0 classes 10\n"
                             "condition @lam : f32[4]\n"
                             "weight @classifier.w : f32[300, 784] net 0 form 1 axis 0 fan 784 300 init uniform 0.0357\n"
                             "weight @scale : f32[] net 0 form 0 fan 1 1 init constant 1\n"
                             "state @classifier.w.elem : f32[300, 784] weight init normal 0.1\n"
                             "state @\"odd \\\"name\\\\\" : i32[2] counter\n"
                             "\n"
                             "func @tune.lower(%index: i32[128], %\"1st\": f32[]) -> (loss: f32[], n: i32[128]) {\n"
                             "  %2 = fetch @fashion.image, %index : u8[128, 28, 28]\n"
                             "  %3 = cast %2 : f32[128, 28, 28]\n"
                             "  %4 = reshape %3 : f32[128, 784]\n"
                             "  %5 = state_read @classifier.w.elem : f32[300, 784]\n"
                             "  %6 = dot %4, %5 contract [1] [1] : f32[128, 300]\n"
                             "  %7 = state_read @\"odd \\\"name\\\\\" : i32[2]\n"
                             "  %8 = const 3 : i32[]\n"
                             "  %9 = random %7, %8 stream 12 shared : f32[300, 784]\n"
                             "  state_write @classifier.w.elem, %9\n"
                             "  %11 = reduce_sum %6 axes [0, 1] : f32[]\n"
                             "  %12 = mul %11, %\"1st\" : f32[]\n"
                             "  return loss = %12, n = %index\n"
                             "}\n"
                             "\n"
                             "func @empty() {\n"
                             "}\n";

static char *printed(const Module *module)
{
    Text text = {0};
    print_module(module, &text);
    return text.data;
}

static void round_trip(void **unused)
{
    (void)unused;
    Module *module = must_parse(sample);
    char *text = printed(module);
    assert_string_equal(text, sample);
    Function *lower = module_function(module, "tune.lower");
    assert_non_null(lower);
    assert_int_equal(OP_AT(lower, 9)->flags, OP_SHARED);
    assert_int_equal(OP_AT(lower, 9)->symbol, 12);
    assert_int_equal(module->weights.data[0].fan_in, 784);
    assert_int_equal(module->weights.data[1].output_axis, -1);
    assert_int_equal(module->states.data[0].init.kind, INIT_NORMAL);
    assert_int_equal(module->fields.data[1].classes, 10);
    free(text);
    module_free(module);
}

/* Labels, blanks, comments and a missing list of outputs are the writer's choice; printing settles them. */
static void free_form(void **unused)
{
    (void)unused;
    Module *module = must_parse("# a comment\n\nmodule m f64 # another\r\n\n"
                                "func @f ( %x:f64[ 2 ] ){ \n\n\t%twice=add %x,%x:f64[2]#sum\n"
                                "  %007 = neg %twice : f64[2]\n  return y=%007\n\n}\n\n");
    char *text = printed(module);
    assert_string_equal(text, "module m f64\n\nfunc @f(%x: f64[2]) -> (y: f64[2]) {\n  %1 = add %x, %x : f64[2]\n"
                              "  %2 = neg %1 : f64[2]\n  return y = %2\n}\n");
    free(text);
    module_free(module);
}

/* One line of text per op of ops.def that is not elementwise, so that a new op needs a line here. */
static const char *const primitive_lines[OP_COUNT] = {
    [OP_INPUT] = "",
    [OP_CONST] = "%v = const 1 : f32[2]",
    [OP_IOTA] = "%v = iota axis 0 : f32[2]",
    [OP_RANDOM] = "%v = random %seed, %n stream 4 : f32[2]",
    [OP_STATE_READ] = "%v = state_read @s : f32[2]",
    [OP_STATE_WRITE] = "state_write @s, %x",
    [OP_FETCH] = "%v = fetch @f, %seed : u8[2, 2]",
    [OP_PARAM] = "%v = param @w : f32[2]",
    [OP_CONDITION] = "%v = condition @c : f32[2]",
    [OP_SHIFT] = "%v = shift @c : f32[2]",
    [OP_RESPOND] = "%v = respond %x, %x : f32[2]",
    [OP_MARK] = "%v = mark %x : f32[2]",
    [OP_EXAMPLE] = "%v = example @f : u8[2]",
    [OP_ACROSS_SUM] = "%v = across_sum %x : f32[2]",
    [OP_ACROSS_MEAN] = "%v = across_mean %x : f32[2]",
    [OP_ACROSS_MAX] = "%v = across_max %x : f32[2]",
    [OP_GRAD] = "%v = grad %z, %x : f32[2]",
    [OP_TANGENT] = "%v = tangent %z, %x, %x : f32[]",
    [OP_FMA] = "%v = fma %x, %x, %x : f32[2]",
    [OP_SELECT] = "%v = select %p, %x, %x : f32[2]",
    [OP_CAST] = "%v = cast %x : i32[2]",
    [OP_BROADCAST] = "%v = broadcast %x axes [0] : f32[2, 3]",
    [OP_RESHAPE] = "%v = reshape %x : f32[1, 2]",
    [OP_TRANSPOSE] = "%v = transpose %x axes [0] : f32[2]",
    [OP_SLICE] = "%v = slice %x from [1] : f32[1]",
    [OP_WINDOW] = "%v = window %x axes [0] extents [2] steps [1] dilations [-1] : f32[1, 2]",
    [OP_OVERLAP] = "%w = reshape %x : f32[1, 2]\n  %v = overlap %w axes [0] extents [2] steps [3] dilations [4] : f32[6]",
    [OP_PAD] = "%v = pad %x before [1] : f32[4]",
    [OP_CONCAT] = "%v = concat %x, %x axis 0 : f32[4]",
    [OP_REDUCE_SUM] = "%v = reduce_sum %x axes [0] : f32[]",
    [OP_REDUCE_MAX] = "%v = reduce_max %x axes [0] : f32[]",
    [OP_ARGMAX] = "%v = argmax %x axis 0 : i32[]",
    [OP_SORT] = "%v = sort %x axis 0 : i32[2]",
    [OP_SCAN] = "%v = scan @b, %x, %n loop [3, 1, 0] reversed : f32[2]",
    [OP_RESULT] = "%w = scan @b, %x, %n loop [3, 1, 0] : f32[2]\n  %v = result %w place 1 : i32[3]",
    [OP_DOT] = "%v = dot %x, %x contract [] [] batch [0] [0] : f32[2]",
    [OP_WITHIN] = "%v = within %seed, %seed : i32[2]",
    [OP_GATHER] = "%v = gather %x, %seed : f32[2]",
    [OP_SCATTER_ADD] = "%v = scatter_add %seed, %x rows 3 : f32[3]",
    [OP_EXTERN] = "%v = extern @dirichlet, %seed, %n, %x : f32[2]",
};

static void every_primitive(void **unused)
{
    (void)unused;
    for (int code = 0; code < OP_COUNT; code++) {
        Text text = {0};
        const OpInfo *info = &op_info[code];
        text_printf(&text, "module m f32\nfield @f : u8[2] dataset 0\ncondition @c : f32[2]\n"
                           "weight @w : f32[2] net 0 form 0 axis 0 fan 1 2 init constant 0\nstate @s : f32[2] weight\n"
                           "body @b(%%h: f32[2], %%k: i32[]) -> (h: f32[2], k: i32[]) {\n  return h = %%h, k = %%k\n}\n"
                           "func @f(%%x: f32[2], %%p: bool[2], %%z: f32[], %%seed: i32[2], %%n: i32[]) {\n  ");
        bool logic = code == OP_NOT || code == OP_AND || code == OP_OR;
        bool compares = code == OP_EQ || code == OP_NE || code == OP_LT || code == OP_LE;
        const char *operand = logic ? "%p" : "%x";
        if (primitive_lines[code])
            text_printf(&text, "%s", primitive_lines[code]);
        else
            text_printf(&text, "%%v = %s %s%s%s : %s[2]", info->name, operand, info->arity == 2 ? ", " : "",
                        info->arity == 2 ? operand : "", logic || compares ? "bool" : "f32");
        text_printf(&text, "\n}\n");
        Module *module = must_parse(text.data);
        char *once = printed(module);
        Module *again = must_parse(once);
        char *twice = printed(again);
        assert_string_equal(once, twice);
        assert_non_null(strstr(once, code == OP_INPUT ? "%x: f32[2]" : info->name));
        free(once);
        free(twice);
        module_free(module);
        module_free(again);
        text_free(&text);
    }
}

static void numbers_read_back_exactly(void **unused)
{
    (void)unused;
    const double numbers[] = {0.1,       1.0 / 3, 1e300,     5e-324, -0.0, 123456789012345678.0,   INFINITY,
                              -INFINITY, NAN,     0x1.fp-30, 0.0357, 1e22, 2.2250738585072014e-308};
    Module *module = module_new("m", DTYPE_F64);
    Builder b = {module, function_new(module, "f"), 0};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        build_const(&b, type_scalar(DTYPE_F64), numbers[i]);
    char *text = printed(module);
    Module *again = must_parse(text);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        double number = OP_AT(again->functions.data[0], i)->number;
        assert_true(isnan(numbers[i]) ? isnan(number) : memcmp(&number, &numbers[i], sizeof number) == 0);
    }
    free(text);
    module_free(module);
    module_free(again);
}

/* Inputs that are declared after other ops still print and parse as themselves. */
static void late_inputs(void **unused)
{
    (void)unused;
    Module *module = module_new("m", DTYPE_F32);
    Builder b = {module, function_new(module, "f"), 0};
    Value one = build_const(&b, type_scalar(DTYPE_F32), 1);
    Value x = build_input(&b, "x", type_scalar(DTYPE_F32));
    build_output(&b, "y", build_binary(&b, OP_ADD, x, one));
    char *once = printed(module);
    Module *again = must_parse(once);
    char *twice = printed(again);
    assert_string_equal(once, twice);
    assert_non_null(strstr(once, "%1 = const 1 : f32[]\n  %2 = add %x, %1 : f32[]"));
    free(once);
    free(twice);
    module_free(module);
    module_free(again);
}

#define GIVEN(lines)                                                                                                             \
    "module m f32\n"                                                                                                             \
    "condition @z : f32[3]\ncondition @k : i32[]\n"                                                                              \
    "weight @w : f32[6, 2] net 0 form 0 axis 0 fan 2 6 init constant 0\n\n"                                                      \
    "func @f(%z: f32[3], %k: i32[], %zs: f32[5, 4, 3], %ks: i32[5, 4]) {\n" lines "}\n"

/* Weights at values of conditions, which may have leading axes. */
static void given_values(void **unused)
{
    (void)unused;
    static const char text[] = GIVEN("  %4 = param @w : f32[6, 2]\n"
                                     "  %5 = param @w, %z given @z : f32[6, 2]\n"
                                     "  %6 = param @w, %z, %k given @z @k : f32[6, 2]\n"
                                     "  %7 = param @w, %zs, %ks given @z @k : f32[5, 4, 6, 2]\n");
    Module *module = must_parse(text);
    char *again = printed(module);
    assert_string_equal(again, text);
    assert_int_equal(OP_AT(module->functions.data[0], 6)->a.v[1], 1);
    free(again);
    module_free(module);
    static const char *const wrong[][2] = {
        {GIVEN("  %4 = param @w, %z : f32[6, 2]\n"), "1 values of conditions given, 0 needed"},
        {GIVEN("  %4 = param @w given @z : f32[6, 2]\n"), "0 values of conditions given, 1 needed"},
        {GIVEN("  %4 = param @w, %k given @z : f32[6, 2]\n"), "the condition 'z' is f32[3], its value i32[]"},
        {GIVEN("  %4 = param @w, %k, %z given @k @z : f32[6, 2]\n"), "conditions must increase"},
        {GIVEN("  %4 = param @w, %zs, %k given @z @k : f32[5, 4, 6, 2]\n"), "different leading axes"},
        {GIVEN("  %4 = param @w, %z given @q : f32[6, 2]\n"), "no condition of this name is declared above"},
        {GIVEN("  %4 = param @w, %z given : f32[6, 2]\n"), "expected a condition"},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        must_refuse(wrong[i][0], wrong[i][1]);
}

#define AROUND(lines)                                                                                                            \
    "module m f32\nbody @b(%h: f32[], %v: f32[2]) {\n  return h = %h\n}\nfunc @f(%x: f32[], %y: f32[2]) {\n" lines "\n}\n"

#define IN_FUNCTION(lines) "module m f32\nstate @s : f32[] weight\nfunc @f(%x: f32[], %y: f32[2]) {\n" lines "\n}\n"

static void refused_loops(void **unused)
{
    (void)unused;
    static const char *const cases[][2] = {
        {IN_FUNCTION("  %1 = scan %x : f32[]"), "expected a body: @name"},
        {IN_FUNCTION("  %1 = scan @b, %x loop [3, 1, 0] : f32[]"), "no body of this name is declared above"},
        {AROUND("  %1 = scan @b, %x loop [3, 1] : f32[]"), "numbers of its loop"},
        {AROUND("  %1 = scan @b, %x loop [3, 1, 0] : f32[]"), "1 operands given, the body has 2 inputs"},
        {AROUND("  %1 = scan @b, %x, %y loop [3, 1, 1] : f32[]"), "operand 1 is f32[2], not one f32[2] per step"},
        {AROUND("  %1 = scan @b, %y, %y loop [3, 1, 0] : f32[]"), "operand 0 is f32[2], the body's input f32[]"},
        {AROUND("  %1 = scan @b, %x, %y loop [3, 2, 0] : f32[]"), "the body has 2 inputs and 1 outputs, which are too few"},
        {AROUND("  %1 = scan @b, %x, %y loop [3, 1, 0] : f32[2]"), "the type of this scan is f32[], not f32[2]"},
        {AROUND("  %1 = scan @b, %x, %y loop [3, 1, 0] : f32[]\n  %2 = neg %1 : f32[]"), "only 'result' takes its values"},
        {AROUND("  %1 = scan @b, %x, %y loop [3, 1, 0] : f32[]\n  %2 = result %1 place 1 : f32[]"), "the scan has no result 1"},
        {AROUND("  %1 = result %x place 0 : f32[]"), "its operand is no scan"},
        {"module m f32\nstate @s : f32[] weight\nbody @b(%h: f32[]) {\n  %1 = state_read @s : f32[]\n  return h = %1\n}\n"
         "func @f(%x: f32[]) {\n  %1 = scan @b, %x loop [3, 1, 0] : f32[]\n}\n",
         "the body of a scan has only what it is given"},
        {"module m f32\nbody @b(%h: f32[]) {\n  %1 = scan @b, %h loop [3, 1, 0] : f32[]\n}\n",
         "no body of this name is declared above"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        must_refuse(cases[i][0], cases[i][1]);
}

static void refused(void **unused)
{
    (void)unused;
    static const char *const cases[][2] = {
        {"", "expected 'module'"},
        {"module", "expected the module's name"},
        {"module m i32", "expected 'f32'"},
        {"module m f32\nnonsense", "test.ir:2:1: error: expected 'func', 'body', 'state', 'weight', 'field' or 'condition'"},
        {"module m f32\nstate @s : f32[2 weight", "expected ']'"},
        {"module m f32\nstate @s : f31[2] weight", "expected a type"},
        {"module m f32\nstate @s : f32[0] weight", "expected an integer from 1 to 2147483647"},
        {"module m f32\nstate @s : f32[-3] weight", "expected an integer from 1 to"},
        {"module m f32\nstate @s : f32[99999999999999999999] weight", "expected an integer from 1 to"},
        {"module m f32\nstate @s : f32[2.5] weight", "expected an integer"},
        {"module m f32\nstate @s : f32[65536, 65536] weight", "too many elements (limit is 2147483647)"},
        {"module m f32\nstate @s : f32[1, 1, 1, 1, 1, 1, 1, 1, 1] weight", "too many axes (limit is 8)"},
        {"module m f32\nstate @s : f32[2] wait", "expected a role"},
        {"module m f32\nstate @s : f32[2] weight init 3", "expected 'constant', 'uniform', 'normal' or 'signs'"},
        {"module m f32\nstate @s : f32[2] weight init normal 1e999", "not a number of double precision"},
        {"module m f32\nstate @s : f32[2] weight init normal 0x1p3", "not a number of double precision"},
        {"module m f32\nstate @s : f32[2] weight\nstate @s : f32[2] weight", "test.ir:3:7: error: state 's' is declared twice"},
        {"module m f32\nstate @ : f32[2] weight", "a name must follow"},
        {"module m f32\nstate @\"a\nb\" : f32[2] weight", "a name in quotes must end on its line"},
        {"module m f32\nstate @\"\" : f32[2] weight", "name is empty"},
        {"module m f32\ncondition @c : f32[]", "a condition is a tensor of floats with an axis"},
        {"module m f32\nweight @w : f32[2] net 0 form 0 axis 1 fan 1 1 init constant 0", "expected an integer from 0 to 0"},
        {"module m f32\nweight @w : f32[] net 0 form 0 axis 0 fan 1 1 init constant 0", "a scalar has no axes"},
        {"module m f32\nweight @w : i32[2] net 0 form 0 fan 1 1 init constant 0", "a weight is of floats"},
        {"module m f32\nfield @f : u8[2] dataset 0 junk", "nothing more was expected on this line"},
        {"module m f32\nfunc @f(%x: f32[], %x: f32[]) {\n}", "two inputs have this name"},
        {"module m f32\nfunc @f(%1: f32[]) {\n}", "expected an input: %name"},
        {"module m f32\nfunc @f() {\n", "expected '}'"},
        {"module m f32\nfunc @f() {\n}\nfunc @f() {\n}", "function 'f' is defined twice"},
        {"module m f32\nfunc @f() -> (y: f32[]) {\n}", "the outputs returned are not those stated"},
        {"module m f32\n\x01", "no token of the IR starts here"},
        {IN_FUNCTION("  %1 = frob %x : f32[]"), "test.ir:4:8: error: 'frob' is not a primitive"},
        {IN_FUNCTION("  %1 = reduce_sun %y axes [0] : f32[]"), "did you mean 'reduce_sum'?"},
        {IN_FUNCTION("  %1 = call %x, %y : f32[]"), "'call' is reserved, not implemented"},
        {IN_FUNCTION("  %1 = call %x : f32[]"), "'call' is reserved, not implemented"},
        {IN_FUNCTION("  %1 = input : f32[]"), "inputs are declared in the function's first line"},
        {IN_FUNCTION("  neg %x : f32[]"), "expected '%name =' before 'neg'"},
        {IN_FUNCTION("  %1 = state_write @s, %x"), "state_write has no value to name"},
        {IN_FUNCTION("  %1 neg %x : f32[]"), "expected '='"},
        {IN_FUNCTION("  %1 = neg %z : f32[]"), "test.ir:4:12: error: no value of this name stands above"},
        {IN_FUNCTION("  %1 = neg %1 : f32[]"), "no value of this name stands above"},
        {IN_FUNCTION("  %1 = neg x : f32[]"), "expected a value"},
        {IN_FUNCTION("  %1 = neg %x"), "expected ':'"},
        {IN_FUNCTION("  %1 = neg %x : f32[] trailing"), "nothing more was expected on this line"},
        {IN_FUNCTION("  %x = neg %x : f32[]"), "value is defined twice"},
        {IN_FUNCTION("  %1 = state_read @t : f32[]"), "no state of this name is declared above"},
        {IN_FUNCTION("  %1 = state_read %x : f32[]"), "expected a state: @name"},
        {IN_FUNCTION("  %1 = const : f32[]"), "expected a number"},
        {IN_FUNCTION("  %1 = const 1..2 : f32[]"), "not a number of double precision"},
        {IN_FUNCTION("  %1 = reduce_sum %y axis [0] : f32[]"), "expected 'axes'"},
        {IN_FUNCTION("  %1 = reduce_sum %y axes [0, 0, 0, 0, 0, 0, 0, 0, 0] : f32[]"), "too many indices (limit is 8)"},
        {IN_FUNCTION("  %1 = neg %x : f32[2]"), "test.ir:4:17: error: the type of this neg is f32[], not f32[2]"},
        {IN_FUNCTION("  return y = %x, y = %x"), "two outputs are named 'y'"},
        {IN_FUNCTION("  state_write @s, %x\n  state_write @s, %x"), "state 's' is written twice"},
        {IN_FUNCTION("  return y = %x\n  %1 = neg %x : f32[]"), "expected '}' after 'return'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        must_refuse(cases[i][0], cases[i][1]);
}

/* Each wrong line is reported once, and lines that depend on it are not reported. */
static void no_cascade(void **unused)
{
    (void)unused;
    char *messages;
    Module *module = parse_text(IN_FUNCTION("  %1 = frob %x : f32[]\n  %2 = neg %1 : f32[]\n  %3 = add %2, %x : f32[]\n"
                                            "  %4 = add %x, %y : f32[]\n  return z = %3"),
                                &messages);
    assert_null(module);
    unsigned errors = 0;
    for (const char *at = messages; (at = strstr(at, "error:")); at++)
        errors++;
    assert_int_equal(errors, 2);
    assert_non_null(strstr(messages, "     4 |   %1 = frob %x : f32[]\n       |        ^~~~\n"));
    free(messages);
}

static void named_limits(void **unused)
{
    (void)unused;
    Text text = {0};
    text_printf(&text, "module m f32\nfunc @f(%%x: f32[]) {\n");
    for (int i = 0; i < (1 << 18) + 1; i++)
        text_printf(&text, "%%%d = neg %%x : f32[]\n", i);
    text_printf(&text, "}\n");
    must_refuse(text.data, "too many ops (limit is 262144 per module)");
    text_free(&text);

    text_printf(&text, "module m f32\n");
    for (int i = 0; i < 4097; i++)
        text_printf(&text, "func @f%d() {\n}\n", i);
    must_refuse(text.data, "too many functions (limit is 4096)");
    text_free(&text);

    text_printf(&text, "module m f32\nfunc @f(");
    for (int i = 0; i < 1025; i++)
        text_printf(&text, "%%x%d: f32[], ", i);
    must_refuse(text.data, "too many inputs (limit is 1024)");
    text_free(&text);

    text_printf(&text, "module m f32\nstate @");
    for (int i = 0; i < 256; i++)
        text_append(&text, "x", 1);
    must_refuse(text.data, "name is too long (limit is 255 bytes)");
    text_free(&text);
}

/* A sample that is cut anywhere is refused or accepted; nothing else happens. */
static void truncated(void **unused)
{
    (void)unused;
    for (size_t size = 0; size < sizeof sample; size++) {
        char *cut = strndup(sample, size), *messages;
        Module *module = parse_text(cut, &messages);
        assert_true(module || strstr(messages, "error:"));
        module_free(module);
        free(messages);
        free(cut);
    }
}

static void every_mnemonic_is_documented(void **unused)
{
    (void)unused;
    FILE *file = fopen(HNC_SOURCE_DIR "/docs/ir.md", "rb");
    assert_non_null(file);
    Text text = {0};
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        text_append(&text, chunk, n);
    fclose(file);
    for (int code = 0; code < OP_COUNT; code++) {
        char row[64];
        snprintf(row, sizeof row, "\n| `%s` |", op_info[code].name);
        if (!strstr(text.data, row))
            fail_msg("docs/ir.md has no row for '%s'", op_info[code].name);
    }
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(given_values),
        cmocka_unit_test(free_form),
        cmocka_unit_test(every_primitive),
        cmocka_unit_test(numbers_read_back_exactly),
        cmocka_unit_test(late_inputs),
        cmocka_unit_test(refused),
        cmocka_unit_test(refused_loops),
        cmocka_unit_test(no_cascade),
        cmocka_unit_test(named_limits),
        cmocka_unit_test(truncated),
        cmocka_unit_test(every_mnemonic_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
