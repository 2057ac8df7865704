/* Linking against a small stand-in for the runtime library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/link.h"

static char folder[] = "/tmp/hnc link-XXXXXX"; /* a space: nothing may pass through a shell */

static const char *path_in(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void shell(const char *command)
{
    char full[512];
    snprintf(full, sizeof full, "cd '%s' && %s", folder, command);
    assert_int_equal(system(full), 0);
}

/* A library with main(), which calls what the object defines and what OpenBLAS has. */
static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    shell("echo 'int answer(void); char *openblas_get_config(void);"
          "int main(void) { return openblas_get_config() ? answer() : 1; }' > main.c");
    shell("echo 'int answer(void) { return 42; }' > answer.c");
    shell("cc -c main.c answer.c && ar rcs libhnrt.a main.o && rm main.o main.c answer.c");
    return setenv("HNC_RUNTIME", path_in("libhnrt.a"), 1);
}

static int teardown(void **state)
{
    (void)state;
    unsetenv("CC");
    unlink(path_in("libhnrt.a"));
    unlink(path_in("answer.o"));
    return rmdir(folder); /* fails where a file was left behind */
}

static void test_links_a_program(void **state)
{
    (void)state;
    char why[256] = "", command[256];
    if (!link_executable(path_in("answer.o"), BLAS_OPENBLAS, path_in("program"), why))
        fail_msg("%s", why);
    snprintf(command, sizeof command, "'%s'", path_in("program"));
    int status = system(command);
    assert_int_equal(status >> 8, 42);
    unlink(path_in("program"));
}

static void test_compiler_fails(void **state)
{
    (void)state;
    char why[256] = "";
    setenv("CC", "  false  -with arguments ", 1);
    assert_false(link_executable(path_in("answer.o"), BLAS_OPENBLAS, path_in("program"), why));
    assert_string_equal(why, "linking failed: 'false' ended with status 1");
    setenv("CC", "hnc-test-no-such-compiler", 1);
    assert_false(link_executable(path_in("answer.o"), BLAS_OPENBLAS, path_in("program"), why));
    assert_string_equal(why, "cannot run 'hnc-test-no-such-compiler' to link: No such file or directory");
    unsetenv("CC");
    assert_int_not_equal(access(path_in("program"), F_OK), 0);
}

static void test_unwritable_output(void **state)
{
    (void)state;
    char why[256] = "";
    assert_false(link_executable(path_in("answer.o"), BLAS_OPENBLAS, path_in("missing/program"), why));
    assert_non_null(strstr(why, "missing/program': No such file or directory"));
}

static void test_missing_runtime(void **state)
{
    (void)state;
    char why[256] = "";
    Text command = {0};
    setenv("HNC_RUNTIME", path_in("nowhere.a"), 1);
    assert_false(link_command("a.o", BLAS_OPENBLAS, "a", &command, why));
    assert_non_null(strstr(why, "nowhere.a' that HNC_RUNTIME names: No such file or directory"));
    unsetenv("HNC_RUNTIME");
    assert_false(link_command("a.o", BLAS_OPENBLAS, "a", &command, why)); /* no library lies beside this test */
    assert_non_null(strstr(why, "cannot find the runtime library"));
    assert_int_equal(command.len, 0);
    setenv("HNC_RUNTIME", path_in("libhnrt.a"), 1);
    text_free(&command);
}

static void test_command_is_quoted(void **state)
{
    (void)state;
    setenv("CC", "cc", 1);
    char why[256] = "";
    Text command = {0};
    assert_true(link_command("it's.o", BLAS_OPENBLAS, "my program", &command, why));
    assert_ptr_equal(strstr(command.data, "cc 'it'\\''s.o' '/tmp/hnc link-"), command.data);
    assert_non_null(strstr(command.data, " -lm -o 'my program'"));
    text_free(&command);
    unsetenv("CC");
}

/* The command is checked, as a linker that drops unneeded libraries would hide a wrong BLAS. */
static void test_links_the_blas_that_is_asked_for(void **state)
{
    (void)state;
    for (unsigned blas = 0; blas < BLAS_COUNT; blas++) {
        char why[256] = "";
        Text command = {0};
        assert_true(link_command("a.o", (Blas)blas, "a", &command, why));
        assert_int_equal(strstr(command.data, "blas") != NULL, blas == BLAS_OPENBLAS);
        assert_non_null(strstr(command.data, "-l:libjansson.a"));
        text_free(&command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links_a_program),   cmocka_unit_test(test_compiler_fails),
        cmocka_unit_test(test_unwritable_output), cmocka_unit_test(test_missing_runtime),
        cmocka_unit_test(test_command_is_quoted), cmocka_unit_test(test_links_the_blas_that_is_asked_for),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
