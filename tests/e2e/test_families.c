/* Families of data sets and computed rows, from the model file to trained weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

/* Builds NAME.hn of this text. */
static void build(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    write_file(path, text, strlen(text));
    must_run("'%s/hnc' build %s", HNC_BINARY_DIR, path);
}

/* The metric of that name in what `OUT eval` printed. */
static double metric(const char *name)
{
    char begin[128];
    snprintf(begin, sizeof begin, "\n%s ", name);
    const char *output = command_output(), *found = strstr(output, begin);
    if (!found && strncmp(output, begin + 1, strlen(begin + 1)) == 0)
        return strtod(output + strlen(begin + 1), NULL);
    if (!found)
        fail_msg("no metric %s in\n%s", name, output);
    return strtod(found + strlen(begin), NULL);
}

static void near(double found, double expected, double distance)
{
    if (!(found >= expected - distance && found <= expected + distance))
        fail_msg("%.9g is not within %g of %.9g", found, distance, expected);
}

/* ---- computed rows ---- */

#define CURVES(MEMBERS)                                                                                                          \
    "layer target(x, i: size) {\n"                                                                                               \
    "  if i == 0 { return x + 3 }\n"                                                                                             \
    "  if i == 1 { return 2 * x * x - 1 }\n"                                                                                     \
    "  return pow(x - 3, 3)\n"                                                                                                   \
    "}\n"                                                                                                                        \
    "data curves[" MEMBERS "] = rows(400) {\n"                                                                                   \
    "  x: f32 = [-4, -1, 2][i] + 2 * uniform()\n"                                                                                \
    "  y: f32 = target(x, i) + 0.05 * normal()\n"                                                                                \
    "  id: index\n"                                                                                                              \
    "  half: class[2] = i32(2 * row / 400)\n"                                                                                    \
    "  test rows(50) {\n"                                                                                                        \
    "    x = [-4, -1, 2][i] + 2 * row / 49\n"                                                                                    \
    "    y = target(x, i)\n"                                                                                                     \
    "  }\n"                                                                                                                      \
    "}\n"                                                                                                                        \
    "net f(x: f32) -> f32 { return reshape(linear(tanh(linear(reshape(x, [1]), 10)), 1), []) }\n"                                \
    "objective fit(d) = mean(square(f(d.x) - d.y))\n"                                                                            \
    "objective m(d) = mean(d.x)\n"                                                                                               \
    "objective m2(d) = mean(d.x * d.x)\n"                                                                                        \
    "objective my(d) = mean(d.y)\n"                                                                                              \
    "objective noise(d, i) = mean(square(d.y - target(d.x, i)))\n"                                                               \
    "objective halves(d) = mean(d.half)\n"                                                                                       \
    "objective last(d) = max(f32(d.id))\n"

static const char curves[] = CURVES("3") //
    "train t = fit {\n"
    "  minimise fit(curves[1].train) by adam(1e-2)\n"
    "  batch 40\n"
    "  epochs 100  evaluate 50\n"
    "  report fit(curves[1].test), m(curves[0].test), m2(curves[1].test), my(curves[2].test), m(curves[0].train),\n"
    "         m(curves[2].train), noise(curves[0].train, 0), noise(curves[2].train, 2), noise(curves[2].test, 2),\n"
    "         halves(curves[0].train), last(curves[0].train), last(curves[2].test)\n"
    "}\n";

/* The same but for the members that it does not read. */
static const char fewer[] = CURVES("2") //
    "train t = fit {\n"
    "  minimise fit(curves[1].train) by adam(1e-2)\n"
    "  batch 40\n"
    "  epochs 100  evaluate 50\n"
    "  report noise(curves[1].train, 1)\n"
    "}\n";

