/* The interpreter on every primitive, against values worked out by hand. */
#include <math.h>

#include "tests/ir/ir_test.h"

static bool covered[OP_COUNT];

static const char tables[] = "module m f32\nfield @image : u8[2] dataset 0\nstate @s : f32[2] weight\nstate @n : i32[] counter\n"
                             "body @step(%h: f32[], %x: f32[], %a: f32[]) {\n%1 = mul %a, %h : f32[]\n%2 = add %1, %x : f32[]\n"
                             "return h = %2, before = %h\n}\n";

/* Runs `func @f(INPUTS) { LINES return y = %y }` with inputs given one after the other in `given`. */
typedef struct Execution {
    Module *module;
    Tensor inputs[8];
    World world;
    Tensor *outputs;
    bool fine;
    char why[256];
} Execution;

static Execution execute(const char *signature, const char *lines, const double *given)
{
    Execution e = {0};
    Text text = {0};
    text_printf(&text, "%sfunc @f(%s) {\n%s\nreturn y = %%y\n}\n", tables, signature, lines);
    e.module = must_parse(text.data);
    text_free(&text);
    const Function *f = e.module->functions.data[0];
    for (uint32_t i = 0; i < f->inputs.len; i++) {
        Type type = OP_AT(f, f->inputs.data[i])->type;
        e.inputs[i] = (Tensor){type, malloc((size_t)type_bytes(type))};
        for (int64_t k = 0; k < type_elements(type); k++)
            tensor_set(&e.inputs[i], k, *given++);
    }
    for (uint32_t v = 0; v < f->ops.len; v++)
        covered[OP_AT(f, v)->code] = true;
    e.world.states = world_states_new(e.module);
    static uint8_t images[] = {1, 2, 3, 4, 5, 6};
    static Tensor rows;
    rows = (Tensor){type_of(DTYPE_U8, 2, (int64_t[]){3, 2}), images};
    e.world.rows = &rows;
    e.fine = interpret(e.module, f, &e.world, e.inputs, &e.outputs, e.why);
    return e;
}

static void finish(Execution *e)
{
    const Function *f = e->module->functions.data[0];
    if (e->fine)
        interpret_free_outputs(f, e->outputs);
    for (uint32_t i = 0; i < f->inputs.len; i++)
        free(e->inputs[i].data);
    world_states_free(e->module, e->world.states);
    module_free(e->module);
}

static void check_close(const char *lines, const Tensor *result, const double *expected, double tolerance)
{
    for (int64_t i = 0; i < type_elements(result->type); i++) {
        double value = tensor_get(result, i);
        bool equal = isnan(expected[i]) ? isnan(value)
                                        : value == expected[i] || fabs(value - expected[i]) <= tolerance * fabs(expected[i]);
        if (!equal)
            fail_msg("%s: element %lld is %.17g, expected %.17g", lines, (long long)i, value, expected[i]);
    }
}

/* given and expected: as many numbers as the inputs and the output hold. */
static void computes(const char *signature, const char *lines, const double *given, const double *expected)
{
    Execution e = execute(signature, lines, given);
    if (!e.fine)
        fail_msg("%s: %s", lines, e.why);
    check_close(lines, &e.outputs[0], expected, e.outputs[0].type.dtype == DTYPE_F64 ? 1e-15 : 1e-6);
    finish(&e);
}

#define N(...) ((const double[]){__VA_ARGS__})

