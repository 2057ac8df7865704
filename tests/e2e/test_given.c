/* Weights at given values of conditions, and mapping along an axis: values against the same networks written out, gradients of
 * everything against differences, what exports take, and what the program does not compute. */
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

/* siren is a network of 2, 6 and 1 units whose 25 weights gen makes; by_hand computes the same from the vector of the weights. */
static const char declarations[] = "data t = csv(\"t.csv\") {\n"
                                   "  fields x = numbers(a, b)\n"
                                   "         y = y\n"
                                   "         user = class(user)\n"
                                   "  split train 12, valid 8\n"
                                   "}\n"
                                   "given z[3]\n"
                                   "given s[1]\n"
                                   "member k[4] embed 2\n"
                                   "preference r[2]\n"
                                   "hyper lam { scale: real = 0.5; decay: range(0, 2) = 0.5 }\n"
                                   "net gen(z: f32[3]) -> f32[25] { return linear(tanh(linear(z, 5)), 25) }\n"
                                   "net siren(p: f32[2]) -> f32 { return sum(linear(sin(linear(p, 6)), 1)) }\n"
                                   "net ensemble(p: f32[2]) -> f32[2] { return linear(tanh(linear(p, 4)), 2) }\n"
                                   "net chosen(p: f32[2]) -> f32 { return sum(linear(tanh(linear(p, 3)), 1)) * lam.scale }\n"
                                   "net codes(user: class[v]) -> f32[3] { return embedding(user, 3) }\n"
                                   "net plain(p: f32[2]) -> f32 { return sum(linear(tanh(linear(p, 3)), 1)) }\n"
                                   "net table() -> f32[3, 2] {\n"
                                   "  weight w: f32[3, 2] ~ normal(1)\n"
                                   "  return w\n"
                                   "}\n"
                                   "net other(r: f32[2]) -> f32[n] { return linear(r, n) }\n"
                                   "layer both(a: f32, b: f32[n]) -> f32[n], f32 { return a * b, sum(b) }\n"
                                   "layer by_hand(w: f32[n], p: f32[2]) -> f32 {\n"
                                   "  h = sin(reshape(w[0:12], [6, 2]) @ p + w[12:18])\n"
                                   "  return sum(w[18:24] * h) + w[24]\n"
                                   "}\n"
                                   "weights siren = dense(gen(z))\n"
                                   "weights ensemble = stn(k)\n"
                                   "weights chosen = free + dense(other(r)) + lowrank(other(lam), rank: 1)\n";

static void write_model(const char *rest)
{
    FILE *file = fopen("m.hn", "w");
    assert_non_null(file);
    fprintf(file, "%s%s", declarations, rest);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    FILE *file = fopen("t.csv", "w");
    fprintf(file, "a,b,y,user\n");
    for (int i = 0; i < 20; i++)
        fprintf(file, "%.3f,%.3f,%.3f,%c\n", sin(i), cos(2 * i), sin(3 * i), 'a' + i % 3);
    return fclose(file);
}

static int tear_down(void **state)
{
    (void)state;
    leave_folder();
    return 0;
}

/* The figure at the end of the run in "run", which is removed. */
static double run_figure(const char *name)
{
    run_command("rm -rf run");
    int status =
        run_command("'%s/hnc' build --float=f64 m.hn --data . -o m && ./m train --data . --out run --quiet", HNC_BINARY_DIR);
    if (status != 0)
        fail_msg("exit status %d\n%s", status, command_output());
    size_t size;
    char *log = read_file("run/metrics.jsonl", &size);
    assert_non_null(log);
    while (size && log[size - 1] == '\n')
        log[--size] = 0;
    char *line = strrchr(log, '\n');
    json_t *event = json_loads(line ? line + 1 : log, 0, NULL), *figure = json_object_get(event, name);
    if (!json_is_number(figure))
        fail_msg("no figure '%s' in %s", name, line ? line + 1 : log);
    double number = json_number_value(figure);
    json_decref(event);
    free(log);
    return number;
}

