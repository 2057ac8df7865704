/* Any bytes, read as textual IR: refused with messages, or a sound module whose text reads back as itself. */
#include <stdlib.h>
#include <string.h>

#include "ir/ir.h"
#include "support/diagnostics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Module *parse(const char *text, size_t size)
{
    Source source = {"fuzz.ir", text, size};
    Diagnostics diags = {0};
    Module *module = parse_module(&source, &diags);
    FILE *out = fopen("/dev/null", "w");
    diag_print(&diags, out);
    fclose(out);
    if (!module != (diags.errors > 0))
        abort();
    diag_free(&diags);
    return module;
}

static Text print(const Module *module)
{
    Text text = {0};
    if (!verify_module(module, true, NULL))
        abort();
    print_module(module, &text);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    Module *module = parse(text, size);
    if (module) {
        Text once = print(module);
        Module *again = parse(once.data, once.len);
        if (!again)
            abort();
        Text twice = print(again);
        if (strcmp(once.data, twice.data) != 0)
            abort();
        text_free(&once);
        text_free(&twice);
        module_free(again);
    }
    module_free(module);
    free(text);
    return 0;
}
