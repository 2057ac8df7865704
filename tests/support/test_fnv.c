/* FNV-1a: the values that its authors publish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "support/fnv.h"

static void test_published_values(void **state)
{
    (void)state;
    assert_true(fnv_bytes(FNV_EMPTY, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(fnv_bytes(FNV_EMPTY, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(fnv_bytes(FNV_EMPTY, "foobar", 6) == UINT64_C(0x85944171f73967e8));
}

static void test_texts_do_not_run_together(void **state)
{
    (void)state;
    assert_true(fnv_bytes(fnv_bytes(FNV_EMPTY, "foo", 3), "bar", 3) == fnv_bytes(FNV_EMPTY, "foobar", 6));
    assert_true(fnv_text(fnv_text(FNV_EMPTY, "ab"), "c") != fnv_text(fnv_text(FNV_EMPTY, "a"), "bc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_texts_do_not_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
