/* `OUT predict`: exports on tables and idx files that no training saw, the preference as an argument. The front that the run
 * reported is computed again from the predictions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/runtime/run_command.h"

enum { ROWS = 90, WIDTH = 4, CLASSES = 3 };

/* ---- data and models ---- */

typedef struct Person {
    double age, income;
    unsigned job;
    bool female, rich;
} Person;
static Person people[ROWS];
static const char *const jobs[] = {"clerk", "\"cook, chief\"", "none"};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void make_people(void)
{
    uint32_t state = 3;
    for (int i = 0; i < ROWS; i++) {
        Person *p = &people[i];
        *p = (Person){.age = 20 + next_random(&state) % 50, .income = next_random(&state) % 900 / 8.0};
        p->job = next_random(&state) % 3;
        p->female = next_random(&state) % 3 == 0;
        p->rich = p->income + p->age + (p->female ? 0 : 30) + next_random(&state) % 40 > 120;
    }
}

static void write_people(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "age,income,job,sex,rich\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(file, "%g,%g,%s,%s,%d\n", people[i].age, people[i].income, jobs[people[i].job], people[i].female ? "f" : "m",
                people[i].rich);
    fclose(file);
}

/* The same people without the columns that only training needs, the others in another order, after a comment. */
static void write_strangers(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "# nobody knows how rich\r\njob , name, income, age\r\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(file, "%s , \"no. %d\", %g, %g\r\n", jobs[people[i].job], i, people[i].income, people[i].age);
    fclose(file);
}

static const char front_model[] =
    "data d = csv(\"people.csv\") {\n"
    "  missing \"?\" as drop\n"
    "  fields x = standardize(age, income) ++ onehot(job)\n"
    "         female = sex == \"f\"\n"
    "         rich = rich == 1\n"
    "}\n"
    "preference r[2]\n"
    "net scorer(x: f32[5]) -> f32 { return sum(linear(tanh(linear(x, 6)), 1)) }\n"
    "net maker(r: f32[2]) -> f32[n] { return linear(tanh(linear(r, 7)), n) }\n"
    "weights scorer = dense(maker(r))\n"
    "objective loss(s) = mean(binary_cross_entropy(scorer(s.x), s.rich))\n"
    "objective gap(s) = abs(mean(sigmoid(scorer(s.x)) where s.female) - mean(sigmoid(scorer(s.x)) where !s.female))\n"
    "train t = pareto(r) {\n"
    "  minimise loss, gap on d.train by adam(1e-2)\n"
    "  solver linear\n"
    "  sample dirichlet(1)\n"
    "  rays   [4, 1], [1, 1], [1, 9]\n"
    "  report hypervolume(ref: [1, 1]) on d.train\n"
    "  batch  10\n"
    "  epochs 20\n"
    "}\n"
    "train alone = pareto(r) {\n"
    "  weights scorer = free\n"
    "  minimise loss, gap on d.train by adam(1e-2)\n"
    "  solver linear\n"
    "  sample each\n"
    "  rays   [4, 1], [1, 1]\n"
    "  report hypervolume(ref: [1, 1]) on d.train\n"
    "  batch  10\n"
    "  epochs 2\n"
    "}\n"
    "export score(x, r) = sigmoid(scorer(x))\n"
    "export odds(x, r) = scorer(x)\n"
    "export apart(x: f32[4]) = sum(x)\n"
    "export shares(r) = r\n"
    "export plain(x: f32[5]) = sum(x)\n";

static const char class_model[] =
    "data d = idx(\"inputs\", \"labels\") {\n"
    "  fields x: u8[4], y: class[3]\n"
    "  split  train 60, test 30\n"
    "}\n"
    "net c(x: u8[4]) -> f32[3] { return linear(x / 255, 3) }\n"
    "objective fit(s) = mean(cross_entropy(c(s.x), s.y))\n"
    "train t = fit { minimise fit(d.train) by adam(1e-2); validate fit(d.test); report fit(d.test); batch 10; epochs 3 }\n"
    "export classes(x) = softmax(c(x))\n";

static void write_idx(const char *path, unsigned rank, unsigned rows, const unsigned char *bytes, unsigned size)
{
    unsigned char file[16 + ROWS * WIDTH] = {0, 0, 8, (unsigned char)rank, 0, 0, 0, (unsigned char)rows, 0, 0, 0, WIDTH};
    unsigned header = 4 + 4 * rank;
    memcpy(file + header, bytes, size);
    write_file(path, file, header + size);
}

