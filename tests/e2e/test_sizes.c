/* Sizes, numbers of rows and names of classes that come from the data: class[1..26], class[_], index, rows(t.train), width(t.x),
 * and what predict, info and front.json call the classes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

enum { ROWS = 40, TESTS = 10, PIXELS = 4, CLASSES = 26 };

static void must_say(const char *expected)
{
    if (!output_has(expected))
        fail_msg("expected '%s' in:\n%s", expected, command_output());
}

/* Builds `text` as m, or checks that it is refused with this message. */
static void build(const char *text, const char *error)
{
    write_file("m.hn", text, strlen(text));
    int status = run_command("rm -rf run && '%s/hnc' build m.hn --data . -o m", HNC_BINARY_DIR);
    if (status != (error != NULL))
        fail_msg("exit status %d\n%s", status, command_output());
    if (error)
        must_say(error);
}

/* Images whose first pixel is the label, which counts from 1. */
static void write_idx(const char *images, const char *labels, int rows)
{
    unsigned char image[16 + ROWS * PIXELS] = {0, 0, 8, 3, 0, 0, 0, (unsigned char)rows, 0, 0, 0, 2, 0, 0, 0, 2};
    unsigned char label[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)rows};
    for (int i = 0; i < rows; i++) {
        label[8 + i] = (unsigned char)(1 + i % CLASSES);
        image[16 + i * PIXELS] = label[8 + i];
    }
    write_file(images, image, 16 + (size_t)rows * PIXELS);
    write_file(labels, label, 8 + (size_t)rows);
}

static int set_up(void **state)
{
    (void)state;
    folder_set_up(state);
    enter_folder();
    write_idx("images", "labels", ROWS);
    write_idx("more-images", "more-labels", TESTS);
    static const char table[] = "a,b,grade\n1,x,10\n2,y,2\n10,x,11\n11,z,1\n";
    write_file("t.csv", table, sizeof table - 1);
    return 0;
}

#define DATA(label, more)                                                                                                        \
    "data t = idx(\"images\", \"labels\") { fields image: u8[2, 2], label: " label more "\n"                                     \
    "  test idx(\"more-images\", \"more-labels\"); split train 0.8, valid 0.2 }\n"
#define TRAIN                                                                                                                    \
    "objective loss(d) = mean(cross_entropy(f(d.image), d.label))\n"                                                             \
    "train go = fit { minimise loss(t.train) by adam(1e-2); batch 4; epochs 1 }\n"

static void test_labels_from_one(void **state)
{
    (void)state;
    build(DATA("class[1..26]", "") "net f(image: u8[2, 2]) -> f32[26] { return linear(flatten(image), 26) }\n" TRAIN
                                   "export letter(image) = argmax(f(image))\nexport p(image) = softmax(f(image))\n",
          NULL);
    must_run("./m train --data . --out run");
    must_run("./m predict --export p --weights run/last.safetensors images");
    must_say("row,p[1],p[2],p[3]");
    must_say(",p[26]\n");
    must_run("./m info");
    must_say("t.label: i32, 26 classes: 1, 2, 3,");
    build(DATA("class[26]", "") "net f(image: u8[2, 2]) -> f32[26] { return linear(flatten(image), 26) }\n" TRAIN, NULL);
    assert_int_equal(run_command("./m train --data . --out run"), 1);
    must_say("the label of example 25 is 26, but t.label has only the classes 0 to 25; labels from 1 to n are declared as "
             "class[1..n]");
    build(DATA("class[2..26]", "") "net f(image: u8[2, 2]) -> f32[25] { return linear(flatten(image), 25) }\n" TRAIN, NULL);
    assert_int_equal(run_command("./m train --data . --out run"), 1);
    must_say("the label of example 0 is 1, but t.label has only the classes 2 to 26");
    build(DATA("class[26..1]", "") "net f(image: u8[2, 2]) -> f32[25] { return linear(flatten(image), 25) }\n" TRAIN,
          "the last class");
}

