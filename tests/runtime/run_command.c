#include "tests/runtime/run_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char *output;
static char folder[64], previous[4096];
static int saved_stderr;

void enter_folder(void)
{
    strcpy(folder, "/tmp/hnrt-test-XXXXXX");
    if (!getcwd(previous, sizeof previous) || !mkdtemp(folder) || chdir(folder) != 0)
        abort();
}

void leave_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (chdir(previous) != 0 || system(command) != 0)
        abort();
}

int folder_set_up(void **state)
{
    (void)state;
    enter_folder();
    return 0;
}

int folder_tear_down(void **state)
{
    (void)state;
    leave_folder();
    return 0;
}

static void keep_output(const char *path)
{
    size_t size;
    free(output);
    output = read_file(path, &size);
    if (!output)
        abort();
    unlink(path);
}

int run_command(const char *format, ...)
{
    char command[4096];
    va_list args;
    va_start(args, format);
    command[0] = '(';
    int length = 1 + vsnprintf(command + 1, sizeof command - 32, format, args);
    va_end(args);
    snprintf(command + length, sizeof command - (size_t)length, "; exit $?) > command.out 2>&1");
    int status = system(command);
    keep_output("command.out");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void must_run(const char *format, ...)
{
    char command[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    int status = run_command("%s", command);
    if (status != 0)
        fail_msg("%s: exit status %d\n%s", command, status, command_output());
}

const char *command_output(void)
{
    return output;
}

bool output_has(const char *text)
{
    if (strstr(output, text))
        return true;
    fprintf(stderr, "no '%s' in:\n%s\n", text, output);
    return false;
}

void capture_begin(void)
{
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    if (!freopen("capture.out", "w", stderr))
        abort();
}

void capture_end(void)
{
    fflush(stderr);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    keep_output("capture.out");
}

char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    if (!bytes || fread(bytes, 1, *size, file) != *size)
        abort();
    bytes[*size] = '\0';
    fclose(file);
    return bytes;
}

void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}

bool same_files(const char *left, const char *right)
{
    size_t left_size, right_size;
    char *a = read_file(left, &left_size), *b = read_file(right, &right_size);
    bool same = a && b && left_size == right_size && !memcmp(a, b, left_size);
    free(a);
    free(b);
    return same;
}

void write_numbers(const char *path, const char *header, int rows)
{
    int columns = 1;
    for (const char *c = header; *c; c++)
        columns += *c == ',';
    FILE *file = fopen(path, "w");
    if (!file)
        abort();
    fprintf(file, "%s\n", header);
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            fprintf(file, "%.3f%s", ((row * 7 + column * 13) % 29 - 14) / 10.0, column + 1 < columns ? "," : "\n");
    if (fclose(file) != 0)
        abort();
}
