/* Metrics beside the objectives of a front: measured at every ray, written per ray, and remembered where each ray has a net. */
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

enum { RAYS = 3 };

/* sample, epochs */
static const char model[] = "data short = rows(200)\n"
                            "data long = rows(300)\n"
                            "preference r[2]\n"
                            "net point(r: f32[2]) -> f32 { return sum(linear(tanh(linear(r, 10)), 1)) }\n"
                            "objective below(d) = square(point(r) + 1)\n"
                            "objective above(d) = square(point(r) - 1)\n"
                            "objective place(d) = point(r)\n"
                            "train t = pareto(r) {\n"
                            "  minimise below, above on short.train by adam(1e-2)\n"
                            "  solver linear\n"
                            "  sample %s\n"
                            "  rays   [1, 0], [1, 1], [0.1, 0.9]\n"
                            "  report place, hypervolume(ref: 4), below(long.train) / 2, uniformity, r[0] on short.train\n"
                            "  batch  1\n"
                            "  epochs %d\n"
                            "}\n";
static const double first_entries[RAYS] = {1, 0.5, 0.1};

static void build(const char *sample, int epochs)
{
    char text[2048];
    snprintf(text, sizeof text, model, sample, epochs);
    write_file("toy.hn", text, strlen(text));
    must_run("rm -rf run");
    if (run_command("'%s/hnc' build -W error toy.hn", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
}

static double at(const json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

/* The metrics say of each point what its objectives do. */
static void check_metrics(const json_t *metrics, const json_t *points)
{
    const json_t *place = json_object_get(metrics, "place(short.train)"),
                 *half = json_object_get(metrics, "below(long.train) / 2"), *entry = json_object_get(metrics, "r[0]");
    assert_int_equal(json_array_size(place), RAYS);
    assert_int_equal(json_array_size(half), RAYS);
    assert_int_equal(json_array_size(entry), RAYS);
    for (size_t ray = 0; ray < RAYS; ray++) {
        double x = at(place, ray);
        assert_true(fabs(at(json_array_get(points, ray), 0) - (x + 1) * (x + 1)) < 1e-5);
        assert_true(fabs(at(json_array_get(points, ray), 1) - (x - 1) * (x - 1)) < 1e-5);
        assert_true(fabs(at(half, ray) - (x + 1) * (x + 1) / 2) < 1e-5);
        assert_true(fabs(at(entry, ray) - first_entries[ray]) < 1e-6);
    }
    assert_true(at(place, 0) < at(place, 1) - 0.2 && at(place, 1) < at(place, 2) - 0.2);
}

static void check_run(void)
{
    json_t *front = json_load_file("run/front.json", 0, NULL), *result = json_load_file("run/result.json", 0, NULL);
    check_metrics(json_object_get(front, "metrics"), json_object_get(front, "points"));
    check_metrics(json_object_get(json_object_get(result, "last"), "metrics"), json_object_get(front, "points"));
    assert_true(json_equal(front, json_object_get(result, "front")));
    json_decref(front);
    json_decref(result);
}

static void test_one_net_for_all_rays(void **state)
{
    (void)state;
    build("uniform", 20);
    must_run("./toy train --out run --quiet");
    check_run();
    must_run("./toy eval --weights run/last.safetensors --json > eval.json");
    json_t *front = json_load_file("run/front.json", 0, NULL), *evaluated = json_load_file("eval.json", 0, NULL);
    assert_true(json_equal(json_object_get(front, "metrics"), json_object_get(evaluated, "metrics")));
    must_run("./toy eval --weights run/last.safetensors");
    char line[128];
    const json_t *place = json_object_get(json_object_get(front, "metrics"), "place(short.train)");
    snprintf(line, sizeof line, "place(short.train) %.6g %.6g %.6g\n", at(place, 0), at(place, 1), at(place, 2));
    assert_true(output_has(line));
    json_decref(front);
    json_decref(evaluated);
}

/* The results of the nets before are part of the checkpoint. */
static void test_one_net_per_ray(void **state)
{
    (void)state;
    build("each", 200);
    must_run("./toy train --out run --quiet && cp -r run whole");
    check_run();
    must_run("./toy eval --weights run/ray-002.safetensors");
    assert_true(output_has("r[0] 0.5\n"));
    must_run("rm -r run; for i in 1 2 3 4 5 6; do timeout -s TERM 0.05 ./toy train --out run --resume --quiet; done; "
             "./toy train --out run --resume --quiet && cmp run/front.json whole/front.json && "
             "cmp run/last.safetensors whole/last.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_net_for_all_rays),
        cmocka_unit_test(test_one_net_per_ray),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