/* 27 classes, 0 to 26: nobody says that none is 0. */
static void test_counted_classes(void **state)
{
    (void)state;
    build(DATA("class[_]", "") "net f(image: u8[2, 2]) -> f32[27] { return linear(flatten(image), 27) }\n" TRAIN, NULL);
    must_run("./m train --data . --out run");
    build(DATA("class[_]", "") "net f(image: u8[2, 2]) -> f32[26] { return linear(flatten(image), 26) }\n" TRAIN,
          "this is class[27]");
    must_run("mkdir -p elsewhere");
    assert_int_equal(run_command("'%s/hnc' check m.hn --data elsewhere", HNC_BINARY_DIR), 1);
    must_say("this is counted in the files of 't', but elsewhere/images: No such file or directory");
    assert_false(output_has("cross_entropy")); /* no second error */
}

/* A number per training example, and a row of a table per example: the numbers of rows survive a shuffle. */
static void test_numbers_of_rows(void **state)
{
    (void)state;
    build("data t = idx(\"images\", \"labels\") { fields image: u8[2, 2], id: index, label: class[1..26]\n"
          "  test idx(\"more-images\", \"more-labels\"); split train 0.8, valid 0.2 shuffled }\n"
          "const n = rows(t.train) + 1000 * rows(t.valid) + 100000 * rows(t.test) + 10000000 * rows(t)\n"
          "net f(image: u8[2, 2], id: class[m]) -> f32[26] { return linear(flatten(image), 26) + embedding(id, 26) }\n"
          "objective loss(d) = mean(cross_entropy(f(d.image, d.id), d.label))\n"
          "objective size(d) = mean(0 * d.id + n)\n"
          "objective wrong(d) = mean(d.image[0, 0] != 1 + d.id - 26 * floor(d.id / 26))\n"
          "train go = fit { minimise loss(t.train) by adam(1e-2); batch 4; epochs 1; report size(t.train), wrong(t.train) }\n",
          NULL);
    must_run("./m train --data . --seed 5 --out run && tail -1 run/metrics.jsonl");
    must_say("\"size(t.train)\": 501008032.0, \"wrong(t.train)\": 0.0"); /* 32, 8, 10 and 50, as f32 has them */
    build("data t = rows(7) { fields id: index }\nnet f(id: class[7]) -> f32 { return sum(embedding(id, 1)) }\n"
          "objective loss(d) = mean(square(f(d.id) - d.id))\n"
          "train go = fit { minimise loss(t.train) by adam(3e-1); batch 7; epochs 400; report loss(t.train) }\n",
          NULL);
    must_run("./m train --out run && tail -1 run/metrics.jsonl | grep -E '\"loss.t.train.\": [0-9.]*e-'"); /* it is learned */
    build("data t = csv(\"t.csv\") { fields x = numbers(a), id = index }\nnet f(x: f32[1], id: class[k]) -> f32 { return "
          "sum(linear(x, k)) "
          "+ sum(embedding(id, 1)) }\nobjective loss(d) = mean(square(f(d.x, d.id)))\n"
          "train go = fit { minimise loss(t.train) by sgd(1e-6); batch 1; epochs 1 }\nexport see(x, id) = f(x, id)\n",
          NULL);
    must_run("./m train --data . --out run && ./m predict --weights run/last.safetensors t.csv");
}

/* A program that is built with 40 and 10 rows and run with more: a table of the model has no entry for them. */
static void test_more_rows_than_numbers(void **state)
{
    (void)state;
    build("data t = idx(\"images\", \"labels\") { fields image: u8[2, 2], id: index, label: class[1..26]\n"
          "  test idx(\"more-images\", \"more-labels\"); split train 0.8, valid 0.2 }\n"
          "hyper w { weight: positive[rows(t)] = 1 }\n"
          "net f(image: u8[2, 2]) -> f32[26] { return linear(flatten(image), 26) }\nweights f = stn(w)\n"
          "objective loss(d) = mean(w.weight[d.id] * cross_entropy(f(d.image), d.label))\n"
          "train go = bilevel(w) { lower loss(t.train) by adam(1e-2); upper loss(t.valid) by adam(1e-2); sample normal(scale: "
          "0.1)\n"
          "  batch 2; epochs 1 }\n",
          NULL);
    must_run("./m train --data . --out run && mkdir -p many && cp images labels many");
    must_run("cd many && cp images more-images && cp labels more-labels");
    assert_int_equal(run_command("./m train --data many --out other"), 1);
    must_say("the data set t has 80 rows here, but t.id numbers the 50 rows of the files that the program was built with");
    assert_int_equal(run_command("./m eval --weights run/last.safetensors --data many"), 1);
    must_run("cd many && cp ../more-images images && cp ../more-labels labels && cd .. && ./m train --data many --out third");
}