static unsigned char inputs[ROWS][WIDTH], labels[ROWS];

static void write_images(void)
{
    uint32_t state = 8;
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < WIDTH; k++)
            inputs[i][k] = (unsigned char)next_random(&state);
        labels[i] = (unsigned char)(next_random(&state) % CLASSES);
    }
    write_idx("data/inputs", 2, ROWS, &inputs[0][0], sizeof inputs);
    write_idx("data/labels", 1, ROWS, labels, sizeof labels);
    write_idx("ten", 2, 10, &inputs[60][0], 10 * WIDTH);
    write_idx("thirty", 2, 30, &inputs[60][0], 30 * WIDTH);
}

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    make_people();
    mkdir("data", 0777);
    write_people("data/people.csv");
    write_strangers("strangers.csv");
    write_images();
    /* What follows only serves the test of arguments that are no fields. */
    const char *rest = strstr(front_model, "export apart");
    write_file("front.hn", front_model, (size_t)(rest - front_model));
    write_file("class.hn", class_model, sizeof class_model - 1);
    int status = run_command(
        "'%s/hnc' build front.hn --train t --data data && '%s/hnc' build front.hn --train alone --data data -o alone && "
        "'%s/hnc' build class.hn && ./front train --quiet --data data --out run && "
        "./alone train --quiet --data data --out alone-run && ./class train --quiet --data data --out class-run",
        HNC_BINARY_DIR, HNC_BINARY_DIR, HNC_BINARY_DIR);
    if (status != 0)
        fail_msg("%s", command_output());
    return 0;
}

/* ---- predictions ---- */

/* Lines of "place,value,..." after a header, into places[] and values[][width]; returns how many. */
static int read_predictions(const char *path, const char *header, int width, int *places, double *values)
{
    FILE *file = fopen(path, "r");
    char line[512];
    int count = 0;
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    line[strcspn(line, "\n")] = 0;
    assert_string_equal(line, header);
    while (fgets(line, sizeof line, file)) {
        char *at = line;
        assert_true(count < ROWS);
        places[count] = (int)strtol(at, &at, 10);
        for (int i = 0; i < width; i++) {
            assert_int_equal(*at, ',');
            values[count * width + i] = strtod(at + 1, &at);
        }
        assert_string_equal(at, "\n");
        count++;
    }
    fclose(file);
    return count;
}

static void front_of(const double *scores, double *losses)
{
    double sum = 0, mean[2] = {0}, count[2] = {0};
    for (int i = 0; i < ROWS; i++) {
        sum -= log(people[i].rich ? scores[i] : 1 - scores[i]);
        mean[people[i].female] += scores[i];
        count[people[i].female]++;
    }
    losses[0] = sum / ROWS;
    losses[1] = fabs(mean[0] / count[0] - mean[1] / count[1]);
}

/* At each ray of the report, the losses of the predictions are the front's. */
static void test_predictions_are_the_front(void **state)
{
    (void)state;
    static const char *const rays[] = {"4,1", "0.5,0.5", "1,9"};
    json_t *front = json_load_file("run/front.json", 0, NULL);
    assert_non_null(front);
    for (size_t ray = 0; ray < 3; ray++) {
        double scores[ROWS], losses[2];
        int lines[ROWS];
        if (run_command(
                "./front predict --weights run/last.safetensors --export score --preference %s data/people.csv > scores.csv",
                rays[ray]) != 0)
            fail_msg("%s", command_output());
        assert_int_equal(read_predictions("scores.csv", "line,score", 1, lines, scores), ROWS);
        assert_int_equal(lines[0], 2);
        assert_int_equal(lines[ROWS - 1], ROWS + 1);
        front_of(scores, losses);
        const json_t *point = json_array_get(json_object_get(front, "points"), ray);
        for (size_t k = 0; k < 2; k++)
            assert_true(fabs(json_number_value(json_array_get(point, k)) - losses[k]) < 1e-5);
    }
    json_decref(front);
}

/* Labels and groups need not be known, nor do columns have to stand where they stood. */
static void test_rows_of_strangers(void **state)
{
    (void)state;
    must_run("./front predict --weights run/last.safetensors --export=odds --preference=1,2 data/people.csv > known.csv");
    must_run(
        "./front predict --weights run/last.safetensors --export=odds --preference=0.3333333,0.6666666 strangers.csv > new.csv");
    int lines[ROWS];
    double known[ROWS], strange[ROWS];
    assert_int_equal(read_predictions("known.csv", "line,odds", 1, lines, known), ROWS);
    assert_int_equal(read_predictions("new.csv", "line,odds", 1, lines, strange), ROWS);
    assert_int_equal(lines[0], 3);
    for (int i = 0; i < ROWS; i++)
        assert_true(fabs(known[i] - strange[i]) < 1e-5);
}

