/* Schedules of hyperparameters that are replayed: each step takes the values of the schedule, by a sum that is known; runs go on
 * to equal bits; logs of other runs and files that are none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/e2e/ridge.h"
#include "tests/runtime/run_command.h"

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

/* A step subtracts a from w, and an epoch is one step. */
static const char falling[] = "data nothing = rows(4)\n"
                              "hyper lam { a: log = 0.1; b: range(0, 1)[2] = 0.5 }\n"
                              "net p() -> f32 { weight w: f32 = 0; return w }\n"
                              "objective down(e) = lam.a * p() + lam.b[0] * 0\n"
                              "objective value(e) = p() + lam.b[1] * 0\n"
                              "train go = replay(lam) {\n"
                              "  minimise down(nothing.train) by sgd(1)\n"
                              "  batch 4\n"
                              "  epochs 40\n"
                              "  report value(nothing.train)\n"
                              "}\n";

static const char schedule[] = "{\"event\": \"begin\"}\n"
                               "{\"event\": \"epoch\", \"epoch\": 10, \"lam.a\": 1, \"lam.b\": [0.5, 0.5], \"loss\": 1}\n"
                               "{\"event\": \"epoch\", \"epoch\": 25, \"lam.a\": 0.01, \"lam.b\": [0, 1]}\n";

/* The logarithm goes straight from one evaluation to the next, and stays behind the last one. */
static double scheduled(double step, double first)
{
    double share = step < 10 ? step / 10 : step < 25 ? (step - 10) / 15 : 1;
    double from = step < 10 ? first : 1, to = step < 10 ? 1 : 0.01;
    return exp(log(from) + share * (log(to) - log(from)));
}

static void build(const char *model)
{
    write_text("m.hn", model);
    must_run("'%s/hnc' build --float=f64 m.hn -o m", HNC_BINARY_DIR);
}

static void train(const char *file, const char *run)
{
    must_run("./m train --schedule %s --out %s --quiet && tail -n 1 %s/metrics.jsonl > last.json", file, run, run);
}

static void test_each_step_has_its_values(void **state)
{
    (void)state;
    double sum = 0, other = 0;
    build(falling);
    write_text("s.jsonl", schedule);
    train("s.jsonl", "run");
    for (int step = 0; step < 40; step++)
        sum += scheduled(step, 0.1);
    assert_true(fabs(last("value(nothing.train)") + sum) < 1e-12);
    assert_true(fabs(last("lam.a") - 0.01) < 1e-15);
    must_run("(echo '{\"event\": \"epoch\", \"epoch\": 0, \"lam.a\": 5, \"lam.b\": [0.1, 0.9]}'; cat s.jsonl) > zero.jsonl");
    train("zero.jsonl", "other");
    for (int step = 0; step < 40; step++)
        other += scheduled(step, 5);
    assert_true(fabs(last("value(nothing.train)") + other) < 1e-12);
}

static void test_goes_on_to_equal_bits(void **state)
{
    (void)state;
    build(falling);
    write_text("s.jsonl", schedule);
    train("s.jsonl", "run");
    must_run("./m train --schedule s.jsonl --out part --quiet --epochs 17 && ./m train --out part --quiet --epochs 40 --resume");
    assert_true(same_files("run/last.safetensors", "part/last.safetensors"));
}

/* The log of a run that tuned them, scales of samples and all. Rates of optimizers may be replayed, too. */
static void test_log_of_another_run(void **state)
{
    (void)state;
    static const char tuned[] = "data d = csv(\"d.csv\") {\n"
                                "  fields x = numbers(a, b, c), y = numbers(t)\n"
                                "  split train 40, valid 20\n"
                                "}\n"
                                "hyper lam { decay: log(1e-4, 1) = 0.1 shared; rate: range(0, 1) = 0.1 }\n"
                                "net f(x: f32[3]) -> f32[1] { return linear(x, 1) }\n"
                                "objective fit(e) = mean(square(f(e.x) - e.y)) + 0 * lam.rate\n"
                                "train tune = bilevel(lam) {\n"
                                "  weights f = stn(lam)\n"
                                "  lower fit(d.train) + lam.decay * sumsq(f) by adam(1e-2)\n"
                                "  upper fit(d.valid) by adam(0.1)\n"
                                "  sample normal(scale: 0.5) by adam(1e-2)\n"
                                "  batch 10, 20\n"
                                "  epochs 8\n"
                                "}\n"
                                "train again = replay(lam) {\n"
                                "  minimise fit(d.train) + lam.decay * sumsq(f) by sgd(lam.rate / 10)\n"
                                "  validate fit(d.valid)\n"
                                "  batch 10\n"
                                "  epochs 12\n"
                                "}\n";
    ridge_problem();
    build(tuned);
    must_run("./m train --out tuned --quiet && tail -n 1 tuned/metrics.jsonl > last.json");
    double decay = last("lam.decay"), rate = last("lam.rate");
    must_run("'%s/hnc' build --float=f64 m.hn --train again -o m", HNC_BINARY_DIR);
    train("tuned/metrics.jsonl", "again");
    assert_true(fabs(last("lam.decay") / decay - 1) < 1e-12 && fabs(last("lam.rate") / rate - 1) < 1e-12);
    assert_true(decay != 0.1 && number("again/result.json", "epochs") == 12);
}