static void one_operand(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        double x[4], y[4];
    } cases[] = {
        {"neg", {1, -2, 0, INFINITY}, {-1, 2, 0, -INFINITY}},
        {"abs", {1, -2, 0, -INFINITY}, {1, 2, 0, INFINITY}},
        {"sign", {3, -2, 0, NAN}, {1, -1, 0, 0}},
        {"floor", {1.5, -1.5, 2, -0.25}, {1, -2, 2, -1}},
        {"exp", {0, 1, -1, 2}, {1, 2.718281828459045, 0.36787944117144233, 7.38905609893065}},
        {"log", {1, 2, 0.5, 0}, {0, 0.6931471805599453, -0.6931471805599453, -INFINITY}},
        {"log1p", {0, 1, -0.5, 3}, {0, 0.6931471805599453, -0.6931471805599453, 1.3862943611198906}},
        {"expm1", {0, 1, -1, 1e-8}, {0, 1.7182818284590453, -0.6321205588285577, 1.0000000050000000e-08}},
        {"sqrt", {4, 2, 0, -1}, {2, 1.4142135623730951, 0, NAN}},
        {"tanh", {0, 0.5, -0.5, 40}, {0, 0.46211715726000975, -0.46211715726000975, 1}},
        {"sin", {0, 1, -1, 2}, {0, 0.8414709848078965, -0.8414709848078965, 0.9092974268256817}},
        {"cos", {0, 1, -1, 2}, {1, 0.5403023058681398, 0.5403023058681398, -0.4161468365471424}},
        {"erf", {0, 0.5, -0.5, 6}, {0, 0.5204998778130465, -0.5204998778130465, 1}},
        {"stop", {1, -2, 0.5, 3}, {1, -2, 0.5, 3}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int wide = 0; wide < 2; wide++) {
            const char *dtype = wide ? "f64" : "f32";
            char signature[32], line[64];
            snprintf(signature, sizeof signature, "%%x: %s[4]", dtype);
            snprintf(line, sizeof line, "%%y = %s %%x : %s[4]", cases[i].name, dtype);
            computes(signature, line, cases[i].x, cases[i].y);
        }
}

static void two_operands(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        double xy[6], y[3];
    } cases[] = {
        {"add", {1, 2, 3, 10, -2, 0.5}, {11, 0, 3.5}},  {"sub", {1, 2, 3, 10, -2, 0.5}, {-9, 4, 2.5}},
        {"mul", {1, 2, 3, 10, -2, 0.5}, {10, -4, 1.5}}, {"div", {1, 2, 3, 8, -2, 0}, {0.125, -1, INFINITY}},
        {"pow", {2, 9, 5, 10, 0.5, 0}, {1024, 3, 1}},   {"max", {1, 2, NAN, 3, -2, 1}, {3, 2, NAN}},
        {"max", {1, 2, 1, 3, -2, NAN}, {3, 2, NAN}},    {"min", {1, 2, NAN, 3, -2, 1}, {1, -2, NAN}},
        {"min", {1, 2, 1, 3, -2, NAN}, {1, -2, NAN}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int wide = 0; wide < 2; wide++) {
            const char *dtype = wide ? "f64" : "f32";
            char signature[48], line[64];
            snprintf(signature, sizeof signature, "%%a: %s[3], %%b: %s[3]", dtype, dtype);
            snprintf(line, sizeof line, "%%y = %s %%a, %%b : %s[3]", cases[i].name, dtype);
            computes(signature, line, cases[i].xy, cases[i].y);
        }
}

static void integers_wrap(void **unused)
{
    (void)unused;
    const char *pair = "%a: i32[2], %b: i32[2]";
    computes(pair, "%y = add %a, %b : i32[2]", N(INT32_MAX, 5, 1, -7), N(INT32_MIN, -2));
    computes(pair, "%y = sub %a, %b : i32[2]", N(INT32_MIN, 5, 1, -7), N(INT32_MAX, 12));
    computes(pair, "%y = mul %a, %b : i32[2]", N(65536, 5, 65536, -7), N(0, -35));
    computes(pair, "%y = max %a, %b : i32[2]", N(-1, 5, 1, -7), N(1, 5));
    computes(pair, "%y = min %a, %b : i32[2]", N(-1, 5, 1, -7), N(-1, -7));
    computes("%a: i32[5], %b: i32[5]", "%y = within %a, %b : i32[5]", N(-7, 0, 3, 4, 9, 4, 4, 4, 4, 5), N(0, 0, 3, 3, 4));
    computes("%a: i32[2]", "%y = reduce_sum %a axes [0] : i32[]", N(INT32_MAX, 1), N(INT32_MIN));
}

