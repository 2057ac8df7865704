/* Which rows the steps of a run see. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/data/sampler.h"

static void test_epochs_are_permutations(void **state)
{
    (void)state;
    enum { ROWS = 1000, BATCH = 64, STEPS = ROWS / BATCH };
    Sampler sampler;
    int32_t index[BATCH], first_epoch[ROWS];
    assert_true(sampler_open(&sampler, 42, 0, (RowRange){.first = 500, .count = ROWS}, BATCH, SAMPLE_ROWS));
    assert_int_equal(sampler_epoch_steps(&sampler), STEPS);
    int in_place = 0, as_before = 0;
    for (int epoch = 0; epoch < 2; epoch++) {
        char seen[ROWS] = {0};
        for (int step = 0; step < STEPS; step++) {
            sampler_batch(&sampler, epoch * STEPS + step, index);
            for (int i = 0; i < BATCH; i++) {
                int place = step * BATCH + i;
                assert_in_range(index[i], 500, 500 + ROWS - 1);
                assert_int_equal(seen[index[i] - 500]++, 0);
                in_place += index[i] == 500 + place;
                as_before += epoch == 1 && index[i] == first_epoch[place];
                first_epoch[place] = index[i];
            }
        }
    }
    assert_in_range(in_place, 0, 12); /* 2 expected */
    assert_in_range(as_before, 0, 8); /* 1 expected */
    sampler_close(&sampler);
}

/* Batches of rows side by side: each epoch has every row but those left over, which differ from epoch to epoch. */
static void test_shuffles_of_batches(void **state)
{
    (void)state;
    enum { FIRST = 500, ROWS = 1000, BATCH = 64, STEPS = ROWS / BATCH, LEFT = ROWS % BATCH, EPOCHS = 4000 };
    Sampler sampler;
    int32_t index[BATCH];
    int first_rows[LEFT + 1] = {0}, places[STEPS][STEPS] = {{0}};
    assert_true(sampler_open(&sampler, 42, 0, (RowRange){.first = FIRST, .count = ROWS}, BATCH, SAMPLE_BATCHES));
    assert_int_equal(sampler_epoch_steps(&sampler), STEPS);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        char seen[ROWS] = {0};
        int begin = 0;
        for (int step = 0; step < STEPS; step++) {
            sampler_batch(&sampler, epoch * STEPS + step, index);
            begin = (index[0] - FIRST) % BATCH;
            places[step][(index[0] - FIRST) / BATCH]++;
            for (int i = 0; i < BATCH; i++) {
                assert_int_equal(index[i], index[0] + i);
                assert_in_range(index[i], FIRST, FIRST + ROWS - 1);
                assert_int_equal(seen[index[i] - FIRST]++, 0);
            }
        }
        assert_in_range(begin, 0, LEFT);
        first_rows[begin]++;
    }
    for (int i = 0; i <= LEFT; i++)
        assert_in_range(first_rows[i], 50, 150); /* 98 expected, standard deviation 10 */
    for (int i = 0; i < STEPS; i++)
        for (int j = 0; j < STEPS; j++)
            assert_in_range(places[i][j], 180, 360); /* 267 expected, standard deviation 16 */
    int32_t again[BATCH];
    sampler_batch(&sampler, 7, index);
    sampler_batch(&sampler, 3 * STEPS, again);
    sampler_batch(&sampler, 7, again);
    assert_memory_equal(index, again, sizeof index);
    sampler_close(&sampler);
}

/* Row i's place after a shuffle is uniform: chi squared over 8 rows and many epochs. */
static void test_shuffles_are_uniform(void **state)
{
    (void)state;
    enum { ROWS = 8, EPOCHS = 8000 };
    int counts[ROWS][ROWS] = {{0}};
    Sampler sampler;
    int32_t index[ROWS];
    assert_true(sampler_open(&sampler, 7, 1, (RowRange){.count = ROWS}, ROWS, SAMPLE_ROWS));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        sampler_batch(&sampler, epoch, index);
        for (int i = 0; i < ROWS; i++)
            counts[i][index[i]]++;
    }
    double chi_squared = 0, expected = (double)EPOCHS / ROWS;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++)
            chi_squared += (counts[i][j] - expected) * (counts[i][j] - expected) / expected;
    assert_true(chi_squared < 90); /* 49 degrees of freedom: p = 3e-4 */
    sampler_close(&sampler);
}

static void test_batches_need_no_history(void **state)
{
    (void)state;
    enum { BATCH = 10 };
    Sampler walked, jumped, other;
    int32_t a[BATCH], b[BATCH], c[BATCH];
    RowRange rows = {.count = 95};
    assert_true(sampler_open(&walked, 3, 0, rows, BATCH, SAMPLE_ROWS) && sampler_open(&jumped, 3, 0, rows, BATCH, SAMPLE_ROWS) &&
                sampler_open(&other, 4, 0, rows, BATCH, SAMPLE_ROWS));
    for (int step = 0; step <= 40; step++)
        sampler_batch(&walked, step, a);
    sampler_batch(&jumped, 40, b);
    sampler_batch(&other, 40, c);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    sampler_close(&walked);
    sampler_close(&jumped);
    sampler_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs_are_permutations),
        cmocka_unit_test(test_shuffles_of_batches),
        cmocka_unit_test(test_shuffles_are_uniform),
        cmocka_unit_test(test_batches_need_no_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
