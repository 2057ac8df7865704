/* Convolutions by fewer multiplications: values stay, whichever way images lie and windows are read, and where the maps would
 * cost more than they save nothing changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/passes/kit.h"

typedef struct Shape {
    int batch, channels, others, height, width; /* of sums */
    int kernel, step;
    int dilations[2];
    bool channels_last, gradient;
} Shape;

/* The image's axes: where each is. */
static void image_axes(const Shape *s, int *channel, int *y, int *x)
{
    *channel = s->channels_last ? 3 : 1;
    *y = s->channels_last ? 1 : 2;
    *x = *y + 1;
}

static Value windows_of_image(Bench *bench, const Shape *s)
{
    int height = (s->height - 1) * s->step + s->kernel, width = (s->width - 1) * s->step + s->kernel, channel, y, x;
    Value image = s->channels_last ? bench_input(bench, 4, s->batch, height, width, s->channels)
                                   : bench_input(bench, 4, s->batch, s->channels, height, width);
    image_axes(s, &channel, &y, &x);
    Windows windows = {dims_of(2, y, x), dims_of(2, s->kernel, s->kernel), dims_of(2, s->step, s->step),
                       dims_of(2, s->dilations[0], s->dilations[1])};
    return build_window(&bench->b, image, windows);
}

static Value build_convolution(Bench *bench, const Shape *s)
{
    int channel, y, x;
    image_axes(s, &channel, &y, &x);
    Value windows = windows_of_image(bench, s);
    if (s->gradient) {
        Value g = bench_input(bench, 4, s->batch, s->others, s->height, s->width);
        return build_dot(&bench->b, g, windows, dims_of(3, 0, 2, 3), dims_of(3, 0, y, x), (Dims){0}, (Dims){0});
    }
    Value kernel = bench_input(bench, 4, s->channels, s->kernel, s->others, s->kernel);
    return build_dot(&bench->b, kernel, windows, dims_of(3, 3, 0, 1), dims_of(3, 5, channel, 4), (Dims){0}, (Dims){0});
}

/* Whether the pass changes the convolution of that shape; whose values it must keep. */
static bool changes(const Shape *s)
{
    Bench bench = bench_new();
    Function *f = bench.function;
    build_output(&bench.b, "sums", build_convolution(&bench, s));
    Tensor *inputs = random_inputs(f, -1, 1, 3), *before = run(&bench, f, inputs, NULL);
    pass_winograd(bench.module, f);
    pass_dce(bench.module, f);
    assert_verifies(&bench, f);
    Tensor *after = run(&bench, f, inputs, NULL);
    assert_true(type_equal(after[0].type, before[0].type));
    assert_true(difference(&after[0], &before[0]) < 1e-13);
    bool changed = count_ops(f, OP_CONCAT) > 0;
    interpret_free_outputs(f, before);
    interpret_free_outputs(f, after);
    free_inputs(f, inputs);
    bench_free(&bench);
    return changed;
}

static void values_stay(void **state)
{
    (void)state;
    for (int way = 0; way < 32; way++) {
        Shape s = {.batch = 8, .channels = 32, .others = 40, .height = 12, .width = 12, .kernel = 3, .step = 1};
        s.dilations[0] = way & 1 ? -1 : 1;
        s.dilations[1] = way & 2 ? -1 : 1;
        s.channels_last = way & 4;
        s.gradient = way & 8;
        s.height -= way & 16 ? 1 : 0; /* tiles that are not full */
        s.width -= way & 16 ? 2 : 0;
        assert_true(changes(&s));
    }
}

static void what_does_not_pay_stays(void **state)
{
    (void)state;
    const Shape fits = {
        .batch = 8, .channels = 32, .others = 32, .height = 12, .width = 12, .kernel = 3, .step = 1, .dilations = {1, 1}};
    assert_true(changes(&fits));
    Shape s = fits;
    s.channels = 31;
    assert_false(changes(&s));
    s = fits;
    s.batch = 7; /* 63 tiles */
    assert_false(changes(&s));
    s = fits;
    s.height = s.width = 2; /* of 4 x 4 */
    s.batch = 64;
    assert_false(changes(&s));
    s = fits;
    s.kernel = 2;
    assert_false(changes(&s));
    s = fits;
    s.step = 2;
    assert_false(changes(&s));
    s = fits;
    s.dilations[1] = 2;
    s.width -= 2;
    assert_false(changes(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stay),
        cmocka_unit_test(what_does_not_pay_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
