/* No two uses of random numbers share a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pareto/pareto.h"
#include "runtime/abi/random_space.h"
#include "runtime/data/permute.h"
#include "runtime/data/philox.h"

static const struct {
    const char *name;
    int64_t purpose, first, count;
} uses[] = {
#define USE(NAME, PURPOSE, FIRST, COUNT) {#NAME, PURPOSE, FIRST, COUNT},
    RANDOM_SPACE(USE)
#undef USE
};
enum { USES = sizeof uses / sizeof *uses };

static void no_overlap(void **state)
{
    (void)state;
    for (int i = 0; i < USES; i++) {
        assert_true(uses[i].count > 0 && uses[i].first + uses[i].count <= (int64_t)1 << 32);
        for (int k = 0; k < i; k++) {
            bool together = uses[i].purpose == uses[k].purpose && uses[i].first < uses[k].first + uses[k].count &&
                            uses[k].first < uses[i].first + uses[i].count;
            if (together)
                fail_msg("%s and %s share streams", uses[i].name, uses[k].name);
        }
    }
}

/* The functions draw as the table says: the numbers of the first ray and of the first split come from different blocks. */
static void first_ray_and_split(void **state)
{
    (void)state;
    const uint32_t key[2] = {7, 0};
    int32_t order[3] = {0, 1, 2}, again[3] = {0, 1, 2};
    uint32_t split[4], ray[4], counter[4] = {1, 0, 0, RANDOM_PURPOSE_SPLIT};
    philox_block(counter, key, split);
    counter[3] = RANDOM_PURPOSE_DIRICHLET;
    philox_block(counter, key, ray);
    assert_memory_not_equal(split, ray, sizeof split);
    permute(order, 3, key, 0, 0, RANDOM_PURPOSE_SPLIT);
    uint64_t draw = (uint64_t)split[1] << 32 | split[0]; /* place 2 is exchanged by the first half of block 1 */
    int64_t j = (int64_t)((unsigned __int128)draw * 3 >> 64);
    again[2] = (int32_t)j;
    again[j] = 2;
    assert_int_equal(order[2], again[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_overlap), cmocka_unit_test(first_ray_and_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