static void test_computed_rows(void **state)
{
    (void)state;
    build("curves", curves);
    must_run("./curves train --quiet --seed 3 --out a");
    must_run("./curves eval --weights a/last.safetensors");
    near(metric("m(curves[0].test)"), -3, 1e-5);
    near(metric("m2(curves[1].test)"), 0.3469388, 1e-5); /* of 50 points from -1 to 1: (50 + 1) / (3 (50 - 1)) */
    near(metric("my(curves[2].test)"), 0, 1e-5);
    near(metric("m(curves[0].train)"), -3, 0.1); /* 3.5 deviations of the mean of 400 */
    near(metric("m(curves[2].train)"), 3, 0.1);
    near(metric("noise(curves[0].train, 0)"), 0.0025, 0.0006);
    near(metric("noise(curves[2].train, 2)"), 0.0025, 0.0006);
    near(metric("noise(curves[2].test, 2)"), 0, 1e-10);
    near(metric("halves(curves[0].train)"), 0.5, 1e-6);
    near(metric("last(curves[0].train)"), 399, 0);
    near(metric("last(curves[2].test)"), 449, 0);
    near(metric("fit(curves[1].test)"), 0, 0.02);
    assert_true(metric("m(curves[0].train)") != metric("m(curves[2].train)") - 6); /* members draw for themselves */
}

/* Equal seeds compute equal rows, other seeds others, in every command; a member's rows depend on no other member. */
static void test_rows_of_a_seed(void **state)
{
    (void)state;
    build("curves", curves);
    build("fewer", fewer);
    must_run("./curves train --quiet --seed 3 --out a && ./curves train --quiet --seed 3 --out b");
    must_run("./curves train --quiet --seed 4 --out c && ./fewer train --quiet --seed 3 --out d");
    assert_true(same_files("a/last.safetensors", "b/last.safetensors"));
    must_run("./curves eval --weights a/last.safetensors > a.txt && ./curves eval --weights c/last.safetensors > c.txt");
    must_run("grep '^m(curves.0..train)' a.txt > am.txt; grep '^m(curves.0..train)' c.txt > cm.txt; ! cmp -s am.txt cm.txt");
    must_run("tail -n 1 a/metrics.jsonl | grep -o '\"loss.minimise\": [^,}]*' > a.loss");
    must_run("tail -n 1 d/metrics.jsonl | grep -o '\"loss.minimise\": [^,}]*' > d.loss");
    assert_true(same_files("a.loss", "d.loss"));
    must_run("./curves train --quiet --seed 3 --out e --steps 300");
    must_run("./curves train --quiet --out e --resume --steps 1000");
    must_run("./curves eval --weights a/last.safetensors > a.txt && ./curves eval --weights e/last.safetensors > e.txt");
    assert_true(same_files("a.txt", "e.txt"));
}

/* A run goes on with more members than it began with, but not with other rows of those it has. */
static void test_more_members(void **state)
{
    (void)state;
    build("m", "data d[2] = rows(40) { x = i + uniform() }\n"
               "net c() -> f32 { weight w: f32 = 0; return w }\n"
               "objective fit(d) = mean(square(c() - d.x))\n"
               "train t = fit { minimise fit(d[1].train) by adam(1e-2); batch 8; epochs 4 }\n");
    must_run("./m train --quiet --out a --steps 10");
    must_run("sed -i 's/d.2. =/d[5] =/' m.hn && '%s/hnc' build m.hn", HNC_BINARY_DIR);
    must_run("./m train --quiet --out a --resume --steps 20");
    must_run("sed -i 's/i + uniform/2 * i + uniform/' m.hn && '%s/hnc' build m.hn", HNC_BINARY_DIR);
    assert_int_equal(run_command("./m train --quiet --out a --resume --steps 30"), 1);
    assert_true(output_has("the rows of the data set d[1] have changed since"));
}

static void test_rows_that_are_no_numbers(void **state)
{
    (void)state;
    build("nan", "data d[2] = rows(10) { x = 1 / f32(row - 4 * i - 2) }\n"
                 "net c() -> f32 { weight w: f32 = 0; return w }\n"
                 "objective fit(d) = mean(square(c() - d.x))\n"
                 "train t = fit { minimise fit(d[0].train) by adam(1e-2); batch 5; epochs 1 }\n");
    assert_int_equal(run_command("./nan train --quiet --out a"), 1);
    assert_true(output_has("the field d.x, which is computed, is infinite in row 2 of member 0"));
    build("label", "data d = rows(10) { x: class[3] = row; test rows(2) }\n"
                   "net c() -> f32 { weight w: f32 = 0; return w }\n"
                   "objective fit(d) = mean(square(c() - d.x))\n"
                   "train t = fit { minimise fit(d.train) by adam(1e-2); batch 5; epochs 1 }\n");
    assert_int_equal(run_command("./label train --quiet --out a"), 1);
    assert_true(output_has("the field d.x, which is computed, is 3 in row 3, but it has the classes 0 to 2"));
}

