/* Messages to the user. They go to stderr with the program's name in front, so that stdout holds results only. */
#ifndef HN_RUNTIME_REPORT_H
#define HN_RUNTIME_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* Takes argv[0]: its last part is the name in front of messages. */
void report_name(const char *argv0);
const char *report_program(void); /* that name */
const char *report_command(void); /* argv[0], for commands to be repeated */
/* A word as a shell takes it: in quotes if it needs them. For free(); NULL without memory. */
char *report_quoted(const char *word);
/* "a, b, c" for a message, cut where it grows too long; {""} to begin with. */
typedef struct NameList {
    char text[512];
} NameList;
void name_list_add(NameList *list, const char *name);

/* "NAME: error: ...". Always returns false, so that a function that failed can end with `return report_error(...)`. */
bool report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As report_error, for what only a defect of the compiler can cause. */
bool report_internal(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "NAME: warning: ...", of figures or files that are not what they seem. */
void report_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "NAME: note: ...", unless notes are switched off. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_quiet(bool quiet);
/* From now on, the first error is written into the buffer instead of to stderr; NULL: to stderr again. */
void report_capture(char *buffer, size_t size);

#endif