/* Differences that must vanish, each an expression of the example d. `apart` is a figure that must not. */
static const char *const equal[] = {
    /* two values in one function */
    "(siren(d.x) given z = codes(d.user)) - by_hand(gen(codes(d.user)), d.x)",
    "(siren(d.x) given z = [1, 2, 3]) - (siren(d.x) given z = codes(d.user)) - by_hand(gen([1, 2, 3]), d.x) + "
    "by_hand(gen(codes(d.user)), d.x)",
    /* the value is evaluated outside; the inner one counts */
    "((siren(d.x) given z = 2 * z) given z = [0.5, 0.25, 1]) - by_hand(gen([1, 0.5, 2]), d.x)",
    "((siren(d.x) + z[0] given z = [0.1, 0.2, 0.3])) - by_hand(gen([0.1, 0.2, 0.3]), d.x) - 0.1",
    "(dot(z, z) * siren.linear1.b[0] given z = [1, 1, 1]) - 3 * gen([1, 1, 1])[12]",
    "(sumsq(siren) given z = codes(d.user)) - sumsq(gen(codes(d.user)))",
    /* an index of a member, by a number, a label and another member */
    "mean(ensemble(d.x) over k) - ((ensemble(d.x) given k = 0) + (ensemble(d.x) given k = 1) + (ensemble(d.x) given k = 2) + "
    "(ensemble(d.x) given k = 3)) / 4",
    "max(ensemble(d.x) over k) - max(max((ensemble(d.x) given k = 0), (ensemble(d.x) given k = 1)), max((ensemble(d.x) given k = "
    "2), "
    "(ensemble(d.x) given k = 3)))",
    "sum(stack(2 * ensemble(d.x) over k)[1:4], axis: 0) / 2 - (ensemble(d.x) given k = 2) - (ensemble(d.x) given k = 1) - "
    "(ensemble(d.x) given k = 3)",
    "stack(sum(ensemble(d.x)) over k)[argmin(sum(ensemble(d.x)) over k)] - min(sum(ensemble(d.x)) over k)",
    "(ensemble(d.x) given k = i32(d.user)) - where(d.user == 0, (ensemble(d.x) given k = 0), where(d.user == 1, (ensemble(d.x) "
    "given "
    "k = 1), (ensemble(d.x) given k = 2)))",
    /* each: entries of one and of two tensors, invariant and varying weights, nested */
    "(dot(ones([3]), each(p in table()) siren(p) * 2) given z = codes(d.user)) - 2 * (by_hand(gen(codes(d.user)), table()[0]) + "
    "by_hand(gen(codes(d.user)), table()[1]) + by_hand(gen(codes(d.user)), table()[2]))",
    "sum(each(c in stack(codes(d.user), 2 * codes(d.user)), p in stack(d.x, d.x + 1)) { siren(p) given z = c }, axis: 0) - "
    "by_hand(gen(codes(d.user)), d.x) - by_hand(gen(2 * codes(d.user)), d.x + 1)",
    "sum(each(c in stack(codes(d.user), 2 * codes(d.user))) each(p in table()) { siren(p) + plain(p) given z = c }, axis: [0, "
    "1]) - "
    "sum(each(p in table()) { by_hand(gen(codes(d.user)), p) + by_hand(gen(2 * codes(d.user)), p) + 2 * plain(p) }, axis: 0)",
    "each(p in table()) { q = p * 2; u, v = both(q[0], d.x); u + v } - stack(both_of(table()[0], d.x), both_of(table()[1], d.x), "
    "both_of(table()[2], d.x))",
    "each(i in [1, 2]) { onehot(i32(i), 4)[1:] } - [[1, 0, 0], [0, 1, 0]]",
    "each(row in [[3, 1], [1, 2]]) { [1, 5][argmax(row)] } - [1, 5]",
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
        char text[2048];
        snprintf(text, sizeof text,
                 "layer both_of(p: f32[2], b: f32[n]) -> f32[n] {\n  a, c = both(2 * p[0], b)\n  return a + c\n}\n"
                 "objective fit(d) = mean(square((siren(d.x) given z = codes(d.user)) - d.y)) + "
                 "mean(mean(square(ensemble(d.x) - d.y) over k)) + sumsq(table) / 10 + mean(square(plain(d.x) - d.y))\n"
                 "objective apart(d) = mean(abs(%s))\n"
                 "train go = fit { minimise fit(t.train) by adam(1e-2); batch 6; epochs 3; report apart(t.valid) }\n",
                 equal[i]);
        write_model(text);
        double apart = run_figure("apart(t.valid)");
        if (!(apart < 1e-12))
            fail_msg("%s: apart by %g", equal[i], apart);
    }
}

static void test_gradients(void **state)
{
    (void)state;
    write_model("objective fit(d) = mean(square((siren(d.x) given z = codes(d.user)) - d.y) + square(siren(d.x * 2) given z = "
                "normal([3]))) "
                "+ mean(mean(square(softmax(ensemble(d.x)) - 0.3) over k)) + mean(e) + mean(square(f)) with\n"
                "  e = each(p in table(), c in normal([3, 3])) { u, v = both(p[0], p); v * (siren(u) given z = c) },\n"
                "  f = each(c in stack(codes(d.user), [1, 2, 3])) each(p in table()) { siren(p * uniform([2])) given z = c }\n"
                "objective choice(d) = mean(square((chosen(d.x) given r = [d.x[0], 0.5], lam = lam * 2) - d.y)) + "
                "mean(square(chosen(d.x) given r = [0.25, 0.75]))\n"
                "train go = fit { minimise fit(t.train) + choice(t.train) by adam(1e-2); batch 6; epochs 1 }\n"
                "train tune = bilevel(lam) {\n"
                "  lower choice(t.train) + fit(t.train) by adam(1e-2)\n"
                "  upper choice(t.valid) by adam(1e-2)\n"
                "  sample normal(scale: 0.5)\n"
                "  batch 6\n"
                "  epochs 1\n"
                "}\n");
    for (int i = 0; i < 2; i++) {
        int status = run_command("'%s/hnc' check --gradients m.hn --data . --train %s", HNC_BINARY_DIR, i ? "tune" : "go");
        if (status != 0)
            fail_msg("%s", command_output());
    }
}