static void refused(const char *text, const char *why)
{
    write_text("bad.jsonl", text);
    assert_int_equal(run_command("./m train --schedule bad.jsonl --out bad --quiet"), 1);
    if (!output_has(why))
        fail_msg("%s is not in: %s", why, command_output());
}

static void test_files_that_are_no_schedule(void **state)
{
    (void)state;
    build(falling);
    refused("", "bad.jsonl has no evaluation");
    refused("{\"event\": \"begin\"}\n", "bad.jsonl has no evaluation");
    refused("{\"event\": \"epoch\", \"epoch\": 1, \"lam.b\": [0.5, 0.5]}\n", "bad.jsonl:1: lam.a is missing");
    refused("{\"event\": \"epoch\", \"epoch\": 1, \"lam.a\": -1, \"lam.b\": [0.5, 0.5]}\n",
            "bad.jsonl:1: lam.a is out of its bounds");
    refused("{\"event\": \"epoch\", \"epoch\": 1, \"lam.a\": null, \"lam.b\": [0.5, 0.5]}\n",
            "bad.jsonl:1: lam.a is not a number");
    refused("{\"event\": \"epoch\", \"epoch\": 1, \"lam.a\": 1, \"lam.b\": [0.5]}\n",
            "lam.b has another number of values in the model");
    refused("{\"event\": \"epoch\", \"lam.a\": 1, \"lam.b\": [0.5, 0.5]}\n", "bad.jsonl:1: the event has no epoch");
    refused("{\"event\": \"epoch\", \"epoch\": 2, \"lam.a\": 1, \"lam.b\": [0.5, 0.5]}\n"
            "{\"event\": \"epoch\", \"epoch\": 1, \"lam.a\": 1, \"lam.b\": [0.5, 0.5]}\n",
            "bad.jsonl:2: epochs do not increase");
    refused("{\"event\": \"epoch\", \"epoch\": 1, \"lam.a\": 1, \"lam.b\": [0.5, 0.\n", "bad.jsonl:1: ");
    must_run("i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo \"{\\\"event\\\": \\\"epoch\\\", \\\"epoch\\\": $i, \\\"lam.a\\\": "
             "1, \\\"lam.b\\\": [1, "
             "0]}\"; done > long.jsonl");
    assert_int_equal(run_command("./m train --schedule long.jsonl --out bad --quiet"), 1);
    assert_true(output_has("long.jsonl has more than 4094 evaluations"));
    assert_int_equal(run_command("./m train --schedule none.jsonl --out bad --quiet"), 1);
    assert_true(output_has("none.jsonl: No such file"));
    assert_int_equal(run_command("./m train --out bad --quiet"), 1);
    assert_true(output_has("name its file by --schedule"));
    write_text("s.jsonl", schedule);
    train("s.jsonl", "run");
    assert_int_equal(run_command("./m train --schedule s.jsonl --out run --resume"), 1);
    assert_true(output_has("--schedule is for a run that begins"));
    must_run("sed -i 's/replay(lam)/fit/' m.hn && '%s/hnc' build m.hn -o plain", HNC_BINARY_DIR);
    assert_int_equal(run_command("./plain train --schedule s.jsonl --out bad"), 1);
    assert_true(output_has("--schedule is for a train that replays one"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_step_has_its_values, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_to_equal_bits, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_log_of_another_run, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_are_no_schedule, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
