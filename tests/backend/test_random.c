/* Compiled random fills against random_element, bit for bit. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend/object.h"
#include "backend/random.h"
#include "tests/backend/probe.h"

typedef void FillF32(float *out, int64_t begin, int64_t end, uint32_t seed0, uint32_t seed1, uint32_t step, uint32_t stream);
typedef void FillF64(double *out, int64_t begin, int64_t end, uint32_t seed0, uint32_t seed1, uint32_t step, uint32_t stream);

/* The fills are internal; a function of the same signature calls each. */
static void export_fill(MathContext *m, const char *name, DType dtype)
{
    LLVMValueRef fill = random_emit_fill(m, dtype);
    LLVMTypeRef type = LLVMGlobalGetValueType(fill);
    LLVMValueRef function = LLVMAddFunction(m->module, name, type), arguments[7];
    LLVMGetParams(function, arguments);
    LLVMPositionBuilderAtEnd(m->builder, LLVMAppendBasicBlockInContext(m->context, function, "entry"));
    LLVMBuildCall2(m->builder, type, fill, arguments, 7, "");
    LLVMBuildRetVoid(m->builder);
}

static FillF32 *fill_f32;
static FillF64 *fill_f64;
static void *handle;

static int setup(void **state)
{
    int level = *(int *)*state;
    MathContext m = probe_new("random");
    export_fill(&m, "fill_f32", DTYPE_F32);
    export_fill(&m, "fill_f64", DTYPE_F64);
    handle = probe_load(&m, DEFAULT_CPU, level);
    probe_free(&m);
    memcpy(&fill_f32, &(void *){dlsym(handle, "fill_f32")}, sizeof fill_f32);
    memcpy(&fill_f64, &(void *){dlsym(handle, "fill_f64")}, sizeof fill_f64);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return dlclose(handle);
}

enum { MOST = 1000, GUARD = 64 };

static void check_range(int64_t begin, int64_t end)
{
    const uint32_t seed[2] = {0xdeadbeef, 0x80000001}, step = 0xfffffffe, stream = 77;
    float f32[MOST + GUARD];
    double f64[MOST + GUARD];
    for (int i = 0; i < MOST + GUARD; i++)
        f64[i] = f32[i] = -1;
    fill_f32(f32, begin, end, seed[0], seed[1], step, stream);
    fill_f64(f64, begin, end, seed[0], seed[1], step, stream);
    for (int64_t i = 0; i < MOST + GUARD; i++) {
        double expected = i >= begin && i < end ? random_element(seed, step, stream, (uint64_t)i) : -1;
        assert_true((double)f32[i] == expected);
        assert_true(f64[i] == expected);
    }
}

static void test_equals_random_element(void **state)
{
    (void)state;
    check_range(0, MOST);
    for (int64_t begin = 0; begin <= 256; begin += RANDOM_GRAIN)
        for (int64_t n = 0; n < 130; n += 3)
            check_range(begin, begin + n);
}

/* The block counter wraps as the interpreter's does; far indices are reached by moving the base pointer. */
static void test_high_indices(void **state)
{
    (void)state;
    const uint32_t seed[2] = {1, 2};
    static float out[128];
    int64_t begin = (int64_t)INT32_MAX - 127;
    fill_f32((float *)((uintptr_t)out - (uintptr_t)begin * sizeof *out), begin, begin + 100, 1, 2, 3, 4);
    for (int i = 0; i < 100; i++)
        assert_true((double)out[i] == random_element(seed, 3, 4, (uint64_t)(begin + i)));
    assert_true(out[100] == 0);
}

static int run_at(int level)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(test_equals_random_element, setup, teardown, &level),
        cmocka_unit_test_prestate_setup_teardown(test_high_indices, setup, teardown, &level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return run_at(0) + run_at(2);
}
