#include "golden.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/diagnostics.h"

static int is_model(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && strcmp(entry->d_name + length - 3, ".hn") == 0;
}

static void write_golden(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void compare(const char *folder, const char *name, const char *extension, const char *seen)
{
    Arena arena = {0};
    Source golden = {.text = ""};
    const char *reason;
    const char *path = arena_printf(&arena, "%s/%.*s.%s", folder, (int)strlen(name) - 3, name, extension);
    if (getenv("HNC_UPDATE_GOLDEN"))
        write_golden(path, seen);
    if (!source_read(&arena, path, &golden, &reason))
        print_error("%s: %s\n", path, reason);
    if (strcmp(seen, golden.text) != 0)
        fail_msg("%s\n--- expected\n%s--- seen\n%s", name, golden.text, seen);
    arena_free(&arena);
}

void check_golden(const char *folder, const char *extension, int least, char *(*print)(const char *folder, const char *name))
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_model, alphasort);
    assert_true(count >= least);
    for (int i = 0; i < count; i++) {
        char *seen = print(folder, entries[i]->d_name);
        if (seen[0] == 0)
            fail_msg("%s prints nothing", entries[i]->d_name);
        compare(folder, entries[i]->d_name, extension, seen);
        free(seen);
        free(entries[i]);
    }
    free(entries);
}
