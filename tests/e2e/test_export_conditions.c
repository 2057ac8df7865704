/* Conditions that exports take as arguments: hyperparameters in natural units, which keep their trained values where `predict`
 * names none, and preferences, in programs of every train of a file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/runtime/run_command.h"

static const char model[] =
    "data t = csv(\"data.csv\") {\n"
    "  fields x = numbers(a, b)\n"
    "         y = y\n"
    "  split  train 20, valid 10\n"
    "}\n"
    "hyper lam { drop: rate(0, 0.9) = 0.2; v: log[2] = 1e-2; k: integer(1, 5) = 2; c: real = 0.5; p: positive = 1 }\n"
    "hyper mu { s: range(-1, 1) = 0.25; w: log(1e-4, 1) = 0.1 }\n"
    "preference r[2]\n"
    "preference q[3]\n"
    "net f(x: f32[2]) -> f32 { return sum(linear(x, 1)) + mu.s }\n"
    "net made(z) -> f32[n] { return linear(z, n) }\n"
    "net other(z) -> f32[n] { return linear(z, n) }\n"
    "weights f = dense(made(lam))\n"
    "objective loss(d) = mean(squared_error(f(d.x), d.y))\n"
    "objective small(d) = mean(square(f(d.x)))\n"
    "train tune = bilevel(lam) {\n"
    "  lower loss(t.train) by adam(1e-2)\n"
    "  upper loss(t.valid) by adam(3e-2)\n"
    "  sample normal(scale: 0.5)\n"
    "  batch 10\n"
    "  epochs 5\n"
    "}\n"
    "train front = pareto(r) {\n"
    "  weights f = dense(other(r))\n"
    "  minimise loss, small on t.train by adam(1e-2)\n"
    "  solver linear\n"
    "  sample uniform\n"
    "  rays 5\n"
    "  report hypervolume(ref: 4) on t.valid\n"
    "  batch 10\n"
    "  epochs 5\n"
    "}\n"
    "export score(x, lam, mu, r) = f(x)\n"
    "export kept(x, r) = f(x)\n"
    "export two(x: f32[2], r, q) = r[0] + 10 * q[2] + 0 * sum(x)\n"
    "export raw(x: f32[2], lam) = lam + 0 * sum(x)\n"
    "export natural(x: f32[2], lam, mu) = concat(reshape(lam.drop, [1]), lam.v, reshape(lam.k, [1]), reshape(lam.c, [1]), "
    "reshape(lam.p, [1]), reshape(mu.s, [1]), reshape(mu.w, [1])) + 0 * sum(x)\n";
enum { DROP, V0, V1, K, C, P, S, W, NATURALS };

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    FILE *file = fopen("data.csv", "w");
    assert_non_null(file);
    fprintf(file, "a,b,y\n");
    for (int i = 0; i < 30; i++)
        fprintf(file, "%d,%d,%g\n", i % 5 - 2, i % 7 - 3, 0.3 * (i % 5) - 0.2 * (i % 7));
    fclose(file);
    write_file("row.csv", "a,b\n1,2\n", 8);
    write_file("model.hn", model, sizeof model - 1);
    if (run_command("for t in tune front; do '%s/hnc' build model.hn -W no-unused-hyper -W no-fixed-response --train $t -o $t && "
                    "./$t train --out run-$t --quiet || exit 1; done",
                    HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    leave_folder();
    return 0;
}

/* The elements of what the export gives for the only row. */
static void predict(const char *train, const char *export, const char *flags, int count, double *values)
{
    if (run_command("./%s predict --weights run-%s/last.safetensors --export %s %s row.csv", train, train, export, flags) != 0)
        fail_msg("%s %s: %s", export, flags, command_output());
    const char *at = strstr(command_output(), "\n2,");
    assert_non_null(at);
    for (int i = 0; i < count; i++) {
        char *end;
        at = strchr(at, ',') + 1;
        values[i] = strtod(at, &end);
        assert_true(*end == (i + 1 == count ? '\n' : ','));
        at = end;
    }
}

static double predict_one(const char *train, const char *export, const char *flags)
{
    double value;
    predict(train, export, flags, 1, &value);
    return value;
}

static void refused(const char *export, const char *flags, const char *message)
{
    int status = run_command("./tune predict --weights run-tune/last.safetensors --export %s %s row.csv", export, flags);
    if (status != 1 || !output_has(message))
        fail_msg("%s %s: exit status %d, expected 1 and '%s':\n%s", export, flags, status, message, command_output());
}

/* Of a group that the train does not move, the first values; of one that it tunes, those that the run reported. */
static void test_values_that_are_kept(void **state)
{
    (void)state;
    double natural[NATURALS], first[NATURALS] = {0.2, 1e-2, 1e-2, 2, 0.5, 1, 0.25, 0.1};
    predict("front", "natural", "", NATURALS, natural);
    for (int i = 0; i < NATURALS; i++)
        assert_true(fabs(natural[i] - first[i]) < 1e-6);
    json_t *result = json_load_file("run-tune/result.json", 0, NULL);
    const json_t *hypers = json_object_get(json_object_get(result, "last"), "hypers");
    predict("tune", "natural", "--hyper lam.k=4", NATURALS, natural);
    assert_true(fabs(natural[DROP] - json_number_value(json_object_get(hypers, "lam.drop"))) < 1e-6);
    assert_true(fabs(natural[V1] - json_number_value(json_array_get(json_object_get(hypers, "lam.v"), 1))) < 1e-6);
    assert_true(fabs(natural[C] - json_number_value(json_object_get(hypers, "lam.c"))) < 1e-6 && fabs(natural[C] - 0.5) > 0.01);
    assert_true(natural[K] == 4 && fabs(natural[S] - 0.25) < 1e-6);
    json_decref(result);
}