static void test_widths(void **state)
{
    (void)state;
    build("data t = csv(\"t.csv\") { fields x = numbers(a) ++ onehot(b), y = class(grade); split train 0.5, valid 0.5 }\n"
          "const n = width(t.x), all = 3\nnet f(x: f32[4]) -> f32[4] { return linear(x, n) }\n",
          "unexpected ','");
    build("data t = csv(\"t.csv\") { fields x = numbers(a) ++ onehot(b), y = class(grade); split train 0.5, valid 0.5 }\n"
          "const n = width(t.x)\nconst half = rows(t.train)\nnet f(x: f32[4]) -> f32[4] { h = linear(x, n); return linear(h, 2 * "
          "half) }\n"
          "objective loss(d) = mean(cross_entropy(f(d.x), d.y))\n"
          "train go = fit { minimise loss(t.train) by adam(1e-1); batch 1; epochs 300 }\n"
          "export grade(x) = argmax(f(x))\nexport p(x) = softmax(f(x))\nexport raw(x) = f(x)\n",
          NULL);
    must_run("./m train --data . --out run && ./m predict --export grade --weights run/last.safetensors t.csv | head -3");
    must_say("line,grade\n2,10\n3,2\n"); /* of the training examples */
    must_run("./m predict --export p --weights run/last.safetensors t.csv | head -1");
    must_say("line,p[1],p[10],p[11],p[2]\n");
    must_run("./m predict --export raw --weights run/last.safetensors t.csv | head -1"); /* no probabilities: numbered */
    must_say("line,raw[0],raw[1],raw[2],raw[3]\n");
    must_run("./m info");
    must_say("t.y: i32, 4 classes: 1, 10, 11, 2\n");
    must_say("column b: 3 categories: x, y, z\n");
    build("data t = csv(\"t.csv\") { fields x = numbers(a) }\nconst n = width(t.train)\nnet f(x: f32[1]) -> f32[1] { return "
          "linear(x, n) "
          "}\n",
          "width takes a field of a data set, as in width(adult.x)");
    build("data t = csv(\"t.csv\") { fields x = numbers(a) }\nnet f(x: f32[1]) -> f32[1] { return linear(x, 1) }\n"
          "objective loss(d) = mean(f(t.x))\ntrain go = fit { minimise loss(t.train) by sgd(1); batch 1; epochs 1 }\n",
          "the field 't.x' of a data set has a value in each example, not here");
    must_say("in the objective 'loss', write 'd.x'");
}

/* The classes of a front's data. */
static void test_names_in_a_front(void **state)
{
    (void)state;
    build(
        "data t = csv(\"t.csv\") { fields x = numbers(a), y = class(b) }\npreference r[2]\n"
        "net f(x: f32[1], r: f32[2]) -> f32[3] { return linear(concat(x, r), 3) }\nnet g(r: f32[2]) -> f32[n] { return linear(r, "
        "n) }\n"
        "weights f = dense(g(r))\nobjective one(d) = mean(cross_entropy(f(d.x, r), d.y))\nobjective two(d) = mean(square(f(d.x, "
        "r)))\n"
        "train go = pareto(r) { minimise one, two on t.train by adam(1e-2); solver linear; sample dirichlet(1); rays 3; batch 2; "
        "epochs 1\n report hypervolume(ref: 9) on t.train }\n",
        NULL);
    must_run("./m train --data . --out run && tr -d ' \n' < run/front.json");
    must_say("\"classes\":{\"t.y\":[\"x\",\"y\",\"z\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_from_one), cmocka_unit_test(test_counted_classes),
        cmocka_unit_test(test_numbers_of_rows), cmocka_unit_test(test_more_rows_than_numbers),
        cmocka_unit_test(test_widths),          cmocka_unit_test(test_names_in_a_front),
    };
    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
