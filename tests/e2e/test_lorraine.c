/* Lorraine & Duvenaud's one-dimensional experiment against its exact solution: a linear model of ten MNIST images with squared
 * weight decay is ridge regression, so the best decay for the validation images follows from ten equations. Needs MNIST: the
 * folder is in HNC_MNIST, else beside the source tree; without it the tests are skipped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "tests/runtime/run_command.h"

enum { PIXELS = 784, CLASSES = 10, TRAIN = 10, VALID = 10000 };

static const char *data_folder = HNC_SOURCE_DIR "/../shared/data/mnist";
static unsigned char images[TRAIN + VALID][PIXELS], labels[TRAIN + VALID];

/* The validation loss of the weights alpha^T X of the training images X, as a quadratic form:
 * (sum of alpha . gram alpha - 2 alpha . cross, plus one for each one-hot target) * 50 / (VALID * CLASSES). */
static double kernel[TRAIN][TRAIN]; /* products of training images; a constant 1 stands for the bias */
static double gram[TRAIN][TRAIN];   /* sum over validation images of the outer products of their products with training images */
static double cross[TRAIN][CLASSES];
static double best_decay, best_loss;

static bool read_rows(const char *name, int header, void *rows, int bytes)
{
    char path[4096], skipped[16];
    snprintf(path, sizeof path, "%s/%s", data_folder, name);
    gzFile file = gzopen(path, "rb");
    bool fine = file && gzread(file, skipped, (unsigned)header) == header && gzread(file, rows, (unsigned)bytes) == bytes;
    if (file)
        gzclose(file);
    return fine;
}

static double product(const unsigned char *x, const unsigned char *y)
{
    double sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += (double)x[i] * y[i];
    return sum / (255.0 * 255.0) + 1;
}

static void prepare(void)
{
    for (int i = 0; i < TRAIN; i++)
        for (int j = 0; j < TRAIN; j++)
            kernel[i][j] = product(images[i], images[j]);
    for (int row = TRAIN; row < TRAIN + VALID; row++) {
        double products[TRAIN];
        for (int i = 0; i < TRAIN; i++)
            products[i] = product(images[row], images[i]);
        for (int i = 0; i < TRAIN; i++) {
            for (int j = 0; j < TRAIN; j++)
                gram[i][j] += products[i] * products[j];
            cross[i][labels[row]] += products[i];
        }
    }
}

/* x = A^-1 x for a positive definite A, by Gauss's elimination; A is spent. */
static void solve(double a[TRAIN][TRAIN], double x[TRAIN])
{
    for (int k = 0; k < TRAIN; k++)
        for (int i = k + 1; i < TRAIN; i++) {
            double factor = a[i][k] / a[k][k];
            for (int j = k; j < TRAIN; j++)
                a[i][j] -= factor * a[k][j];
            x[i] -= factor * x[k];
        }
    for (int i = TRAIN; i-- > 0;) {
        for (int j = i + 1; j < TRAIN; j++)
            x[i] -= a[i][j] * x[j];
        x[i] /= a[i][i];
    }
}

/* The validation loss of the weights that minimise 50 / (TRAIN * CLASSES) * |X W - Y|^2 + exp(decay) |W|^2. */
static double true_loss(double decay)
{
    double sum = VALID;
    for (int c = 0; c < CLASSES; c++) {
        double a[TRAIN][TRAIN], alpha[TRAIN];
        memcpy(a, kernel, sizeof a);
        for (int i = 0; i < TRAIN; i++) {
            a[i][i] += exp(decay) * TRAIN * CLASSES / 50;
            alpha[i] = labels[i] == c;
        }
        solve(a, alpha);
        for (int i = 0; i < TRAIN; i++) {
            sum -= 2 * alpha[i] * cross[i][c];
            for (int j = 0; j < TRAIN; j++)
                sum += alpha[i] * gram[i][j] * alpha[j];
        }
    }
    return sum * 50 / (VALID * CLASSES);
}

static bool have_data;

static int set_up(void **state)
{
    (void)state;
    if (getenv("HNC_MNIST"))
        data_folder = getenv("HNC_MNIST");
    have_data = read_rows("train-images-idx3-ubyte.gz", 16, images, sizeof images) &&
                read_rows("train-labels-idx1-ubyte.gz", 8, labels, sizeof labels);
    if (!have_data) {
        printf("skipped: no MNIST in '%s'; set HNC_MNIST to its folder\n", data_folder);
        return 0;
    }
    prepare();
    best_loss = INFINITY;
    for (int i = -400; i <= 500; i++)
        if (true_loss(i * 0.01) < best_loss) {
            best_decay = i * 0.01;
            best_loss = true_loss(best_decay);
        }
    return 0;
}

static void test_closed_form(void **state)
{
    (void)state;
    if (!have_data)
        skip();
    assert_float_equal(best_decay, 2.10, 0.005); /* as found independently with numpy */
    assert_float_equal(best_loss, 3.98258, 1e-4);
}

static double number_at(json_t *root, const char *outer, const char *inner, const char *key)
{
    json_t *value = json_object_get(json_object_get(json_object_get(root, outer), inner), key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static double first_logged_decay(void)
{
    size_t size;
    char *text = read_file("run/metrics.jsonl", &size);
    assert_non_null(text);
    json_t *event = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    double decay = json_number_value(json_object_get(event, "lam.decay"));
    json_decref(event);
    free(text);
    return decay;
}

/* Builds and trains the model; its decay, which starts at `start`, has to end at the exact optimum. */
static void check_model(const char *name, double start, unsigned seed)
{
    if (!have_data)
        skip();
    enter_folder();
    if (run_command("'%s/hnc' build '%s/models/%s.hn' -o model", HNC_BINARY_DIR, HNC_SOURCE_DIR, name) != 0 ||
        run_command("./model train --quiet --data '%s' --out run --seed %u", data_folder, seed) != 0)
        fail_msg("%s", command_output());
    assert_float_equal(first_logged_decay(), start, 1e-6); /* still warming up */
    json_t *result = json_load_file("run/result.json", 0, NULL);
    double decay = number_at(result, "last", "hypers", "lam.decay");
    double reported = number_at(result, "last", "metrics", "fit(mnist.valid)");
    json_decref(result);
    leave_folder();
    printf("%s, seed %u: decay %.3f (best %.2f), true loss there %.4f (best %.4f), the model's own %.4f\n", name, seed, decay,
           best_decay, true_loss(decay), best_loss, reported);
    assert_float_equal(decay, best_decay, 0.3);
    assert_true(true_loss(decay) <= 1.01 * best_loss);
    assert_float_equal(reported, best_loss, 0.03 * best_loss); /* the response is that of the exact weights */
}

static void test_global(void **state)
{
    (void)state;
    static const unsigned seeds[] = {0, 4, 14}; /* with decays drawn at a deviation of 1.5, the second was 0.35 off; the last is
                                                   the one furthest off now */
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        check_model("hypertrain_global", 1, seeds[i]);
}

static void test_local(void **state)
{
    (void)state;
    static const unsigned seeds[] = {0, 3, 10, 12}; /* from a noisy start, the last three went the wrong way */
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        check_model("hypertrain_local", -3.5, seeds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_form),
        cmocka_unit_test(test_global),
        cmocka_unit_test(test_local),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