static void test_rows_without_a_value_are_left_out(void **state)
{
    (void)state;
    static const char text[] = "age,income,job\n30,10,clerk\n?,10,clerk\n40,10,none\n";
    write_file("holes.csv", text, sizeof text - 1);
    must_run("./front predict --weights run/last.safetensors --export score --preference 1,1 holes.csv 2> note > scores.csv && "
             "cat note");
    assert_true(output_has("1 row of the data set d misses a value and is left out"));
    int lines[ROWS];
    double scores[ROWS];
    assert_int_equal(read_predictions("scores.csv", "line,score", 1, lines, scores), 2);
    assert_int_equal(lines[0], 2);
    assert_int_equal(lines[1], 4);
}

/* A net of its own for the last ray: its weights need no preference, though the export names it. */
static void test_a_net_of_its_own(void **state)
{
    (void)state;
    must_run("./alone predict --weights alone-run/last.safetensors --export score --preference 1,1 data/people.csv > scores.csv");
    int lines[ROWS];
    double scores[ROWS], losses[2], point[2];
    assert_int_equal(read_predictions("scores.csv", "line,score", 1, lines, scores), ROWS);
    front_of(scores, losses);
    json_t *front = json_load_file("alone-run/front.json", 0, NULL);
    for (size_t k = 0; k < 2; k++)
        point[k] = json_number_value(json_array_get(json_array_get(json_object_get(front, "points"), 1), k));
    json_decref(front);
    assert_true(fabs(point[0] - losses[0]) < 1e-5 && fabs(point[1] - losses[1]) < 1e-5);
}

/* Fewer rows than the model's splits ask for; the elements of a vector. */
static void test_idx_files(void **state)
{
    (void)state;
    must_run("./class predict --weights class-run/last.safetensors ten > ten.csv && "
             "./class predict --weights class-run/last.safetensors thirty > thirty.csv && "
             "./class eval --weights class-run/last.safetensors --data data --json > metric.json");
    int rows[ROWS];
    double ten[10 * CLASSES], thirty[30 * CLASSES], sum = 0;
    assert_int_equal(read_predictions("ten.csv", "row,classes[0],classes[1],classes[2]", CLASSES, rows, ten), 10);
    assert_int_equal(read_predictions("thirty.csv", "row,classes[0],classes[1],classes[2]", CLASSES, rows, thirty), 30);
    assert_int_equal(rows[29], 30);
    assert_memory_equal(ten, thirty, sizeof ten);
    for (int i = 0; i < 30; i++)
        sum -= log(thirty[i * CLASSES + labels[60 + i]]);
    json_t *metric = json_load_file("metric.json", 0, NULL);
    assert_true(fabs(json_number_value(json_object_get(metric, "fit(d.test)")) - sum / 30) < 1e-5);
    json_decref(metric);
}

/* ---- what is wrong ---- */

static void refused(const char *arguments, const char *message)
{
    int status = run_command("./front predict %s > out.csv", arguments);
    if (status != 1 || !output_has(message))
        fail_msg("predict %s: exit status %d, expected 1 and '%s':\n%s", arguments, status, message, command_output());
}