static void comparison_and_logic(void **unused)
{
    (void)unused;
    static const char *const dtypes[] = {"f32", "f64", "i32", "u8"};
    static const struct {
        const char *name;
        double y[3];
    } cases[] = {{"eq", {0, 1, 0}}, {"ne", {1, 0, 1}}, {"lt", {1, 0, 0}}, {"le", {1, 1, 0}}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t d = 0; d < COUNT_OF(dtypes); d++) {
            char signature[48], line[64];
            snprintf(signature, sizeof signature, "%%a: %s[3], %%b: %s[3]", dtypes[d], dtypes[d]);
            snprintf(line, sizeof line, "%%y = %s %%a, %%b : bool[3]", cases[i].name);
            computes(signature, line, N(1, 2, 4, 2, 2, 3), cases[i].y);
        }
    const char *bools = "%a: bool[4], %b: bool[4]";
    computes(bools, "%y = eq %a, %b : bool[4]", N(0, 0, 1, 1, 0, 1, 0, 1), N(1, 0, 0, 1));
    computes(bools, "%y = and %a, %b : bool[4]", N(0, 0, 1, 1, 0, 1, 0, 1), N(0, 0, 0, 1));
    computes(bools, "%y = or %a, %b : bool[4]", N(0, 0, 1, 1, 0, 1, 0, 1), N(0, 1, 1, 1));
    computes(bools, "%y = not %a : bool[4]", N(0, 0, 1, 1, 0, 1, 0, 1), N(1, 1, 0, 0));
    computes("%a: f32[2]", "%y = eq %a, %a : bool[2]", N(NAN, 1), N(0, 1));
    /* (2^23 + 1)^2 = 2^46 + 2^24 + 1: the last 1 is lost where the product is rounded first */
    computes("%a: f32[2], %b: f32[2], %c: f32[2]", "%y = fma %a, %b, %c : f32[2]",
             N(2, 0x800001, 3, 0x800001, 4, -0x1p46 - 0x1p24), N(10, 1));
    computes("%a: f64[2], %b: f64[2], %c: f64[2]", "%y = fma %a, %b, %c : f64[2]",
             N(2, 0x1p52 + 1, 3, 0x1p52 + 1, 4, -0x1p104 - 0x1p53), N(10, 1));
    computes("%p: bool[3], %a: f32[3], %b: f32[3]", "%y = select %p, %a, %b : f32[3]", N(1, 0, 1, 1, 2, 3, 4, 5, NAN),
             N(1, 5, 3));
    computes("%p: bool[2], %a: f64[2], %b: f64[2]", "%y = select %p, %a, %b : f64[2]", N(0, 1, 1, 2, 3, 4), N(3, 2));
}

static void casts(void **unused)
{
    (void)unused;
    computes("%x: f32[5]", "%y = cast %x : i32[5]", N(1.75, -1.75, 1e20, -INFINITY, NAN), N(1, -1, INT32_MAX, INT32_MIN, 0));
    computes("%x: f64[4]", "%y = cast %x : u8[4]", N(1.75, -1, 300, NAN), N(1, 0, 255, 0));
    computes("%x: f32[3]", "%y = cast %x : bool[3]", N(0, 0.25, NAN), N(0, 1, 1));
    computes("%x: bool[2]", "%y = cast %x : f32[2]", N(0, 1), N(0, 1));
    computes("%x: i32[2]", "%y = cast %x : f32[2]", N(16777217, -3), N(16777216, -3));
    computes("%x: f64[1]", "%y = cast %x : f32[1]", N(0.1), N((double)0.1f));
    computes("%x: u8[2]", "%y = cast %x : f64[2]", N(0, 255), N(0, 255));
}

