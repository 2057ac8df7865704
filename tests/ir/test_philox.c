#include "tests/ir/ir_test.h"

/* The known answers of Random123's kat_vectors for philox4x32-10. */
static void known_answers(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t out[4];
        philox4x32(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].expected, sizeof out);
    }
}

/* Element e is word (e / 16) % 4 of block e / 64 * 16 + e % 16. */
static void element_layout(void **unused)
{
    (void)unused;
    const uint32_t seed[2] = {7, 11};
    for (uint32_t e = 0; e < 300; e++) {
        uint32_t words[4];
        philox4x32((uint32_t[]){e / 64 * 16 + e % 16, 5, 3, 0}, seed, words);
        double value = random_element(seed, 5, 3, e);
        assert_true(value == (words[e / 16 % 4] >> 8) / 16777216.0);
        assert_true(value >= 0 && value < 1 && (double)(float)value == value);
    }
}

static void blocks_do_not_overlap(void **unused)
{
    (void)unused;
    enum { N = 4096 };
    const uint32_t seed[2] = {1, 2};
    double sum = 0, squares = 0;
    for (uint32_t e = 0; e < N; e++) {
        double value = random_element(seed, 0, 0, e);
        sum += value;
        squares += value * value;
        assert_true(value != random_element(seed, 1, 0, e) || value != random_element(seed, 0, 1, e));
    }
    assert_true(sum / N > 0.48 && sum / N < 0.52); /* 0.5 within 4 standard errors of 0.0045 */
    assert_true(squares / N > 0.31 && squares / N < 0.36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(element_layout),
        cmocka_unit_test(blocks_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