/* ---- families of a data set in files ---- */

/* Images of 4 x 4 and labels from 0 to 3: 240 rows, and 60 test rows. A row's pixels are its label, and one brighter one. */
static void write_images(const char *images, const char *labels, int rows)
{
    unsigned char *bytes = calloc(1, 16 + 16 * (size_t)rows), *numbers = calloc(1, 8 + (size_t)rows);
    memcpy(bytes, (unsigned char[]){0, 0, 8, 3, 0, 0, 0, (unsigned char)rows, 0, 0, 0, 4, 0, 0, 0, 4}, 16);
    memcpy(numbers, (unsigned char[]){0, 0, 8, 1, 0, 0, 0, (unsigned char)rows}, 8);
    for (int i = 0; i < rows; i++) {
        memset(bytes + 16 + 16 * i, i % 4, 16);
        bytes[16 + 16 * i + i % 4] = 200;
        numbers[8 + i] = (unsigned char)(i % 4);
    }
    write_file(images, bytes, 16 + 16 * (size_t)rows);
    write_file(labels, numbers, 8 + (size_t)rows);
    free(bytes);
    free(numbers);
}

#define DIGITS                                                                                                                   \
    "data digits = idx(\"images\", \"labels\") {\n"                                                                              \
    "  fields image: u8[4, 4], label: class[4]\n"                                                                                \
    "  test   idx(\"test-images\", \"test-labels\")\n"                                                                           \
    "  split  train 0.75, valid 0.25  shuffled\n"                                                                                \
    "}\n"                                                                                                                        \
    "data permuted[3] = permute(digits, image, pad: 1)\n"                                                                        \
    "data split[2]    = classes(digits, 2)\n"                                                                                    \
    "data single[_]   = by(digits, label)\n"                                                                                     \
    "net c(image: u8[6, 6]) -> f32[4] { return linear(flatten(image) / 255, 4) }\n"                                              \
    "net h(image: u8[4, 4]) -> f32[2] { return linear(flatten(image) / 255, 2) }\n"                                              \
    "objective fit(d) = mean(cross_entropy(c(d.image), d.label))\n"                                                              \
    "objective err(d) = mean(argmax(c(d.image)) != d.label)\n"                                                                   \
    "objective half(d) = mean(cross_entropy(h(d.image), d.label))\n"                                                             \
    "objective herr(d) = mean(argmax(h(d.image)) != d.label)\n"                                                                  \
    "objective total(d) = mean(sum(f32(d.image), axis: [0, 1]))\n"                                                               \
    "objective corner(d) = mean(f32(d.image)[0, 0])\n"                                                                           \
    "objective most(d) = max(d.label)\n"                                                                                         \
    "objective count(d) = sum(d.label * 0 + 1)\n"

static void write_digits(void)
{
    write_images("images", "labels", 240);
    write_images("test-images", "test-labels", 60);
}

static void test_permuted(void **state)
{
    (void)state;
    write_digits();
    build("p", DIGITS //
          "train t = fit {\n"
          "  minimise fit(permuted[2].train) by adam(3e-2)\n"
          "  batch 20\n"
          "  epochs 20  evaluate 10\n"
          "  report err(permuted[2].test), err(permuted[1].test), total(permuted[0].test), total(permuted[1].test),\n"
          "         total(permuted[2].test), corner(permuted[0].test), count(permuted[1].train), count(permuted[2].valid)\n"
          "}\n"
          "export predict(image) = softmax(c(image))\n");
    must_run("./p train --quiet --seed 5 --out a");
    must_run("./p eval --weights a/last.safetensors");
    near(metric("err(permuted[2].test)"), 0, 0);
    assert_true(metric("err(permuted[1].test)") > 0.2); /* another order */
    near(metric("total(permuted[0].test)"), 200 + 15 * 1.5, 1e-3);
    near(metric("total(permuted[1].test)"), 200 + 15 * 1.5, 1e-3);
    near(metric("total(permuted[2].test)"), 200 + 15 * 1.5, 1e-3);
    near(metric("corner(permuted[0].test)"), 0, 0);
    near(metric("count(permuted[1].train)"), 180, 0);
    near(metric("count(permuted[2].valid)"), 60, 0);
    must_run("./p train --quiet --seed 5 --out b --steps 60 && ./p train --quiet --out b --resume --steps 180");
    must_run("./p eval --weights a/last.safetensors > a.txt && ./p eval --weights b/last.safetensors > b.txt");
    assert_true(same_files("a.txt", "b.txt"));
}