static void movement(void **unused)
{
    (void)unused;
    const char *matrix = "%x: f32[2, 3]";
    const double *x = N(1, 2, 3, 4, 5, 6);
    computes(matrix, "%y = broadcast %x axes [0, 2] : f32[2, 2, 3]", x, N(1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6));
    computes("%x: f32[]", "%y = broadcast %x axes [] : f32[3]", N(7), N(7, 7, 7));
    computes(matrix, "%y = reshape %x : f32[3, 2]", x, x);
    computes(matrix, "%y = transpose %x axes [1, 0] : f32[3, 2]", x, N(1, 4, 2, 5, 3, 6));
    computes("%x: u8[2, 1, 3]", "%y = transpose %x axes [2, 0, 1] : u8[3, 2, 1]", x, N(1, 4, 2, 5, 3, 6));
    computes(matrix, "%y = slice %x from [0, 1] : f32[2, 2]", x, N(2, 3, 5, 6));
    computes(matrix, "%y = window %x axes [1] extents [2] steps [1] dilations [1] : f32[2, 2, 2]", x, N(1, 2, 2, 3, 4, 5, 5, 6));
    computes(matrix, "%y = window %x axes [0, 1] extents [2, 2] steps [1, 1] dilations [1, -2] : f32[1, 1, 2, 2]", x, N(3, 1, 6, 4));
    computes("%x: u8[6]", "%y = window %x axes [0] extents [2] steps [3] dilations [1] : u8[2, 2]", x, N(1, 2, 4, 5));
    computes("%x: f32[3, 2]", "%y = overlap %x axes [0] extents [2] steps [1] dilations [1] : f32[4]", x, N(1, 5, 9, 6));
    computes("%x: f32[3, 2]", "%y = overlap %x axes [0] extents [2] steps [1] dilations [-1] : f32[4]", x, N(2, 5, 9, 5));
    computes("%x: i32[2, 3]", "%y = overlap %x axes [0] extents [3] steps [2] dilations [2] : i32[8]", x, N(1, 0, 6, 0, 8, 0, 6, 0));
    computes(matrix, "%y = pad %x before [1, 0] : f32[3, 4]", x, N(0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0));
    computes("%x: f32[2, 1], %z: f32[2, 2]", "%y = concat %x, %z, %x axis 1 : f32[2, 4]", x, N(1, 3, 4, 1, 2, 5, 6, 2));
    computes("%x: i32[1, 2], %z: i32[2, 2]", "%y = concat %x, %z axis 0 : i32[3, 2]", x, x);
}

static void reductions(void **unused)
{
    (void)unused;
    const char *cube = "%x: f32[2, 3, 2]";
    const double *x = N(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0);
    computes(cube, "%y = reduce_sum %x axes [0, 2] : f32[3]", x, N(18, 26, 22));
    computes(cube, "%y = reduce_sum %x axes [1] : f32[2, 2]", x, N(9, 12, 27, 18));
    computes(cube, "%y = reduce_sum %x axes [0, 1, 2] : f32[]", x, N(66));
    computes(cube, "%y = reduce_sum %x axes [] : f32[2, 3, 2]", x, x);
    computes(cube, "%y = reduce_max %x axes [0, 1] : f32[2]", x, N(11, 10));
    computes("%x: i32[3]", "%y = reduce_max %x axes [0] : i32[]", N(-5, -3, -9), N(-3));
    computes("%x: f32[2, 3]", "%y = reduce_max %x axes [1] : f32[2]", N(1, NAN, 3, 4, 6, 5), N(NAN, 6));
    computes(cube, "%y = argmax %x axis 1 : i32[2, 2]", x, N(2, 2, 2, 1));
    computes(cube, "%y = argmax %x axis 0 : i32[3, 2]", x, N(1, 1, 1, 1, 1, 0));
    computes("%x: f32[4]", "%y = argmax %x axis 0 : i32[]", N(1, 7, 7, 2), N(1)); /* the first of equals */
    computes(cube, "%y = sort %x axis 1 : i32[2, 3, 2]", x, N(0, 0, 1, 1, 2, 2, 0, 2, 1, 0, 2, 1));
    computes(cube, "%y = sort %x axis 0 : i32[2, 3, 2]", x, N(0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0));
    computes("%x: f32[7]", "%y = sort %x axis 0 : i32[7]", N(3, NAN, 1, -INFINITY, 1, NAN, INFINITY), N(3, 2, 4, 0, 6, 1, 5));
    /* Sums run in double: 2^24 + 1 + 1 in float would stay 2^24. */
    computes("%x: f32[3]", "%y = reduce_sum %x axes [0] : f32[]", N(16777216, 1, 1), N(16777218));
}