/* Random numbers differ between the entries of `each`, and between the examples of a batch. */
static void test_random_numbers(void **state)
{
    (void)state;
    write_model("objective fit(d) = mean(square(plain(d.x) - d.y))\n"
                "objective spread(d) = mean(var(each(p in zeros([50])) { normal() + p }, axis: 0))\n"
                "train go = fit { minimise fit(t.train) by adam(1e-2); batch 6; epochs 1; report spread(t.valid) }\n");
    double spread = run_figure("spread(t.valid)");
    assert_true(spread > 0.6 && spread < 1.5);
}

/* Whether the step of the train holds the text. */
static bool step_has(const char *text)
{
    size_t size;
    char *ir = read_file("m.ir", &size);
    assert_non_null(ir);
    char *step = strstr(ir, "func @go.minimise(");
    assert_non_null(step);
    char *end = strstr(step, "\n}");
    assert_non_null(end);
    *end = 0;
    bool found = strstr(step, text) != NULL;
    free(ir);
    return found;
}

/* A value that the weights do not depend on is not computed; a batch of values is one product. */
static void test_cost(void **state)
{
    (void)state;
    write_model("objective fit(d) = mean(square((plain(d.x) given z = normal([3]), k = i32(d.user)) - d.y))\n"
                "train go = fit { minimise fit(t.train) by adam(1e-2); batch 6; epochs 1 }\n");
    assert_int_equal(run_command("'%s/hnc' build --emit=ir m.hn --data . -o m", HNC_BINARY_DIR), 0);
    assert_false(step_has("stream"));
    assert_false(step_has("t.user"));
    write_model("objective fit(d) = mean(square((siren(d.x) given z = codes(d.user)) - d.y))\n"
                "train go = fit { minimise fit(t.train) by adam(1e-2); batch 6; epochs 1 }\n");
    assert_int_equal(run_command("'%s/hnc' explain --plan m.hn --data .", HNC_BINARY_DIR), 0);
    assert_true(output_has("product 6 x 25 x 5"));
    assert_true(output_has("3 numbers, given where it is used"));
}

static void test_exports(void **state)
{
    (void)state;
    write_model(
        "objective fit(d) = mean(square((siren(d.x) given z = codes(d.user)) - d.y)) + mean(mean(square(ensemble(d.x)) over k))\n"
        "train go = fit { minimise fit(t.train) by adam(1e-2); batch 6; epochs 1 }\n"
        "export at(x, z) = siren(x)\n"
        "export same(x) = siren(x) given z = [1, 2, 3]\n"
        "export user(x, user) = siren(x) given z = codes(user)\n"
        "export one(x, k) = ensemble(x)\n"
        "export all(x) = sum(ensemble(x) over k)\n");
    if (run_command("rm -rf run && '%s/hnc' build m.hn --data . -o m && ./m train --data . --out run --quiet", HNC_BINARY_DIR) !=
        0)
        fail_msg("%s", command_output());
    must_run("./m predict t.csv --weights run/last.safetensors --export at --given 1,2,3 > at.csv");
    must_run("./m predict t.csv --weights run/last.safetensors --export same > same.csv");
    must_run("tail -n +2 at.csv > a; tail -n +2 same.csv > b; cmp a b");
    must_run("./m predict t.csv --weights run/last.safetensors --export user && ./m predict t.csv --weights run/last.safetensors "
             "--export one --member 3 && ./m predict t.csv --weights run/last.safetensors --export all");
    assert_int_equal(run_command("./m predict t.csv --weights run/last.safetensors --export at"), 1);
    assert_true(output_has("'at' takes the given 'z': say with --given its 3 numbers"));
    assert_int_equal(run_command("./m predict t.csv --weights run/last.safetensors --export at --given 1,2"), 1);
    assert_true(output_has("--given expects 3 numbers with commas between them, not '1,2'"));
    assert_int_equal(run_command("./m predict t.csv --weights run/last.safetensors --export one --member 4"), 1);
    assert_int_equal(run_command("./m predict t.csv --weights run/last.safetensors --export one --member 0.5"), 1);
    assert_int_equal(run_command("./m predict t.csv --weights run/last.safetensors --export one --member k=-1"), 1);
    assert_int_equal(run_command("./m predict t.csv --weights run/last.safetensors --export same --given 1"), 1);
    assert_true(output_has("'same' takes no given: leave --given out"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_gradients),
                                       cmocka_unit_test(test_random_numbers), cmocka_unit_test(test_cost),
                                       cmocka_unit_test(test_exports)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
