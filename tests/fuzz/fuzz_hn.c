/* Compiles arbitrary bytes as a model, and prints and parses its syntax tree again. Whatever they are, the frontend must neither
 * crash nor build invalid IR. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void print_and_parse(const Source *source)
{
    Diagnostics diags = {0};
    Text text = {0};
    if (frontend_print_ast(source, &diags, &text) && text.len) {
        Source printed = {"printed.hn", text.data, text.len};
        Diagnostics again = {0};
        Text second = {0};
        if (!frontend_print_ast(&printed, &again, &second)) {
            diag_print(&again, stderr);
            abort();
        }
        text_free(&second);
        diag_free(&again);
    }
    text_free(&text);
    diag_free(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (memchr(bytes, 0, size)) /* source_read refuses such files */
        return 0;
    Arena arena = {0};
    Diagnostics diags = {0};
    Source source = {"fuzz.hn", arena_text(&arena, (const char *)bytes, size), size};
    FrontendOptions options = {.real = DTYPE_F32, .data = "tests/diagnostics"}; /* which holds small CSV files */
    Model *model = frontend_compile(&source, &options, &diags);
    if ((model == NULL) == (diags.errors == 0))
        abort();
    if (model) {
        Text why = {0};
        if (!verify_module(model->module, true, &why)) {
            fputs(why.data, stderr);
            abort();
        }
        text_free(&why);
        model_free(model);
    }
    FILE *sink = fopen("/dev/null", "w");
    diag_print(&diags, sink);
    fclose(sink);
    diag_free(&diags);
    print_and_parse(&source);
    arena_free(&arena);
    return 0;
}
