/* Accuracy of the float functions against libm's doubles, special values, and equal bits at every optimisation level and on every
 * processor. The sweep
 * takes every 97th float, or every float when HNC_FULL_SWEEP is set (a quarter of an hour). */
#include <dlfcn.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend/object.h"
#include "tests/backend/probe.h"

enum { LANES = 16, CHUNK = 4096 };

typedef void Map(const float *x, float *out, int64_t n);
typedef void Map2(const float *x, const float *y, float *out, int64_t n);

static const struct Unary {
    OpCode code;
    double (*exact)(double);
    double bound; /* ulp; as backend/math.h states */
} unaries[] = {
    {OP_EXP, exp, 1.1},   {OP_EXPM1, expm1, 1.5}, {OP_LOG, log, 1.0},  {OP_LOG1P, log1p, 1.7},
    {OP_TANH, tanh, 1.5}, {OP_SIN, sin, 1.7},     {OP_COS, cos, 1.7},  {OP_ERF, erf, 1.3},
    {OP_SQRT, sqrt, 0.5}, {OP_FLOOR, floor, 0.0}, {OP_ABS, fabs, 0.0},
};
enum { UNARY_COUNT = sizeof unaries / sizeof unaries[0] };

/* Ways to compile, each with all probes. Most tests use -O2 for the default processor. */
static struct Build {
    const char *cpu;
    int opt_level;
    void *handle;
} builds[] = {{DEFAULT_CPU, 0, NULL}, {DEFAULT_CPU, 1, NULL}, {DEFAULT_CPU, 2, NULL},
              {DEFAULT_CPU, 3, NULL}, {"x86-64", 2, NULL},    {"native", 2, NULL}};
enum { BUILD_COUNT = sizeof builds / sizeof builds[0], USUAL = 2 };

static int setup(void **state)
{
    (void)state;
    for (int build = 0; build < BUILD_COUNT; build++) {
        MathContext m = probe_new("math");
        for (size_t i = 0; i < UNARY_COUNT; i++)
            probe_map(&m, op_info[unaries[i].code].name, unaries[i].code, 1, LANES, false);
        probe_map(&m, "neg", OP_NEG, 1, LANES, false);
        probe_map(&m, "sign", OP_SIGN, 1, LANES, false);
        probe_map(&m, "sin_scalar", OP_SIN, 1, 0, false);
        probe_map(&m, "exp_scalar", OP_EXP, 1, 0, false);
        probe_map(&m, "pow", OP_POW, 2, LANES, false);
        probe_map(&m, "max", OP_MAX, 2, LANES, false);
        probe_map(&m, "min", OP_MIN, 2, LANES, false);
        probe_map(&m, "tanh_f64", OP_TANH, 1, 8, true);
        probe_map(&m, "pow_f64", OP_POW, 2, 4, true);
        builds[build].handle = probe_load(&m, builds[build].cpu, builds[build].opt_level);
        probe_free(&m);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int build = 0; build < BUILD_COUNT; build++)
        dlclose(builds[build].handle);
    return 0;
}

/* A pointer to an object and one to a function are of one size here, but C has no cast between them. */
static void *symbol(int build, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "map_%s", name);
    void *address = dlsym(builds[build].handle, full);
    if (!address)
        fail_msg("%s", dlerror());
    return address;
}

static Map *map_of(int build, const char *name)
{
    Map *function;
    memcpy(&function, &(void *){symbol(build, name)}, sizeof function);
    return function;
}

