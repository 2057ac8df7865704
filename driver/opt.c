/* hnc opt: passes on textual IR. */
#include <string.h>

#include "driver/driver.h"

static bool run_passes(const Options *options, Module *module, const PassTrace *trace, int *status)
{
    for (const char *list = options->passes ? options->passes : ""; *list;) {
        size_t len = strcspn(list, ",");
        char name[64] = "";
        if (len < sizeof name)
            memcpy(name, list, len);
        if (!pass_by_name(name)) {
            fprintf(stderr, "hnc opt: unknown pass '%.*s'; passes are", (int)len, list);
            for (uint32_t i = 0; i < pass_count; i++)
                fprintf(stderr, "%s %s", i ? "," : "", pass_table[i].name);
            fputs("\n", stderr);
            *status = EXIT_USAGE;
            return false;
        }
        for (uint32_t i = 0; i < module->functions.len; i++)
            pass_run(trace, name, module, module->functions.data[i]);
        list += len;
        list += *list == ',';
    }
    return true;
}

int command_opt(const Options *options)
{
    Arena arena = {0};
    Source source;
    Diagnostics diags = {0};
    Text text = {0}, failure = {0};
    const char *reason;
    int status = EXIT_ERROR;
    Module *module = NULL;
    if (!source_read(&arena, options->file, &source, &reason))
        fprintf(stderr, "hnc: error: cannot read '%s': %s\n", options->file, reason);
    else
        module = parse_module(&source, &diags);
    diag_print(&diags, stderr);
    PassTrace trace = {options->print_after, options->verify_each, stderr, &failure};
    if (module && !verify_module(module, true, &failure)) {
        fprintf(stderr, "%s: error: the module does not verify\n%s", options->file, failure.data);
    } else if (module && run_passes(options, module, &trace, &status)) {
        if (failure.len) {
            fprintf(stderr, "hnc: internal error: %s", failure.data);
        } else {
            print_module(module, &text);
            bool written = true; /* to standard output: main() sees a failure */
            if (options->output)
                written = write_output(options->output, &text);
            else
                fwrite(text.data, 1, text.len, stdout);
            status = written ? EXIT_FINE : EXIT_ERROR;
        }
    }
    if (module)
        module_free(module);
    text_free(&text);
    text_free(&failure);
    diag_free(&diags);
    arena_free(&arena);
    return status;
}
