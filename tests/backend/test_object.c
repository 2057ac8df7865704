/* Target selection, files and their failures, reproducible output. */
#define _GNU_SOURCE /* memmem */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/object.h"
#include "backend/random.h"
#include "support/arena.h"
#include "tests/backend/probe.h"

static char folder[] = "/tmp/hnc-object-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(folder); /* fails where a file was left behind */
}

static const char *path_in(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Reads a whole file, then removes it. */
static Text consume(const char *path)
{
    Text text = {0};
    char bytes[4096];
    size_t length;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0)
        text_append(&text, bytes, length);
    fclose(file);
    unlink(path);
    return text;
}

static Text emitted(EmitKind kind, const char *cpu, int opt_level)
{
    char why[256] = "";
    const char *path = path_in("out");
    MathContext m = probe_new("sample");
    probe_map(&m, "exp", OP_EXP, 1, 16, false);
    probe_map(&m, "pow", OP_POW, 2, 16, false);
    LLVMSetLinkage(random_emit_fill(&m, DTYPE_F32), LLVMExternalLinkage);
    Target target = target_for(cpu);
    if (!object_emit(m.module, &target, opt_level, kind, path, why))
        fail_msg("%s", why);
    probe_free(&m);
    return consume(path);
}

static void test_equal_modules_give_equal_bytes(void **state)
{
    (void)state;
    const EmitKind kinds[] = {EMIT_OBJ, EMIT_ASM, EMIT_LLVM};
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        for (int level = 0; level < 4; level++) {
            Text first = emitted(kinds[kind], DEFAULT_CPU, level), second = emitted(kinds[kind], DEFAULT_CPU, level);
            assert_true(first.len > 0);
            assert_int_equal(first.len, second.len);
            assert_memory_equal(first.data, second.data, first.len);
            assert_null(memmem(first.data, first.len, folder, strlen(folder)));
            text_free(&first);
            text_free(&second);
        }
    }
}

static void test_kinds_and_processors(void **state)
{
    (void)state;
    Text object = emitted(EMIT_OBJ, DEFAULT_CPU, 2), assembly = emitted(EMIT_ASM, DEFAULT_CPU, 2);
    Text old = emitted(EMIT_ASM, "x86-64", 2), ir = emitted(EMIT_LLVM, DEFAULT_CPU, 2), native = emitted(EMIT_LLVM, "native", 2);
    assert_memory_equal(object.data, "\177ELF", 4);
    assert_non_null(strstr(assembly.data, "vfmadd"));
    assert_non_null(strstr(assembly.data, "%ymm"));
    assert_null(strstr(old.data, "%ymm"));
    assert_non_null(strstr(ir.data, "\"target-cpu\"=\"x86-64-v3\""));
    assert_non_null(strstr(ir.data, "\"prefer-vector-width\"=\"256\""));
    assert_non_null(strstr(native.data, "\"target-features\"=\"+"));
    text_free(&object);
    text_free(&assembly);
    text_free(&old);
    text_free(&ir);
    text_free(&native);
}

static void test_unknown_processor(void **state)
{
    (void)state;
    char why[256] = "";
    const char *name, *features;
    assert_false(target_cpu("x86-64-v9", &name, &features, why));
    assert_non_null(strstr(why, "unknown processor 'x86-64-v9'"));
    assert_non_null(strstr(why, "did you mean 'x86-64-v"));
    assert_non_null(strstr(why, "native"));
    assert_true(target_cpu("znver4", &name, &features, why));
    assert_string_equal(name, "znver4");
    assert_true(target_cpu("native", &name, &features, why));
    assert_string_not_equal(name, "native");

    Target target = target_usual();
    assert_false(target_set_cpu(&target, "pdp11", why));
    assert_non_null(strstr(why, "unknown processor 'pdp11'"));
    assert_string_equal(target.name, DEFAULT_CPU);
}

static void test_failures_leave_nothing(void **state)
{
    Target usual = target_usual();
    (void)state;
    char why[256] = "";
    MathContext m = probe_new("sample");
    assert_false(object_emit(m.module, &usual, 2, EMIT_OBJ, path_in("missing/out.o"), why));
    assert_non_null(strstr(why, "missing/out.o': No such file or directory"));
    assert_false(object_emit(m.module, &usual, 2, EMIT_OBJ, folder, why)); /* a folder cannot be replaced by a file */
    assert_non_null(strstr(why, "it is not a regular file"));
    assert_false(object_emit(m.module, &usual, 2, EMIT_OBJ, "/dev/null", why));
    assert_string_equal(why, "cannot write '/dev/null': it is not a regular file");
    assert_false(object_emit(m.module, &usual, 2, EMIT_EXE, path_in("out"), why));
    probe_free(&m);
}

/* What lies under the name stays until the new content is complete, and no other file is left. */
static void test_replaces_a_file(void **state)
{
    Target usual = target_usual();
    (void)state;
    char why[256] = "";
    const char *path = path_in("out");
    FILE *file = fopen(path, "w");
    fputs("old", file);
    fclose(file);
    MathContext m = probe_new("sample");
    assert_true(object_emit(m.module, &usual, 0, EMIT_LLVM, path, why));
    probe_free(&m);
    Text text = consume(path);
    assert_non_null(strstr(text.data, "target triple"));
    text_free(&text);
}

static void test_invalid_module(void **state)
{
    Target usual = target_usual();
    (void)state;
    char why[256] = "";
    MathContext m = probe_new("sample");
    probe_function(&m, "unfinished", 1); /* its block has no terminator */
    assert_false(object_emit(m.module, &usual, 2, EMIT_OBJ, path_in("out"), why));
    assert_non_null(strstr(why, "internal error: invalid LLVM IR"));
    probe_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_modules_give_equal_bytes),
        cmocka_unit_test(test_kinds_and_processors),
        cmocka_unit_test(test_unknown_processor),
        cmocka_unit_test(test_failures_leave_nothing),
        cmocka_unit_test(test_replaces_a_file),
        cmocka_unit_test(test_invalid_module),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