static Map2 *map2_of(int build, const char *name)
{
    Map2 *function;
    memcpy(&function, &(void *){symbol(build, name)}, sizeof function);
    return function;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Distance in units of the last place of a float of the exact result's size. Infinite where one is NaN and the other not. */
static double ulps(float got, double exact)
{
    if (isnan(got) || isnan(exact))
        return isnan(got) && isnan(exact) ? 0 : INFINITY;
    if (isinf(got) || isinf((float)exact))
        return got == (float)exact ? 0 : INFINITY;
    uint64_t bits;
    memcpy(&bits, &exact, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    uint64_t ulp_bits = (uint64_t)((exponent < -126 ? -126 : exponent) - 23 + 1023) << 52;
    double ulp;
    memcpy(&ulp, &ulp_bits, sizeof ulp);
    return fabs(got - exact) / ulp;
}

/* Prints the largest error and returns whether it is within the bound. */
static bool sweep(const struct Unary *unary)
{
    static float x[CHUNK], out[CHUNK];
    const char *name = op_info[unary->code].name;
    Map *function = map_of(USUAL, name);
    uint64_t step = getenv("HNC_FULL_SWEEP") ? 1 : 97;
    double worst = 0, worst_at = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        for (int i = 0; i < CHUNK; i++, bits += step)
            x[i] = float_of((uint32_t)bits); /* wraps at the end: some twice */
        function(x, out, CHUNK);
        for (int i = 0; i < CHUNK; i++) {
            double error = ulps(out[i], unary->exact((double)x[i]));
            if (error > worst) {
                worst = error;
                worst_at = (double)x[i];
            }
        }
    }
    print_message("%-6s %.3f ulp at %a (bound %g)\n", name, worst, worst_at, unary->bound);
    return worst <= unary->bound;
}

static void test_accuracy(void **state)
{
    (void)state;
    bool within = true;
    for (size_t i = 0; i < UNARY_COUNT; i++)
        within &= sweep(&unaries[i]);
    assert_true(within);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    return *seed ^= *seed << 5;
}

/* Half of the pairs from bases of any size and exponents that keep the result in range, half from any two floats. */
static void test_pow_accuracy(void **state)
{
    (void)state;
    static float x[CHUNK], y[CHUNK], out[CHUNK];
    Map2 *function = map2_of(USUAL, "pow");
    uint32_t seed = 1;
    double worst = 0;
    for (int chunk = 0; chunk < 500; chunk++) {
        for (int i = 0; i < CHUNK; i++) {
            x[i] = float_of(next_random(&seed));
            y[i] = float_of(next_random(&seed));
            if (i % 2) {
                x[i] = fabsf(x[i]);
                y[i] = (float)((next_random(&seed) / 0x1p31 - 1) * 149 / log2((double)x[i]));
            } else if (i % 4) {
                y[i] = (float)(int)(next_random(&seed) % 64) - 32;
            }
        }
        function(x, y, out, CHUNK);
        for (int i = 0; i < CHUNK; i++) {
            double error = ulps(out[i], pow((double)x[i], (double)y[i]));
            if (!(error <= 0.6))
                fail_msg("pow(%a, %a) = %a is off by %g ulp", (double)x[i], (double)y[i], (double)out[i], error);
            worst = error > worst ? error : worst;
        }
    }
    print_message("pow    %.3f ulp\n", worst);
}

/* Every byte over constants that images are divided by, and over some that have no short way. */
static void test_byte_quotients(void **state)
{
    (void)state;
    static const float divisors[] = {255, 127.5f, 256, 10, 3, 0.3f, 1e-3f, 61.9f};
    unsigned exact = 0;
    for (size_t d = 0; d < sizeof divisors / sizeof divisors[0]; d++) {
        MathContext m = probe_new("bytes");
        LLVMValueRef function = probe_function(&m, "map_byte", 2);
        LLVMTypeRef type = LLVMVectorType(LLVMFloatTypeInContext(m.context), LANES);
        LLVMValueRef x = LLVMBuildLoad2(m.builder, type, LLVMGetParam(function, 0), "");
        LLVMSetAlignment(x, 4);
        LLVMValueRef quotient = math_byte_quotient(&m, x, divisors[d]);
        if (quotient) {
            LLVMSetAlignment(LLVMBuildStore(m.builder, quotient, LLVMGetParam(function, 1)), 4);
            LLVMBuildRetVoid(m.builder);
            void *handle = probe_load(&m, DEFAULT_CPU, 2), *address = dlsym(handle, "map_byte");
            Map *map;
            float in[256], out[256];
            memcpy(&map, &address, sizeof map);
            for (int i = 0; i < 256; i++)
                in[i] = (float)i;
            for (int i = 0; i < 256; i += LANES)
                map(&in[i], &out[i], LANES);
            for (int i = 0; i < 256; i++)
                assert_int_equal(bits_of(out[i]), bits_of((float)i / divisors[d]));
            exact++;
            dlclose(handle);
        }
        probe_free(&m);
    }
    assert_true(exact >= 4); /* 255 and its like must be among them */
}

static float apply(const char *name, float x)
{
    float in[LANES], out[LANES];
    for (int i = 0; i < LANES; i++)
        in[i] = x;
    map_of(USUAL, name)(in, out, LANES);
    for (int i = 1; i < LANES; i++)
        assert_int_equal(bits_of(out[i]), bits_of(out[0]));
    return out[0];
}

static float apply2(const char *name, float x, float y)
{
    float xs[LANES], ys[LANES], out[LANES];
    for (int i = 0; i < LANES; i++) {
        xs[i] = x;
        ys[i] = y;
    }
    map2_of(USUAL, name)(xs, ys, out, LANES);
    return out[0];
}

static const struct {
    const char *name;
    float x, expected; /* to the bit, the sign of zero included; NAN: any NaN */
} special_values[] = {
    {"exp", 0, 1},
    {"exp", -INFINITY, 0},
    {"exp", INFINITY, INFINITY},
    {"exp", NAN, NAN},
    {"exp", 88.8f, INFINITY},
    {"exp", -104.1f, 0},
    {"exp", -0x1.9d1da0p6f, 0x1p-149f},
    {"log", 0, -INFINITY},
    {"log", -0.0f, -INFINITY},
    {"log", 1, 0},
    {"log", -1, NAN},
    {"log", INFINITY, INFINITY},
    {"log", -INFINITY, NAN},
    {"log", NAN, NAN},
    {"log1p", -0.0f, -0.0f},
    {"log1p", -1, -INFINITY},
    {"log1p", -1.5f, NAN},
    {"log1p", INFINITY, INFINITY},
    {"log1p", NAN, NAN},
    {"log1p", 0x1p-149f, 0x1p-149f},
    {"tanh", INFINITY, 1},
    {"tanh", -INFINITY, -1},
    {"expm1", INFINITY, INFINITY},
    {"expm1", -INFINITY, -1},
    {"expm1", -0.0f, -0.0f},
    {"expm1", NAN, NAN},
    {"expm1", 0x1p-149f, 0x1p-149f},
    {"tanh", -0.0f, -0.0f},
    {"tanh", NAN, NAN},
    {"tanh", 0x1p-149f, 0x1p-149f},
    {"sin", -0.0f, -0.0f},
    {"sin", 0, 0},
    {"sin", INFINITY, NAN},
    {"sin", NAN, NAN},
    {"sin", 0x1p-149f, 0x1p-149f},
    {"cos", 0, 1},
    {"cos", -INFINITY, NAN},
    {"cos", NAN, NAN},
    {"erf", INFINITY, 1},
    {"erf", -INFINITY, -1},
    {"erf", -0.0f, -0.0f},
    {"erf", NAN, NAN},
    {"sqrt", -0.0f, -0.0f},
    {"sqrt", -1, NAN},
    {"sqrt", INFINITY, INFINITY},
    {"abs", -0.0f, 0},
    {"floor", -0.5f, -1},
    {"floor", -0.0f, -0.0f},
    {"neg", 0, -0.0f},
    {"neg", -2, 2},
    {"sign", -3, -1},
    {"sign", 0x1p-149f, 1},
    {"sign", -0.0f, 0},
    {"sign", NAN, 0},
};

static void test_special_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof special_values / sizeof special_values[0]; i++) {
        float got = apply(special_values[i].name, special_values[i].x), expected = special_values[i].expected;
        if (isnan(expected) ? !isnan(got) : bits_of(got) != bits_of(expected))
            fail_msg("%s(%a) = %a, not %a", special_values[i].name, (double)special_values[i].x, (double)got, (double)expected);
    }
}

