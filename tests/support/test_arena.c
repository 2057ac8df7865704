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

#include "support/arena.h"

static void memory_is_zeroed_and_aligned(void **unused)
{
    (void)unused;
    Arena arena = {0};
    for (size_t size = 0; size < 300; size++) {
        unsigned char *memory = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)memory % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
    }
    size_t large = 1 << 20; /* more than a block */
    unsigned char *memory = arena_alloc(&arena, large);
    assert_int_equal(memory[large - 1], 0);
    memory[large - 1] = 1;
    int *numbers = ARENA_ARRAY(&arena, int, 10);
    assert_int_equal(numbers[9], 0);
    arena_free(&arena);
    assert_null(arena.head);
    assert_non_null(arena_alloc(&arena, 1));
    arena_free(&arena);
}

static void arena_texts(void **unused)
{
    (void)unused;
    Arena arena = {0};
    assert_string_equal(arena_text(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_text(&arena, NULL, 0), "");
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 42), "x-42");
    arena_free(&arena);
}

static void vectors_grow(void **unused)
{
    (void)unused;
    VEC(int) numbers = {0};
    for (int i = 0; i < 1000; i++)
        vec_push(&numbers, i * i);
    assert_int_equal(numbers.len, 1000);
    assert_true(numbers.cap >= 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(numbers.data[i], i * i);
    assert_int_equal(vec_last(&numbers), 999 * 999);
    vec_free(&numbers);
    assert_null(numbers.data);
    assert_int_equal(numbers.len, 0);
    vec_reserve(&numbers, 100);
    assert_true(numbers.cap >= 100);
    assert_int_equal(numbers.len, 0);
    vec_free(&numbers);
}

static void texts_grow(void **unused)
{
    (void)unused;
    Text text = {0};
    for (int i = 0; i < 500; i++)
        text_printf(&text, "%03d,", i);
    assert_int_equal(text.len, 2000);
    assert_int_equal(strlen(text.data), 2000);
    assert_memory_equal(text.data + 1996, "499,", 4);
    text_append(&text, "a\0b", 3);
    assert_int_equal(text.len, 2003);
    assert_int_equal(text.data[2003], 0);
    text_free(&text);
    assert_null(text.data);
}

/* Runs `action` in a child process; gives its exit status, and its text on stderr. */
static int in_child(void (*action)(void), char said[static 128])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        action();
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], said, 127);
    said[n > 0 ? n : 0] = 0;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void third_allocation_fails(void)
{
    Arena arena = {0};
    support_fail_allocation(3);
    for (int i = 0; i < 3; i++)
        arena_alloc(&arena, 1 << 17);
}

static void second_allocation_succeeds(void)
{
    support_fail_allocation(3);
    free(support_malloc(1));
    free(support_realloc(NULL, 1));
}

static void absurd_array(void)
{
    Arena arena = {0};
    arena_array(&arena, SIZE_MAX / 2, 3);
}

static void absurd_size(void)
{
    Arena arena = {0};
    arena_alloc(&arena, SIZE_MAX - 1);
}

static void exhaustion_is_reported(void **unused)
{
    (void)unused;
    char said[128];
    assert_int_equal(in_child(second_allocation_succeeds, said), 0);
    void (*const actions[])(void) = {third_allocation_fails, absurd_array, absurd_size};
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        assert_int_equal(in_child(actions[i], said), 1);
        assert_string_equal(said, "hnc: error: out of memory\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(arena_texts),
        cmocka_unit_test(vectors_grow),
        cmocka_unit_test(texts_grow),
        cmocka_unit_test(exhaustion_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
