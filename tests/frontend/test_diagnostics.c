/* Golden diagnostics: each tests/diagnostics/NAME.hn breaks the rule it is named after, and NAME.err is exactly what the compiler
 * says. The folder also holds the CSV files that some of them read. A first line `# define A=B`,
 * `# train NAME` or `# every export` gives the options of the run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "frontend/frontend.h"
#include "golden.h"

/* The options in the first line, which live in the arena. */
static FrontendOptions read_options(Arena *arena, const Source *source, Define *define)
{
    FrontendOptions options = {.real = DTYPE_F32, .data = "."};
    const char *end = strchr(source->text, '\n');
    char *line = arena_text(arena, source->text, end ? (size_t)(end - source->text) : 0);
    if (strncmp(line, "# train ", 8) == 0)
        options.train = line + 8;
    options.every_export = strcmp(line, "# every export") == 0;
    char *equals = strchr(line, '=');
    if (strncmp(line, "# define ", 9) == 0 && equals) {
        *equals = 0;
        *define = (Define){line + 9, equals + 1};
        options.defines = define;
        options.ndefines = 1;
    }
    return options;
}

static char *messages_of(const char *folder, const char *name)
{
    Arena arena = {0};
    Source source;
    const char *reason;
    Define define;
    char *text = NULL;
    size_t size;
    if (!source_read(&arena, arena_printf(&arena, "%s/%s", folder, name), &source, &reason))
        fail_msg("%s: %s", name, reason);
    source.name = name;
    Diagnostics diags = {0};
    FrontendOptions options = read_options(&arena, &source, &define);
    Model *model = frontend_compile(&source, &options, &diags);
    assert_true((model == NULL) == (diags.errors > 0));
    if (model)
        model_free(model);
    FILE *out = open_memstream(&text, &size);
    diag_print(&diags, out);
    if (diags.list.len == 0) /* a file that looks like a mistake and is none */
        fprintf(out, "%s: no errors\n", name);
    fclose(out);
    diag_free(&diags);
    arena_free(&arena);
    return text;
}

static void test_golden_messages(void **state)
{
    (void)state;
    assert_int_equal(chdir(HNC_SOURCE_DIR "/tests/diagnostics"), 0); /* where the files of csv are */
    check_golden(HNC_SOURCE_DIR "/tests/diagnostics", "err", 60, messages_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