static void test_special_pairs(void **state)
{
    (void)state;
    static const float values[] = {0,    -0.0f, 1,     -1,       2,         -2,  3,         -3,         0.5f, -0.5f,  1.5f,
                                   1e9f, -1e9f, 1e38f, INFINITY, -INFINITY, NAN, 0x1p-149f, 16777217.f, 0.7f, FLT_MAX};
    enum { COUNT = sizeof values / sizeof values[0] };
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < COUNT; j++) {
            float x = values[i], y = values[j];
            float got = apply2("pow", x, y), expected = (float)pow((double)x, (double)y);
            if (isnan(expected) ? !isnan(got) : ulps(got, (double)expected) > 1 || signbit(got) != signbit(expected))
                fail_msg("pow(%a, %a) = %a, not %a", (double)x, (double)y, (double)got, (double)expected);
            float most = apply2("max", x, y), least = apply2("min", x, y);
            if (isnan(x) || isnan(y)) {
                assert_true(isnan(most) && isnan(least));
            } else {
                assert_true(most == fmaxf(x, y));
                assert_true(least == fminf(x, y));
            }
        }
    }
}

/* The slow reduction of one lane must not change its neighbours, and scalars must equal lanes. */
static void test_lanes_agree(void **state)
{
    (void)state;
    float x[LANES] = {1, 1e5f, -3e8f, 2, 1e30f, -FLT_MAX, 0.5f, 99999, 100001, -7, 3, 1e7f, 0, -0.0f, 12, 1e-20f};
    float sines[LANES], exponentials[LANES], scalar[LANES];
    map_of(USUAL, "sin")(x, sines, LANES);
    map_of(USUAL, "exp")(x, exponentials, LANES);
    map_of(USUAL, "sin_scalar")(x, scalar, LANES);
    for (int i = 0; i < LANES; i++) {
        assert_true(ulps(sines[i], sin((double)x[i])) <= 2);
        assert_true(bits_of(scalar[i]) == bits_of(sines[i]));
    }
    map_of(USUAL, "exp_scalar")(x, scalar, LANES);
    assert_memory_equal(scalar, exponentials, sizeof scalar);
}