static void products(void **unused)
{
    (void)unused;
    const double *xy = N(1, 2, 3, 4, 5, 6, 1, 0, 2, 1, 3, 1);
    const char *matrices = "%a: f32[2, 3], %b: f32[3, 2]";
    computes(matrices, "%y = dot %a, %b contract [1] [0] : f32[2, 2]", xy, N(14, 5, 32, 11));
    computes(matrices, "%y = dot %b, %a contract [0] [1] : f32[2, 2]", xy, N(14, 32, 5, 11));
    computes(matrices, "%y = dot %a, %b contract [0] [1] : f32[3, 3]", xy, N(1, 6, 7, 2, 9, 11, 3, 12, 15));
    computes(matrices, "%y = dot %a, %b contract [0, 1] [1, 0] : f32[]", xy, N(1 + 4 + 9 + 0 + 5 + 6));
    computes("%a: f64[2], %b: f64[2]", "%y = dot %a, %b contract [] [] : f64[2, 2]", N(1, 2, 3, 4), N(3, 4, 6, 8));
    computes("%a: f64[2, 2], %b: f64[2, 2]", "%y = dot %a, %b contract [1] [1] batch [0] [0] : f64[2]", N(1, 2, 3, 4, 5, 6, 7, 8),
             N(17, 53));
    computes("%a: f64[2, 2, 1], %b: f64[2, 2]", "%y = dot %a, %b contract [0] [1] batch [1] [0] : f64[2, 1]",
             N(1, 2, 3, 4, 5, 6, 7, 8), N(1 * 5 + 3 * 6, 2 * 7 + 4 * 8));
}

static void indexing(void **unused)
{
    (void)unused;
    computes("%t: f32[3, 2], %i: i32[2]", "%y = gather %t, %i : f32[2, 2]", N(1, 2, 3, 4, 5, 6, 2, 0), N(5, 6, 1, 2));
    computes("%t: u8[3], %i: i32[2, 2]", "%y = gather %t, %i : u8[2, 2]", N(7, 8, 9, 0, 1, 2, 2), N(7, 8, 9, 9));
    computes("%i: i32[3], %u: f32[3, 2]", "%y = scatter_add %i, %u rows 3 : f32[3, 2]", N(2, 0, 2, 1, 2, 3, 4, 5, 6),
             N(3, 4, 0, 0, 6, 8));
    computes("%i: i32[2]", "%y = fetch @image, %i : u8[2, 2]", N(2, 0), N(5, 6, 1, 2));
    computes("%i: i32[2]", "%y = fetch @image, %i neighbours : u8[2, 2]", N(1, 0), N(3, 4, 5, 6));
}

static void sources(void **unused)
{
    (void)unused;
    computes("", "%y = const 2.5 : f32[2]", NULL, N(2.5, 2.5));
    computes("", "%y = const 7 : u8[2]", NULL, N(7, 7));
    computes("", "%y = iota axis 1 : i32[2, 3]", NULL, N(0, 1, 2, 0, 1, 2));
    computes("", "%y = iota axis 0 : f32[2, 2]", NULL, N(0, 0, 1, 1));
    double expected[70];
    for (uint32_t i = 0; i < COUNT_OF(expected); i++)
        expected[i] = random_element((uint32_t[]){3, (uint32_t)-4}, 9, 6, i);
    computes("%seed: i32[2], %step: i32[]", "%y = random %seed, %step stream 6 : f32[7, 10]", N(3, -4, 9), expected);
    computes("%seed: i32[2], %step: i32[]", "%y = random %seed, %step stream 6 : f64[70]", N(3, -4, 9), expected);
}