/* `predict` puts the elements of files in the order of the task that it is told, which is that of the run's seed. */
static void test_predictions_of_permuted(void **state)
{
    (void)state;
    write_digits();
    build("q", DIGITS //
          "task t[3] embed 4\n"
          "weights c = dense(t)\n"
          "train go = continual(t) {\n"
          "  minimise fit(permuted[t].train) by adam(3e-2)\n"
          "  remember outputs(1)\n"
          "  batch 20\n"
          "  steps 20\n"
          "  report err(permuted[t].test)\n"
          "}\n"
          "export predict(image, t) = argmax(c(image))\n"
          "export surest(image) = argmax(mean(softmax(c(image)) over t))\n");
    must_run("./q train --quiet --seed 5 --out a");
    double errors[3];
    must_run("./q eval --weights a/last.safetensors");
    const char *line = command_output() + strlen("err(permuted[t].test)");
    assert_int_equal(sscanf(line, "%lf %lf %lf", &errors[0], &errors[1], &errors[2]), 3);
    for (int task = 0; task < 3; task++) {
        must_run("./q predict --weights a/last.safetensors --export predict --task %d test-images", task);
        int wrong = 0, row = 0, label;
        for (const char *at = strchr(command_output(), '\n'); at && sscanf(at, "%*d,%d", &label) == 1; at = strchr(at + 1, '\n'))
            wrong += label != row++ % 4;
        assert_int_equal(row, 60);
        near(wrong / 60.0, errors[task], 1e-6);
    }
    assert_int_equal(run_command("./q predict --weights a/last.safetensors --export surest test-images"), 1);
    assert_true(output_has("the examples of 'permuted' are others for each of its members, and 'surest' does not say of which"));
}

static void test_classes_of_digits(void **state)
{
    (void)state;
    write_digits();
    build("s", DIGITS //
          "train t = fit {\n"
          "  minimise half(split[1].train) by adam(3e-2)\n"
          "  batch 20\n"
          "  epochs 30  evaluate 30\n"
          "  report herr(split[1].test), total(split[0].test), total(split[1].test), most(split[1].train),\n"
          "         count(split[0].test), total(single[3].test), most(single[3].valid), count(single[2].test)\n"
          "}\n");
    must_run("./s train --quiet --seed 5 --out a");
    must_run("./s eval --weights a/last.safetensors");
    near(metric("herr(split[1].test)"), 0, 0);
    near(metric("total(split[0].test)"), 200 + 15 * 0.5, 1e-3);
    near(metric("total(split[1].test)"), 200 + 15 * 2.5, 1e-3);
    near(metric("most(split[1].train)"), 1, 0); /* the classes 2 and 3 are 0 and 1 there */
    near(metric("count(split[0].test)"), 30, 0);
    near(metric("total(single[3].test)"), 200 + 15 * 3, 1e-3);
    near(metric("most(single[3].valid)"), 3, 0);
    near(metric("count(single[2].test)"), 15, 0);
    must_run("./s info");
    assert_true(output_has("data permuted: 3 members of permute(digits, image, pad: 1)"));
    assert_true(output_has("minimise: on split[1].train"));
    must_run("'%s/hnc' explain s.hn", HNC_BINARY_DIR);
    assert_true(output_has("data split (2 members of classes(digits, 2))"));
    assert_true(output_has("batches of 20 from split[1].train"));
}