static void test_equal_bits_in_every_build(void **state)
{
    (void)state;
    static float x[CHUNK], expected[CHUNK], got[CHUNK];
    uint32_t seed = 7;
    for (size_t u = 0; u < UNARY_COUNT; u++) {
        for (int i = 0; i < CHUNK; i++) {
            x[i] = float_of(next_random(&seed));
            x[i] = isnan(x[i]) ? 0 : x[i];
        }
        const char *name = op_info[unaries[u].code].name;
        map_of(0, name)(x, expected, CHUNK);
        for (int build = 1; build < BUILD_COUNT; build++) {
            map_of(build, name)(x, got, CHUNK);
            for (int i = 0; i < CHUNK; i++)
                if (bits_of(got[i]) != bits_of(expected[i]) && !(isnan(got[i]) && isnan(expected[i])))
                    fail_msg("%s(%a) is %a at -O%d for %s and %a at -O0 for %s", name, (double)x[i], (double)got[i],
                             builds[build].opt_level, builds[build].cpu, (double)expected[i], builds[0].cpu);
        }
    }
}

static void test_doubles_are_libm(void **state)
{
    (void)state;
    double x[8] = {-0.0, 1e-300, 0.1, -0.7, 1.5, -20, INFINITY, 3}, y[8] = {2, 0.5, 3, 2, -1, 3, 0, 0.3}, got[8];
    void (*function)(const double *, double *, int64_t);
    memcpy(&function, &(void *){symbol(USUAL, "tanh_f64")}, sizeof function);
    function(x, got, 8);
    for (int i = 0; i < 8; i++)
        assert_true(got[i] == tanh(x[i]));
    void (*function2)(const double *, const double *, double *, int64_t);
    memcpy(&function2, &(void *){symbol(USUAL, "pow_f64")}, sizeof function2);
    function2(x, y, got, 8);
    for (int i = 0; i < 8; i++)
        assert_true(got[i] == pow(x[i], y[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_values),   cmocka_unit_test(test_special_pairs),
        cmocka_unit_test(test_lanes_agree),      cmocka_unit_test(test_equal_bits_in_every_build),
        cmocka_unit_test(test_doubles_are_libm), cmocka_unit_test(test_pow_accuracy),
        cmocka_unit_test(test_accuracy),         cmocka_unit_test(test_byte_quotients),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
