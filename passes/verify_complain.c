/* Messages about a schedule under verification. */
#include <stdarg.h>
#include <string.h>

#include "passes/verify.h"

enum { MOST_MESSAGES = 12 };

void complain(Checker *c, const char *format, ...)
{
    if (c->messages++ >= MOST_MESSAGES)
        return;
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_printf(c->why, "%s: ", c->schedule->function->name);
    if (c->kernel < c->schedule->kernels.len)
        text_printf(c->why, "kernel %u: ", c->kernel);
    text_printf(c->why, "%s\n", message);
}

void *zeroed_items(size_t count, size_t size)
{
    void *memory = support_malloc(count * size + 1);
    memset(memory, 0, count * size);
    return memory;
}
