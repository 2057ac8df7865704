/* Nets that take the preference as an input and have weights of their own (COSMOS): the losses depend on the preference, and no
 * weights do. The losses (x + 1)^2 and (x - 1)^2, weighted by r, are least at x = r2 - r1. */
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

/* solver, sample, epochs */
static const char model[] = "data nothing = rows(200)\n"
                            "data numbers = npy(\"numbers.npy\") { fields unused: f32 }\n"
                            "preference r[2]\n"
                            "net point(r: f32[2]) -> f32 { return sum(linear(tanh(linear(r, 10)), 1)) }\n"
                            "objective below(d) = square(point(r) + 1)\n"
                            "objective above(d) = square(point(r) - 1)\n"
                            "train t = pareto(r) {\n"
                            "  minimise below, above on nothing.train by adam(1e-2, cosine)\n"
                            "  solver %s\n"
                            "  sample %s\n"
                            "  rays   [1, 0], [3, 1], [1, 1], [0.1, 0.9]\n"
                            "  report hypervolume(ref: 4) on nothing.train\n"
                            "  batch  1\n"
                            "  epochs %d\n"
                            "}\n"
                            "export where_to(unused: f32, r) = point(r) + 0 * unused\n";
static const double wanted[] = {-1, -0.5, 0, 0.8};

static void train(const char *solver, const char *sample, int epochs)
{
    char text[2048];
    snprintf(text, sizeof text, model, solver, sample, epochs);
    write_file("toy.hn", text, strlen(text));
    must_run("rm -rf run");
    if (run_command("'%s/hnc' build -W error toy.hn", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    must_run("./toy train --data . --out run --quiet");
}

/* One number, as numpy.save writes it. */
static void write_number(void)
{
    unsigned char file[128 + 4] = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
    size_t length = strlen("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }");
    memset(file + 10 + length, ' ', 117 - length);
    file[127] = '\n';
    memset(file + 128, 0, 4);
    write_file("numbers.npy", file, sizeof file);
}

static double loss_at(const json_t *front, size_t ray, size_t objective)
{
    return json_number_value(json_array_get(json_array_get(json_object_get(front, "points"), ray), objective));
}

static void test_one_net_for_all_rays(void **state)
{
    (void)state;
    write_number();
    train("linear", "dirichlet(1)", 40);
    json_t *front = json_load_file("run/front.json", 0, NULL);
    for (size_t ray = 0; ray < 4; ray++) {
        double x = wanted[ray];
        assert_true(fabs(sqrt(loss_at(front, ray, 0)) - 1 - x) < 0.05);
        assert_true(fabs(1 - sqrt(loss_at(front, ray, 1)) - x) < 0.05);
    }
    json_decref(front);
    must_run("./toy predict --weights run/last.safetensors --preference 3,1 numbers.npy");
    const char *line = strstr(command_output(), "\n1,");
    assert_non_null(line);
    assert_true(fabs(strtod(line + 3, NULL) + 0.5) < 0.02);
    if (run_command("'%s/hnc' check --gradients toy.hn", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
}

/* Several rays in one step: the net is called at each. */
static void test_several_rays_per_step(void **state)
{
    (void)state;
    train("hvi(points: 8, lambda: 5)", "uniform", 20);
    json_t *front = json_load_file("run/front.json", 0, NULL);
    for (size_t ray = 1; ray < 4; ray++)
        assert_true(loss_at(front, ray, 0) > loss_at(front, ray - 1, 0) + 0.2);
    assert_true(json_number_value(json_object_get(front, "hypervolume")) > 11.5);
    json_decref(front);
}

/* A net per ray that also sees its ray. */
static void test_one_net_per_ray(void **state)
{
    (void)state;
    train("linear", "each", 5);
    json_t *front = json_load_file("run/front.json", 0, NULL);
    for (size_t ray = 0; ray < 4; ray++)
        assert_true(fabs(loss_at(front, ray, 0) - (wanted[ray] + 1) * (wanted[ray] + 1)) < 0.01);
    json_decref(front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_net_for_all_rays),
        cmocka_unit_test(test_several_rays_per_step),
        cmocka_unit_test(test_one_net_per_ray),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