/* `predict` reads images of any class, and takes from labels what comes before the classes of the task. */
static void test_predictions_of_classes(void **state)
{
    (void)state;
    write_digits();
    build("s", DIGITS //
          "task t[2]\n"
          "weights h = free each t\n"
          "train go = continual(t) {\n"
          "  minimise half(split[t].train) by adam(3e-2)\n"
          "  remember nothing\n"
          "  batch 20; steps 200\n"
          "  report herr(split[t].test)\n"
          "}\n"
          "export predict(image, t) = argmax(h(image))\n"
          "export right(image, label: class[2], t) = argmax(h(image)) == label\n");
    must_run("./s train --quiet --out a");
    must_run("./s predict --weights a/last.safetensors --export predict --task 1 test-images | sed 1d >classes");
    must_run("[ $(wc -l <classes) = 60 ] && ! awk -F, '($1 - 1) %% 4 > 1 && $2 != ($1 - 1) %% 4 - 2' classes | grep .");
    must_run("{ printf '\\0\\0\\10\\3\\0\\0\\0\\2\\0\\0\\0\\4\\0\\0\\0\\4'; tail -c +49 test-images | head -c 32; } >two && "
             "printf '\\0\\0\\10\\1\\0\\0\\0\\2\\2\\3' >their"); /* rows of the classes 2 and 3 */
    must_run("./s predict --weights a/last.safetensors --export right --task 1 two their | sed 1d >right");
    must_run("printf '1,1\\n2,1\\n' | cmp - right");
}

static void test_small_member(void **state)
{
    (void)state;
    write_digits();
    build("s", DIGITS "train t = fit { minimise total(single[3].test) + sumsq(h) by adam(1e-3); batch 16; epochs 1 }\n");
    assert_int_equal(run_command("./s train --quiet --out a"), 1);
    assert_true(output_has("the split single[3].test has 15 examples, fewer than a batch of 16"));
}

/* ---- tables ---- */