/* Reads see the state at entry, wherever the write stands. */
static void state_changes_at_exit(void **unused)
{
    (void)unused;
    Execution e = execute("%x: f32[2]", "state_write @s, %x\n%y = state_read @s : f32[2]", N(5, 6));
    assert_true(e.fine);
    check_close("read", &e.outputs[0], N(0, 0), 0);
    check_close("state", &e.world.states[0], N(5, 6), 0);
    finish(&e);
}

static void fails(const char *signature, const char *lines, const double *given, const char *expected)
{
    Execution e = execute(signature, lines, given);
    if (e.fine || !strstr(e.why, expected))
        fail_msg("%s: expected '%s', got '%s'", lines, expected, e.why);
    check_close("state", &e.world.states[0], N(0, 0), 0); /* nothing was written */
    finish(&e);
}

static void errors(void **unused)
{
    (void)unused;
    fails("%i: i32[2]", "%y = fetch @image, %i neighbours : u8[2, 2]", N(2, 0), "row 3");
    fails("%i: i32[1], %x: f32[2]", "state_write @s, %x\n%y = fetch @image, %i : u8[1, 2]", N(3, 1, 1),
          "fetch: row 3 is outside a table of 3");
    fails("%t: f32[2], %i: i32[1]", "%y = gather %t, %i : f32[1]", N(1, 2, -1), "gather: row -1 is outside a table of 2");
    fails("%i: i32[1], %u: f32[1]", "%y = scatter_add %i, %u rows 2 : f32[2]", N(2, 1), "scatter_add: row 2");
    fails("%z: f32[]", "%y = across_mean %z : f32[]", N(1), "'across_mean' cannot be run");
    covered[OP_ACROSS_MEAN] = false;
}

/* Functions in C: the ray sums to 1; for two opposed gradients of equal length MGDA takes the middle; each side of a box
 * grows by the length of the other side. */
static void functions_in_c(void **unused)
{
    (void)unused;
    Execution e = execute("%s: i32[2], %n: i32[], %a: f32[3]", "%y = extern @dirichlet, %s, %n, %a : f32[3]",
                          N(1, 2, 5, 0.2, 0.2, 0.2));
    assert_true(e.fine);
    double sum = 0;
    for (int i = 0; i < 3; i++)
        sum += tensor_get(&e.outputs[0], i);
    assert_float_equal(sum, 1, 1e-6);
    finish(&e);
    e = execute("%l: f32[2], %r: f32[2], %g: f32[2, 2]", "%y = extern @mgda, %l, %r, %g : f32[3]",
                N(1, 2, 0.5, 0.5, 1, -1, -1, 1));
    assert_true(e.fine);
    check_close("weights", &e.outputs[0], N(0.5, 0.5, 0), 1e-6);
    finish(&e);
    e = execute("%r: f32[2], %p: f32[1, 2]", "%y = extern @hvi, %r, %p : f32[3]", N(1, 1, 0.25, 0));
    assert_true(e.fine);
    check_close("weights", &e.outputs[0], N(0.8, 0.6, 0), 1e-6);
    finish(&e);
}