static void test_wrong_calls(void **state)
{
    (void)state;
#define WEIGHTS "--weights run/last.safetensors "
#define SCORE WEIGHTS "--export score "
    refused(WEIGHTS "strangers.csv", "say with --export NAME which of score, odds");
    refused(WEIGHTS "--export scores strangers.csv", "'scores' is no export of this model, which has score, odds");
    refused(SCORE "strangers.csv", "'score' takes the preference 'r': say with --preference how much each of loss, gap matters");
    refused(SCORE "--preference 1 strangers.csv", "--preference expects 2 numbers with commas between them, not '1'");
    refused(SCORE "--preference 1,2,3 strangers.csv", "--preference expects 2 numbers");
    refused(SCORE "--preference 1,x strangers.csv", "--preference expects 2 numbers");
    refused(SCORE "--preference nan,1 strangers.csv", "--preference expects 2 numbers");
    refused(SCORE "--preference=-1,2 strangers.csv", "a preference has no negative numbers");
    refused(SCORE "--preference 0,0 strangers.csv", "the numbers must have a sum above 0");
    refused(SCORE "--preference 1,1", "predict expects one table, with the columns of d.x");
    refused(SCORE "--preference 1,1 strangers.csv strangers.csv",
            "predict expects one table, with the columns of d.x, but got 2: call it once per table");
    refused(SCORE "--preference 1,1 nothing.csv", "nothing.csv: No such file or directory");
    refused(SCORE "--preference 1,1 data", "data: is a folder, but must be a file");
    refused("--weights nothing --export score --preference 1,1 strangers.csv",
            "nothing: cannot be opened: No such file or directory");
    refused("--weights strangers.csv --export score --preference 1,1 strangers.csv", "strangers.csv");
    assert_int_equal(run_command("./front predict --export score strangers.csv"), 1);
    assert_true(output_has("predict needs --weights FILE: in runs/ there is no run of this model"));
    assert_int_equal(run_command("./class predict --weights class-run/last.safetensors --preference 1,1 ten"), 2);
    assert_true(output_has("'--preference' is not a flag of 'predict': this needs a model whose exports take a preference"));
    assert_int_equal(run_command("./class predict --weights class-run/last.safetensors ten ten"), 1);
    assert_true(output_has("predict expects one idx file per field (d.x), 1 in all, but got 2"));
    assert_int_equal(run_command("./class predict --weights class-run/last.safetensors data/labels"), 1);
    assert_int_equal(run_command("./front predict " SCORE "--preference 1,1 strangers.csv > /dev/full"), 1);
    assert_true(output_has("the output cannot be written"));
}

static void test_wrong_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } tables[] = {
        {"age,income\n1,2\n", "there is no column 'job'"},
        {"age,income,job\n1,2,clerk\n1,2,pope\n", "rows.csv:3: the column 'job' holds 'pope', which is none of the 3 categories"},
        {"age,income,job\n1,2,clerk\n1,?,clerk\n1,two,clerk\n",
         "rows.csv:4: the column 'income' holds 'two', which is not a number"},
        {"age,income,job\n1,2\n", "rows.csv:2"},
        {"age,income,job\n", "rows.csv"},
        {"", "rows.csv"}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        write_file("rows.csv", tables[i].text, strlen(tables[i].text));
        refused(SCORE "--preference 1,1 rows.csv", tables[i].message);
    }
}

/* An argument that is no field, and a model that exports nothing. */
static void test_wrong_models(void **state)
{
    (void)state;
    write_file("apart.hn", front_model, sizeof front_model - 1);
    if (run_command("'%s/hnc' build apart.hn --train t --data data", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    assert_int_equal(run_command("./apart predict " WEIGHTS "--export apart strangers.csv"), 1);
    assert_true(
        output_has("no data set has fields of the names and types that 'apart' takes, x (f32[4]): predict cannot read them"));
    assert_int_equal(run_command("./apart predict " WEIGHTS "--export shares --preference 1,1 strangers.csv"), 1);
    assert_true(output_has("no argument of 'shares' is read from files: leave them out"));
    assert_int_equal(run_command("./apart predict " WEIGHTS "--export shares --preference 1,3"), 0);
    assert_true(output_has("row,shares[0],shares[1]\n1,0.25,0.75\n"));
    assert_int_equal(run_command("./apart predict " WEIGHTS "--export plain --preference 1,1 strangers.csv"), 1);
    assert_true(output_has("'plain' takes no preference: leave --preference out"));
    assert_int_equal(run_command("./apart predict " WEIGHTS "--export plain strangers.csv"), 0);
    write_file("mute.hn", class_model, (size_t)(strstr(class_model, "export") - class_model));
    if (run_command("'%s/hnc' build mute.hn", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    assert_int_equal(run_command("./mute predict --weights class-run/last.safetensors ten"), 1);
    assert_true(output_has("this model exports nothing") && output_has("add a line such as 'export predict(x) = f(x)'"));
}

static int tear_down(void **state)
{
    (void)state;
    leave_folder();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_predictions_are_the_front),
        cmocka_unit_test(test_rows_of_strangers),
        cmocka_unit_test(test_rows_without_a_value_are_left_out),
        cmocka_unit_test(test_a_net_of_its_own),
        cmocka_unit_test(test_idx_files),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_wrong_rows),
        cmocka_unit_test(test_wrong_models),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