static void test_values_that_are_chosen(void **state)
{
    (void)state;
    static const char flags[] = "--hyper lam.drop=0.75 --hyper=lam.v=1e-3,20 --hyper lam.k=5 --hyper lam.c=-7.5 --hyper lam.p=40 "
                                "--hyper mu.s=-0.5 --hyper mu.w=0.001";
    static const double chosen[NATURALS] = {0.75, 1e-3, 20, 5, -7.5, 40, -0.5, 0.001};
    double natural[NATURALS];
    static const char *const trains[] = {"tune", "front"};
    for (int t = 0; t < 2; t++) {
        predict(trains[t], "natural", flags, NATURALS, natural);
        for (int i = 0; i < NATURALS; i++)
            assert_true(fabs(natural[i] - chosen[i]) < 1e-5 * fmax(1, fabs(chosen[i])));
    }
}

/* The weights are made from the chosen value: an affine function of it here. */
static void test_weights_follow(void **state)
{
    (void)state;
    double trained = predict_one("tune", "score", "--preference 1,1");
    double at[3] = {predict_one("tune", "score", "--preference 1,1 --hyper lam.c=0"),
                    predict_one("tune", "score", "--preference 1,1 --hyper lam.c=1"),
                    predict_one("tune", "score", "--preference 1,1 --hyper lam.c=2")};
    double raw[6];
    predict("tune", "raw", "", 6, raw);
    assert_true(fabs(at[1] - at[0]) > 1e-3);
    assert_true(fabs(at[2] - 2 * at[1] + at[0]) < 1e-5);
    assert_true(fabs(at[0] + raw[4] * (at[1] - at[0]) - trained) < 1e-5);
    assert_true(predict_one("tune", "kept", "--preference 1,1") == trained);
    /* what is no weight follows, too */
    assert_true(fabs(predict_one("tune", "score", "--preference 1,1 --hyper mu.s=-0.75") - (trained - 1)) < 1e-5);
    /* the other train makes the weights from the preference */
    assert_true(predict_one("front", "score", "--preference 1,1 --hyper lam.c=9") ==
                predict_one("front", "score", "--preference 2,2"));
    assert_true(predict_one("front", "score", "--preference 1,1") != predict_one("front", "score", "--preference r=1,3"));
}

static void test_several_preferences(void **state)
{
    (void)state;
    assert_true(fabs(predict_one("tune", "two", "--preference r=1,3 --preference q=1,1,2") - 5.25) < 1e-5);
    assert_true(fabs(predict_one("front", "two", "--preference q=1,1,2 --preference r=1,3") - 5.25) < 1e-5);
    refused("two", "--preference 1,1", "'two' takes r, q: say which, as in --preference r=1,1");
    refused("two", "--preference r=1,1", "'two' takes the preference 'q': say with --preference its 3 numbers");
    refused("two", "--preference r=1,1 --preference r=1,1", "--preference is given twice");
    refused("two", "--preference s=1,1", "'s' is no preference of 'two', which takes r, q");
    refused("kept", "", "'kept' takes the preference 'r': say with --preference its 2 numbers");
    assert_int_equal(run_command("./front info"), 0);
    assert_true(output_has("export two(x, r, q)\n") && output_has("export score(x, lam, mu, r)\n"));
    refused("raw", "--preference 1,1", "'raw' takes no preference");
}

static void test_wrong_values(void **state)
{
    (void)state;
    refused("raw", "--hyper lam.drop=0", "lam.drop must lie strictly between 0 and 0.9, but 0 does not");
    refused("raw", "--hyper lam.drop=0.9", "lam.drop must lie strictly between 0 and 0.9, but 0.9 does not");
    refused("natural", "--hyper mu.w=2", "mu.w must lie strictly between 0.0001 and 1, but 2 does not");
    refused("raw", "--hyper lam.v=1,-1", "lam.v must be above 0, but -1 is not");
    refused("raw", "--hyper lam.p=0", "lam.p must be above 0, but 0 is not");
    refused("raw", "--hyper lam.k=6", "lam.k must be a whole number from 1 to 5, but 6 is not");
    refused("raw", "--hyper lam.k=1.5", "lam.k must be a whole number from 1 to 5, but 1.5 is not");
    refused("raw", "--hyper lam.c=nan", "--hyper lam.c expects a number, not 'nan'");
    refused("raw", "--hyper lam.c=", "--hyper lam.c expects a number, not ''");
    refused("raw", "--hyper lam.c=1,2", "--hyper lam.c expects a number, not '1,2'");
    refused("raw", "--hyper lam.v=1", "--hyper lam.v expects 2 numbers with commas between them, not '1'");
    refused("raw", "--hyper lam.c=1 --hyper lam.c=2", "--hyper gives lam.c twice");
    refused("raw", "--hyper lam.d=1", "'lam.d' is no hyperparameter of this model, which has lam.drop, lam.v");
    refused("raw", "--hyper lam=1", "'lam' is no hyperparameter of this model");
    refused("raw", "--hyper lam.c", "--hyper expects NAME=VALUE, such as lam.drop=0.2, not 'lam.c'");
    refused("raw", "--hyper mu.s=0", "'raw' keeps mu.s as it was trained");
    assert_int_equal(run_command("./tune predict --weights run-tune/last.safetensors --export raw --hyper"), 2);
    assert_int_equal(run_command("./tune eval --weights run-tune/last.safetensors --hyper lam.c=1"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_that_are_kept), cmocka_unit_test(test_values_that_are_chosen),
        cmocka_unit_test(test_weights_follow),       cmocka_unit_test(test_several_preferences),
        cmocka_unit_test(test_wrong_values),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