static void foreign_worlds(void **unused)
{
    (void)unused;
    Module *module =
        must_parse("module m f32\nfield @f : u8[2] dataset 0\nstate @s : f32[2] weight\n"
                   "func @read() {\n%1 = state_read @s : f32[2]\n}\nfunc @write(%x: f32[2]) {\nstate_write @s, %x\n}\n"
                   "func @fetch(%i: i32[1]) {\n%1 = fetch @f, %i : u8[1, 2]\n}\n");
    char why[256];
    Tensor *outputs, *states = world_states_new(module);
    World nothing = {0};
    float numbers[2] = {1, 2};
    int32_t row = 0;
    Tensor x = {type_of(DTYPE_F32, 1, (int64_t[]){2}), numbers}, short_x = {type_of(DTYPE_F32, 1, (int64_t[]){1}), numbers};
    Tensor i = {type_of(DTYPE_I32, 1, (int64_t[]){1}), &row};
    assert_false(interpret(module, module_function(module, "read"), &nothing, NULL, &outputs, why));
    assert_string_equal(why, "state 's' was not given as f32[2]");
    assert_false(interpret(module, module_function(module, "write"), &nothing, &x, &outputs, why));
    assert_string_equal(why, "state 's' was not given as f32[2]");
    assert_false(interpret(module, module_function(module, "fetch"), &nothing, &i, &outputs, why));
    assert_string_equal(why, "fetch: no rows of field 'f' were given");
    World world = {.states = states};
    assert_false(interpret(module, module_function(module, "write"), &world, &short_x, &outputs, why));
    assert_string_equal(why, "input 'x' is f32[2], given is f32[1]");
    assert_true(interpret(module, module_function(module, "write"), &world, &x, &outputs, why));
    interpret_free_outputs(module_function(module, "write"), outputs);
    assert_true(tensor_get(&states[0], 1) == 2);
    world_states_free(module, states);
    module_free(module);
}

/* A layer of the first model: 128 x 784 x 600, done in well under a second by an optimised build. */
static void a_layer(void **unused)
{
    (void)unused;
    Execution e = execute("",
                          "%a = iota axis 1 : f32[128, 784]\n%b = iota axis 1 : f32[784, 600]\n"
                          "%y = dot %a, %b contract [1] [0] : f32[128, 600]",
                          NULL);
    assert_true(e.fine);
    assert_true(tensor_get(&e.outputs[0], 3 * 600 + 5) == 5.0 * (783 * 784 / 2));
    finish(&e);
}

/* h = 2 h + x, from the first entry to the last one and back. */
static void loops(void **unused)
{
    (void)unused;
    const char *signature = "%h: f32[], %x: f32[3], %a: f32[]";
    const double given[] = {1, 10, 20, 30, 2};
    const char *line = "%1 = scan @step, %h, %x, %a loop [3, 1, 1] : f32[]\n%y = result %1 place 0 : f32[]";
    computes(signature, line, given, (double[]){30 + 2 * (20 + 2 * (10 + 2 * 1))});
    line = "%1 = scan @step, %h, %x, %a loop [3, 1, 1] : f32[]\n%y = result %1 place 1 : f32[3]";
    computes(signature, line, given, (double[]){1, 12, 44});
    line = "%1 = scan @step, %h, %x, %a loop [3, 1, 1] reversed : f32[]\n%y = result %1 place 0 : f32[]";
    computes(signature, line, given, (double[]){10 + 2 * (20 + 2 * (30 + 2 * 1))});
    line = "%1 = scan @step, %h, %x, %a loop [3, 1, 1] reversed : f32[]\n%y = result %1 place 1 : f32[3]";
    computes(signature, line, given, (double[]){84, 32, 1});
}

/* Runs last: every primitive that can run has run above. */
static void every_primitive_was_run(void **unused)
{
    (void)unused;
    for (int code = 0; code < OP_COUNT; code++)
        if (covered[code] != (op_info[code].effect != EFFECT_PSEUDO))
            fail_msg("'%s' is not tested", op_info[code].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_operand),
        cmocka_unit_test(two_operands),
        cmocka_unit_test(integers_wrap),
        cmocka_unit_test(comparison_and_logic),
        cmocka_unit_test(casts),
        cmocka_unit_test(movement),
        cmocka_unit_test(reductions),
        cmocka_unit_test(products),
        cmocka_unit_test(indexing),
        cmocka_unit_test(sources),
        cmocka_unit_test(state_changes_at_exit),
        cmocka_unit_test(errors),
        cmocka_unit_test(functions_in_c),
        cmocka_unit_test(foreign_worlds),
        cmocka_unit_test(a_layer),
        cmocka_unit_test(loops),
        cmocka_unit_test(every_primitive_was_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
