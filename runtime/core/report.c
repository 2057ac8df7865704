#include "runtime/core/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *command_name = "model", *program_name = "model";
static bool notes_are_off;
static char *captured; /* where errors go; NULL: to stderr */
static size_t capture_size;

void report_name(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    command_name = argv0;
    program_name = slash ? slash + 1 : argv0;
}

const char *report_program(void)
{
    return program_name;
}

const char *report_command(void)
{
    return command_name;
}

char *report_quoted(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
    size_t length = strlen(word);
    if (length && strspn(word, plain) == length)
        return strdup(word);
    char *quoted = malloc(4 * length + 3), *end = quoted;
    if (!quoted)
        return NULL;
    *end++ = '\'';
    for (; *word; word++) {
        if (*word == '\'')
            end = stpcpy(end, "'\\'"); /* closes, an escaped quote, opens again */
        *end++ = *word;
    }
    strcpy(end, "'");
    return quoted;
}

void report_capture(char *buffer, size_t size)
{
    captured = buffer;
    capture_size = size;
    if (buffer)
        *buffer = '\0';
}

void report_quiet(bool quiet)
{
    notes_are_off = quiet;
}

__attribute__((format(printf, 2, 0))) static void print_message(const char *kind, const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s: ", program_name, kind);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void name_list_add(NameList *list, const char *name)
{
    size_t length = strlen(list->text);
    snprintf(list->text + length, sizeof list->text - length, "%s%s", length ? ", " : "", name);
}

bool report_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (captured && !*captured)
        vsnprintf(captured, capture_size, format, args);
    if (!captured)
        print_message("error", format, args);
    va_end(args);
    return false;
}

bool report_internal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_message("internal error", format, args);
    va_end(args);
    return false;
}

void report_warning(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_message("warning", format, args);
    va_end(args);
}

void report_note(const char *format, ...)
{
    if (notes_are_off)
        return;
    va_list args;
    va_start(args, format);
    print_message("note", format, args);
    va_end(args);
}
