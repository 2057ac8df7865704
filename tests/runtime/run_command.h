/* What the tests of runtime/ share: folders that vanish, commands and their output, files as bytes. */
#ifndef HN_TESTS_RUN_COMMAND_H
#define HN_TESTS_RUN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* A new empty folder, made the current one; leave_folder removes it with all it holds and returns to the previous one. */
void enter_folder(void);
void leave_folder(void);
/* The same as fixtures of a group. */
int folder_set_up(void **state);
int folder_tear_down(void **state);

/* Runs a shell command; its exit status, 128 + N if signal N ended it. Output and errors go to command_output(). */
int run_command(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same of a command that must succeed: otherwise the test fails and shows the output. */
void must_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *command_output(void);
bool output_has(const char *text);

/* From capture_begin to capture_end, stderr of this process goes to command_output(). */
void capture_begin(void);
void capture_end(void);

/* The file's bytes, NUL-terminated; for free(). NULL if there is none. */
char *read_file(const char *path, size_t *size);
void write_file(const char *path, const void *bytes, size_t size);
/* A CSV file of numbers between -1.4 and 1.4, with the columns that the header names. */
void write_numbers(const char *path, const char *header, int rows);
bool same_files(const char *left, const char *right);

#endif
