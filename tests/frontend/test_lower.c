/* Golden IR: what small programs are lowered to, in tests/frontend/golden. And the models that ship: each must lower to IR that
 * the verifier accepts, and its printed syntax tree must mean the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/frontend.h"
#include "golden.h"

/* The module's text, on the heap; fails the test if the source has errors. */
static char *ir_of(const Source *source, DType real)
{
    Diagnostics diags = {0};
    FrontendOptions options = {.real = real};
    Text text = {0}, why = {0};
    Model *model = frontend_compile(source, &options, &diags);
    diag_print(&diags, stderr);
    assert_non_null(model);
    if (!verify_module(model->module, true, &why))
        fail_msg("%s", why.data);
    print_module(model->module, &text);
    text_free(&why);
    model_free(model);
    diag_free(&diags);
    return text.data;
}

static Source read_model(Arena *arena, const char *folder, const char *name)
{
    Source source;
    const char *reason;
    if (!source_read(arena, arena_printf(arena, "%s/%s", folder, name), &source, &reason))
        fail_msg("%s: %s", name, reason);
    source.name = name;
    return source;
}

static char *print_ir(const char *folder, const char *name)
{
    Arena arena = {0};
    Source source = read_model(&arena, folder, name);
    char *text = ir_of(&source, DTYPE_F32);
    arena_free(&arena);
    return text;
}

static void test_golden_ir(void **state)
{
    (void)state;
    check_golden(HNC_SOURCE_DIR "/tests/frontend/golden", "ir", 5, print_ir);
}

static const char *const models[] = {
    "stn_mlp.hn", "mlp.hn", "hypertrain_global.hn", "hypertrain_local.hn", "hypertrain_perclass.hn", "hypertrain_perweight.hn"};

static void test_models_lower_in_both_precisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        Arena arena = {0};
        Source source = read_model(&arena, HNC_SOURCE_DIR "/models", models[i]);
        char *single = ir_of(&source, DTYPE_F32), *twice = ir_of(&source, DTYPE_F64);
        assert_non_null(strstr(single, "f32["));
        assert_null(strstr(single, "f64["));
        assert_null(strstr(twice, "f32["));
        free(single);
        free(twice);
        arena_free(&arena);
    }
}

static Text print_tree(const Source *source)
{
    Diagnostics diags = {0};
    Text text = {0};
    bool fine = frontend_print_ast(source, &diags, &text);
    diag_print(&diags, stderr);
    assert_true(fine);
    diag_free(&diags);
    return text;
}

static void test_printed_trees_mean_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        Arena arena = {0};
        Source source = read_model(&arena, HNC_SOURCE_DIR "/models", models[i]);
        Text first = print_tree(&source);
        Source printed = {models[i], first.data, first.len};
        Text second = print_tree(&printed);
        assert_string_equal(first.data, second.data);
        char *ir = ir_of(&source, DTYPE_F32), *again = ir_of(&printed, DTYPE_F32);
        assert_string_equal(ir, again);
        free(ir);
        free(again);
        text_free(&first);
        text_free(&second);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_ir),
        cmocka_unit_test(test_models_lower_in_both_precisions),
        cmocka_unit_test(test_printed_trees_mean_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
