#include "runtime/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *command_name = "model", *program_name = "model";
static bool notes_are_off;

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

bool report_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
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

void report_note(const char *format, ...)
{
    if (notes_are_off)
        return;
    va_list args;
    va_start(args, format);
    print_message("note", format, args);
    va_end(args);
}