/* Rows first, first + 1, ... of a column `age`. */
static void write_site(const char *path, int first, int rows)
{
    char text[4096] = "age,job,label\n";
    for (int i = 0; i < rows; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d,%s,%d\n", first + i, i % 3 ? "cook" : "smith", i % 2);
    write_file(path, text, strlen(text));
}

static void test_tables(void **state)
{
    (void)state;
    write_site("site-0.csv", 0, 40);
    write_site("site-1.csv", 40, 20);
    write_site("test-0.csv", 0, 4);
    write_site("test-1.csv", 40, 6);
    build("sites", "data sites[2] = csv(\"site-{i}.csv\") {\n"
                   "  fields x = standardize(age) ++ onehot(job), age = age, label = class(label), id = index\n"
                   "  test   csv(\"test-{i}.csv\")\n"
                   "  split  train 0.5, valid 0.5\n"
                   "}\n"
                   "net f(x: f32[3]) -> f32[2] { return linear(x, 2) }\n"
                   "objective fit(d) = mean(cross_entropy(f(d.x), d.label))\n"
                   "objective m(d) = mean(d.x[0])\n"
                   "objective s(d) = mean(square(d.x[0]))\n"
                   "objective age(d) = mean(d.age)\n"
                   "objective last(d) = max(f32(d.id))\n"
                   "hyper w { each: real[rows(sites[1].valid)] = 1 }\n"
                   "train t = fit {\n"
                   "  minimise fit(sites[1].train) + sum(w.each, axis: 0) by adam(1e-2)\n"
                   "  batch 5\n"
                   "  epochs 2\n"
                   "  report m(sites[0].train), m(sites[1].train), s(sites[0].train), s(sites[1].train), age(sites[1].valid),\n"
                   "         age(sites[1].test), last(sites[0].valid), last(sites[1].test)\n"
                   "}\n"
                   "export predict(x) = softmax(f(x))\n");
    must_run("./sites train --quiet --out a");
    must_run("./sites eval --weights a/last.safetensors");
    /* 20 rows of 0 to 19 and 10 rows of 40 to 49, standardized together */
    double mean = (20 * 9.5 + 10 * 44.5) / 30;
    near((20 * metric("m(sites[0].train)") + 10 * metric("m(sites[1].train)")) / 30, 0, 1e-5);
    near((20 * metric("s(sites[0].train)") + 10 * metric("s(sites[1].train)")) / 30, 1, 1e-5);
    near(metric("m(sites[0].train)") / metric("m(sites[1].train)"), (9.5 - mean) / (44.5 - mean), 1e-5);
    near(metric("age(sites[1].valid)"), 54.5, 1e-4);
    near(metric("age(sites[1].test)"), 42.5, 1e-4);
    near(metric("last(sites[0].valid)"), 39, 0);
    near(metric("last(sites[1].test)"), 25, 0);
    must_run("./sites predict --weights a/last.safetensors test-1.csv");
    must_run("grep -q '\"sites.train\": \\[' a/config.json");
}

static void test_by_a_column(void **state)
{
    (void)state;
    write_site("one.csv", 0, 60);
    build("by", "data one = csv(\"one.csv\") {\n"
                "  fields x = standardize(age), age = age, job = class(job), label = class(label)\n"
                "}\n"
                "data jobs[2] = by(one, job)\n"
                "net f(x: f32[1]) -> f32[2] { return linear(x, 2) }\n"
                "objective fit(d) = mean(cross_entropy(f(d.x), d.label))\n"
                "objective age(d) = mean(d.age)\n"
                "objective job(d) = mean(d.job)\n"
                "train t = fit {\n"
                "  minimise fit(jobs[1].train) by adam(1e-2)\n"
                "  batch 5\n"
                "  epochs 2\n"
                "  report age(jobs[0].train), age(jobs[1].train), job(jobs[1].train)\n"
                "}\n");
    must_run("./by train --quiet --out a");
    must_run("./by eval --weights a/last.safetensors");
    near(metric("age(jobs[0].train)"), 30, 1e-4);   /* cooks: the rows that 3 does not divide */
    near(metric("age(jobs[1].train)"), 28.5, 1e-4); /* smiths: 0, 3, ..., 57 */
    near(metric("job(jobs[1].train)"), 1, 0);
    must_run("./by info");
    assert_true(output_has("jobs.job: i32, 2 classes: cook, smith"));
    write_site("one.csv", 1, 60);
    assert_int_equal(run_command("./by train --quiet --out a --resume --epochs 3"), 1);
    assert_true(output_has("the files of the data set one have changed"));
}

/* ---- tasks ---- */

/* What is learned is another number in each member, so a net that saw the rows of the wrong one could not learn it. */
#define TASKS                                                                                                                    \
    "data d[3] = rows(40) {\n"                                                                                                   \
    "  x: f32 = uniform()\n"                                                                                                     \
    "  y: f32 = [1, -2, 3][i] + 0 * x\n"                                                                                         \
    "}\n"                                                                                                                        \
    "task t[3] embed 3\n"                                                                                                        \
    "net f(x: f32) -> f32 { return reshape(linear(reshape(x, [1]), 1), []) }\n"                                                  \
    "net trunk(z: f32[3]) -> f32[n] { return linear(z, n) }\n"                                                                   \
    "weights f = dense(trunk(t))\n"                                                                                              \
    "objective fit(d) = mean(square(f(d.x) - d.y))\n"                                                                            \
    "objective y(d) = mean(d.y)\n"

static void test_all_tasks_in_a_step(void **state)
{
    (void)state;
    build("j", TASKS "train all = joint(t) {\n"
                     "  minimise fit(d[t].train) by adam(2e-2)\n"
                     "  batch 8\n"
                     "  epochs 100  evaluate 50\n"
                     "  report fit(d[t].train), y(d[t].train)\n"
                     "}\n");
    must_run("./j train --quiet --seed 2 --out a");
    must_run("./j eval --weights a/last.safetensors");
    near(metric("mean fit(d[t].train)"), 0, 1e-3);
    must_run("./j train --quiet --seed 2 --out b --steps 203 && ./j train --quiet --out b --resume --steps 500");
    must_run("./j eval --weights a/last.safetensors > a.txt && ./j eval --weights b/last.safetensors > b.txt");
    assert_true(same_files("a.txt", "b.txt"));
}

static void test_one_task_after_the_other(void **state)
{
    (void)state;
    build("c", TASKS "train seq = continual(t) {\n"
                     "  minimise fit(d[t].train) by adam(2e-2)\n"
                     "  remember separate\n"
                     "  batch 8\n"
                     "  epochs 80  evaluate 40\n"
                     "  report fit(d[t].train)\n"
                     "}\n");
    must_run("./c train --quiet --seed 2 --out a");
    must_run("./c eval --weights a/last.safetensors --task 2");
    near(metric("fit(d[t].train)"), 0, 1e-2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_computed_rows, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_rows_of_a_seed, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_more_members, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_rows_that_are_no_numbers, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_permuted, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_predictions_of_permuted, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_predictions_of_classes, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_classes_of_digits, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_small_member, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_tables, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_by_a_column, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_all_tasks_in_a_step, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_one_task_after_the_other, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
