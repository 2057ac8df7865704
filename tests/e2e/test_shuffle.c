/* Which examples meet in a batch: one step of a train whose only weight becomes minus the sum of their numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/e2e/tensor_file.h"
#include "tests/runtime/run_command.h"

enum { BATCH = 16, LEFT = 2, ROWS = 4 * BATCH + LEFT };

/* Builds `name` with this line in its train. */
static void build(const char *name, const char *line)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "%s.hn", name);
    snprintf(text, sizeof text,
             "data d = csv(\"table.csv\") { fields x = numbers(a)\n split train %d }\n"
             "net f(x: f32[1]) -> f32[] {\n  weight w: f32[] = 0\n  return w * x[0]\n}\n"
             "objective sums(e) = %d * mean(f(e.x))\n"
             "train t = fit {\n  minimise sums(d.train) by sgd(1)\n  batch %d\n  steps 1\n  %s\n}\n",
             ROWS, BATCH, BATCH, line);
    write_file(path, text, strlen(text));
    must_run("'%s/hnc' build --float=f64 %s -o %s", HNC_BINARY_DIR, path, name);
}

/* The sum of the numbers of the first batch. */
static int first_sum(const char *name, int seed)
{
    double weight;
    char path[64];
    snprintf(path, sizeof path, "%s-run/last.safetensors", name);
    must_run("rm -rf %s-run && ./%s train --quiet --seed %d --out %s-run", name, name, seed, name);
    tensor_reals(path, "f.w", &weight, 1);
    return (int)-weight;
}

static int table_set_up(void **state)
{
    folder_set_up(state);
    FILE *file = fopen("table.csv", "w");
    assert_non_null(file);
    fprintf(file, "a\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(file, "%d\n", i);
    return fclose(file);
}

static void batches_lie_side_by_side(void **state)
{
    (void)state;
    int seen[5][LEFT + 1] = {{0}}, kinds = 0;
    build("batches", "shuffle batches");
    for (int seed = 0; seed < 20; seed++) {
        int twice = 2 * first_sum("batches", seed) / BATCH - (BATCH - 1),
            first = twice / 2; /* sum = BATCH (first + (BATCH - 1) / 2) */
        assert_int_equal(2 * first, twice);
        assert_in_range(first % BATCH, 0, LEFT);
        assert_in_range(first, 0, ROWS - BATCH);
        kinds += seen[first / BATCH][first % BATCH]++ == 0;
    }
    assert_true(kinds >= 6); /* of 12 */
}

/* Without the line, and with the other word. */
static void examples_are_shuffled(void **state)
{
    (void)state;
    build("usual", "");
    build("examples", "shuffle examples");
    int beside = 0;
    for (int seed = 0; seed < 5; seed++) {
        int sum = first_sum("usual", seed);
        assert_int_equal(first_sum("examples", seed), sum);
        beside += (2 * sum - BATCH * (BATCH - 1)) % (2 * BATCH) == 0;
    }
    assert_true(beside < 4); /* by chance, one in sixteen is the sum of neighbours */
}

/* Windows that lie side by side in a text are read in order. */
static void streams_have_an_order(void **state)
{
    (void)state;
    static const char text[] =
        "data words = text(\"words.txt\", unit: word, length: 2, streams: 2)\n"
        "net lm(tokens: class[v][t]) -> f32[t, v] { return each(word in tokens) { linear(embedding(word, 4), v) } }\n"
        "objective fit(d) = mean(mean(each(z in lm(d.tokens), word in d.next) { cross_entropy(z, word) }))\n"
        "train t = fit {\n  minimise fit(words.train) by adam(1e-2)\n  batch 2\n  shuffle batches\n  epochs 2\n}\n";
    write_file("text.hn", text, strlen(text));
    write_file("words.txt", "a b c a b c a b c a b c", 23);
    assert_int_equal(run_command("'%s/hnc' check --data=. text.hn", HNC_BINARY_DIR), 1);
    assert_true(output_has("the windows of the streams of 'words.train' are read in order"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_lie_side_by_side),
        cmocka_unit_test(examples_are_shuffled),
        cmocka_unit_test(streams_have_an_order),
    };
    return cmocka_run_group_tests(tests, table_set_up, folder_tear_down);
}
