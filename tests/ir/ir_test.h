/* What the IR's tests share: modules from text, the messages of a text that is refused. */
#ifndef HNC_TESTS_IR_TEST_H
#define HNC_TESTS_IR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ir/ir.h"
#include "support/diagnostics.h"

/* The module, or NULL and what was printed in *messages (heap). */
static inline Module *parse_text(const char *text, char **messages)
{
    Source source = {"test.ir", text, strlen(text)};
    Diagnostics diags = {0};
    Module *module = parse_module(&source, &diags);
    size_t size;
    *messages = NULL;
    FILE *out = open_memstream(messages, &size);
    diag_print(&diags, out);
    fclose(out);
    diag_free(&diags);
    return module;
}

/* A module that must parse. */
static inline Module *must_parse(const char *text)
{
    char *messages;
    Module *module = parse_text(text, &messages);
    if (!module)
        fail_msg("does not parse:\n%s\n%s", messages, text);
    free(messages);
    return module;
}

/* A text that must be refused with a message that holds `expected`. */
static inline void must_refuse(const char *text, const char *expected)
{
    char *messages;
    Module *module = parse_text(text, &messages);
    if (module || !strstr(messages, expected))
        fail_msg("expected '%s', got %s%s\nfor\n%s", expected, module ? "a module" : "", messages, text);
    free(messages);
}

#endif
