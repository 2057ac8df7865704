/* Data sets of CSV files from the model text to the run: how values are encoded, and that training, evaluation and resumption
 * agree about it. Every number is computed again here, from the rows that the test writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "tests/e2e/tensor_file.h"
#include "tests/runtime/run_command.h"

enum { ROWS = 200, TRAIN = 100, TEST = 150 }; /* rows in all, and where the splits train and test end and begin */

/* ---- the data ---- */

typedef struct Row {
    double age, income, height; /* NAN: missing */
    unsigned job, sex, city;    /* sex 2: missing */
} Row;
static Row rows[ROWS];
static const char *const jobs[] = {"clerk", "\"cook, chief\"", "\"the \"\"boss\"\"\""};
static const char *const sexes[] = {"f", "m", "?"}; /* as categories: ?, f, m */
static const char *const cities[] = {"Bern", "Oslo", "Rom", "\xC3\x84r\xC3\xB8"};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void make_rows(void)
{
    uint32_t state = 5;
    for (int i = 0; i < ROWS; i++)
        rows[i] = (Row){.age = next_random(&state) % 13 == 0 ? NAN : 20 + next_random(&state) % 60,
                        .income = 1000 + next_random(&state) % 900 / 8.0,
                        .height = 1.5 + next_random(&state) % 50 / 100.0,
                        .job = next_random(&state) % 3,
                        .sex = next_random(&state) % 3,
                        .city = next_random(&state) % 4};
}

/* The rows with `older` added to their ages; the one of number `odd` lives in `city`. */
static void write_rows(const char *path, double older, int odd, const char *city)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "# people who do not exist\r\nid, age, net-income, job, sex, city, height\r\n\r\n");
    for (int i = 0; i < ROWS; i++) {
        char age[32] = "";
        if (!isnan(rows[i].age))
            snprintf(age, sizeof age, "%g", rows[i].age + older);
        if (i % 50 == 7)
            fprintf(file, "# a comment\n");
        fprintf(file, "%d, %s,%.3f, %s ,%s, %s,%.2f\n", i, age, rows[i].income, jobs[rows[i].job], sexes[rows[i].sex],
                i == odd ? city : cities[rows[i].city], rows[i].height);
    }
    fclose(file);
}

static const char model[] =
    "data people = csv(\"people.csv\") {\n"
    "  missing \"?\" as mean\n"
    "  drop   id\n"
    "  fields x = standardize(age, net-income) ++ onehot(sex, categorical)\n"
    "           ++ normalize(numeric)\n"
    "         y = class(job), raw = net-income\n"
    "         senior = age > 60 && !(sex == \"m\") || sex == \"?\"\n"
    "  split  train 0.5, valid 0.25, test 0.25 %s\n"
    "}\n"
    "net c(x: f32[10]) -> f32[3] { return linear(relu(linear(x, 8)), 3) }\n"
    "objective fit(d) = mean(cross_entropy(c(d.x), d.y))\n"
    "objective x(d, i) = mean(d.x[i])\n"
    "objective square(d, i) = mean(d.x[i] * d.x[i])\n"
    "train t = fit {\n"
    "  minimise fit(people.train) by adam(1e-2); validate fit(people.valid); batch 10; epochs 4\n"
    "  report x(people.train, 0), square(people.train, 0), x(people.test, 0), x(people.test, 1), x(people.test, 2), "
    "x(people.test, 3),\n"
    "         x(people.test, 4), x(people.test, 8), x(people.test, 9), mean(people.test.senior), mean(people.test.raw),\n"
    "         mean(where(!people.test.senior, 1, 0)), mean(people.test.senior * 2 + 1), mean(f32(people.test.y == 2)),\n"
    "         mean(people.test.raw where people.test.senior)\n"
    "}\n";

static void write_model(const char *path, const char *shuffled)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, model, shuffled); // NOLINT: a literal
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    make_rows();
    mkdir("data", 0777);
    mkdir("older", 0777);
    mkdir("wrong", 0777);
    write_rows("data/people.csv", 0, -1, NULL);
    write_rows("older/people.csv", 10, -1, NULL);
    write_model("plain.hn", "");
    write_model("shuffled.hn", "shuffled");
    int status = run_command("'%s/hnc' build plain.hn --data data && HNC_DATA=data '%s/hnc' build shuffled.hn", HNC_BINARY_DIR,
                             HNC_BINARY_DIR);
    if (status != 0)
        print_error("%s\n", command_output());
    return status;
}

/* The metrics that a program's `eval` prints; the caller's. */
static json_t *evaluate(const char *command)
{
    must_run("%s", command);
    const char *object = strchr(command_output(), '{'); /* behind the notes of standard error */
    json_t *metrics = object ? json_loads(object, 0, NULL) : NULL;
    assert_non_null(metrics);
    return metrics;
}

static void check_metric(const json_t *metrics, const char *name, double expected)
{
    double seen = json_number_value(json_object_get(metrics, name));
    if (!json_object_get(metrics, name) || fabs(seen - expected) > 2e-6 * (1 + fabs(expected)))
        fail_msg("%s is %.9g, not %.9g", name, seen, expected);
}

/* ---- what is right ---- */

typedef struct Encoder {
    double mean, deviation;
} Encoder;

static double age_of(int row)
{
    return rows[row].age;
}

static double income_of(int row)
{
    return rows[row].income;
}

/* Over the training rows that have a value. */
static Encoder fit_encoder(double (*of)(int row))
{
    double sum = 0, squares = 0;
    int count = 0;
    for (int i = 0; i < TRAIN; i++)
        if (!isnan(of(i)))
            sum += of(i), squares += of(i) * of(i), count++;
    return (Encoder){sum / count, sqrt(squares / count - sum / count * (sum / count))};
}

static double mean_age(int first, int end, Encoder age)
{
    double sum = 0;
    for (int i = first; i < end; i++)
        sum += isnan(rows[i].age) ? 0 : (rows[i].age - age.mean) / age.deviation;
    return sum / (end - first);
}

static void check_metrics(const json_t *metrics)
{
    Encoder age = fit_encoder(age_of), income = fit_encoder(income_of);
    double least = INFINITY, most = 0, sums[10] = {0}, senior = 0, raw = 0, bosses = 0, senior_raw = 0, squares = 0;
    const double n = ROWS - TEST;
    for (int i = 0; i < TRAIN; i++) {
        least = fmin(least, rows[i].height);
        most = fmax(most, rows[i].height);
        squares += isnan(rows[i].age) ? 0 : pow((rows[i].age - age.mean) / age.deviation, 2);
    }
    for (int i = TEST; i < ROWS; i++) {
        static const int sex_place[] = {3, 4, 2}, city_place[] = {5, 6, 7, 8};
        double filled = isnan(rows[i].age) ? age.mean : rows[i].age;
        bool is_senior = (filled > 60 && rows[i].sex != 1) || rows[i].sex == 2;
        sums[1] += (rows[i].income - income.mean) / income.deviation / n;
        sums[sex_place[rows[i].sex]] += 1 / n;
        sums[city_place[rows[i].city]] += 1 / n;
        sums[9] += (rows[i].height - least) / (most - least) / n;
        senior += is_senior / n;
        senior_raw += is_senior * rows[i].income / n;
        raw += rows[i].income / n;
        bosses += (rows[i].job == 2) / n;
    }
    check_metric(metrics, "x(people.train, 0)", mean_age(0, TRAIN, age));
    check_metric(metrics, "square(people.train, 0)", squares / TRAIN);
    check_metric(metrics, "x(people.test, 0)", mean_age(TEST, ROWS, age));
    check_metric(metrics, "x(people.test, 1)", sums[1]);
    check_metric(metrics, "x(people.test, 2)", sums[2]);
    check_metric(metrics, "x(people.test, 3)", sums[3]);
    check_metric(metrics, "x(people.test, 4)", sums[4]);
    check_metric(metrics, "x(people.test, 8)", sums[8]);
    check_metric(metrics, "x(people.test, 9)", sums[9]);
    check_metric(metrics, "mean(people.test.senior)", senior);
    check_metric(metrics, "mean(where(!people.test.senior, 1, 0))", 1 - senior);
    check_metric(metrics, "mean(people.test.senior * 2 + 1)", 2 * senior + 1);
    check_metric(metrics, "mean(people.test.raw)", raw);
    check_metric(metrics, "mean(people.test.raw where people.test.senior)", senior_raw / senior);
    check_metric(metrics, "mean(f32(people.test.y == 2))", bosses); /* clerk, cook, the boss */
}

/* Reads a tensor of doubles of a safetensors file. */
static void read_tensor(const char *path, const char *name, double *values, size_t count)
{
    size_t size;
    uint64_t length;
    char *bytes = read_file(path, &size);
    assert_non_null(bytes);
    memcpy(&length, bytes, sizeof length);
    json_t *header = json_loadb(bytes + 8, (size_t)length, 0, NULL);
    const json_t *offsets = json_object_get(json_object_get(header, name), "data_offsets");
    assert_non_null(offsets);
    json_int_t begin = json_integer_value(json_array_get(offsets, 0)), end = json_integer_value(json_array_get(offsets, 1));
    assert_int_equal(end - begin, count * sizeof *values);
    memcpy(values, bytes + 8 + length + begin, count * sizeof *values);
    json_decref(header);
    free(bytes);
}

/* ---- tests ---- */

static void test_encoded_numbers(void **state)
{
    (void)state;
    Encoder age = fit_encoder(age_of), income = fit_encoder(income_of);
    double mean[3], scale[3], fill[3];
    must_run("./plain train --data data --out one");
    read_tensor("one/best.safetensors", "people.x/mean", mean, 3);
    read_tensor("one/best.safetensors", "people.x/scale", scale, 3);
    read_tensor("one/best.safetensors", "people.x/fill", fill, 3);
    assert_true(fabs(mean[0] - age.mean) < 1e-5 * age.mean && fabs(mean[1] - income.mean) < 1e-6 * income.mean);
    assert_true(fabs(scale[0] - age.deviation) < 1e-5 * age.deviation &&
                fabs(scale[1] - income.deviation) < 1e-5 * income.deviation);
    assert_true(fill[0] == mean[0]);
    read_tensor("one/last.safetensors", "people.senior/fill", fill, 1);
    assert_true(fill[0] == mean[0]);
    json_t *metrics = evaluate("./plain eval --data data --weights one/last.safetensors --json");
    check_metrics(metrics);
    json_decref(metrics);
}

/* Rewrites a checkpoint as programs did that kept encoders in single precision. */
static void narrow_encoders(const char *path)
{
    char *bytes;
    size_t begin;
    json_t *header = read_header(path, &bytes, &begin), *entry;
    FILE *body = fopen("body", "wb"), *file = fopen(path, "wb");
    assert_true(body && file);
    const char *name;
    size_t end = 0;
    json_object_foreach(header, name, entry)
    {
        json_t *offsets = json_object_get(entry, "data_offsets");
        if (!offsets)
            continue;
        size_t first = (size_t)json_integer_value(json_array_get(offsets, 0)),
               size = (size_t)json_integer_value(json_array_get(offsets, 1)) - first;
        const char *from = bytes + begin + first;
        bool encoder = strstr(name, "/mean") || strstr(name, "/scale") || strstr(name, "/fill");
        for (size_t i = 0; encoder && i < size; i += sizeof(double)) {
            double number;
            memcpy(&number, from + i, sizeof number);
            fwrite(&(float){(float)number}, sizeof(float), 1, body);
        }
        if (encoder)
            json_object_set_new(entry, "dtype", json_string("F32"));
        else
            fwrite(from, 1, size, body);
        size = encoder ? size / 2 : size;
        json_object_set_new(entry, "data_offsets", json_pack("[I, I]", (json_int_t)end, (json_int_t)(end + size)));
        end += size;
    }
    fclose(body);
    char *text = json_dumps(header, JSON_COMPACT);
    uint64_t length = strlen(text);
    fwrite(&length, sizeof length, 1, file);
    fwrite(text, 1, length, file);
    free(bytes);
    bytes = read_file("body", &begin);
    fwrite(bytes, 1, begin, file);
    fclose(file);
    free(text);
    free(bytes);
    json_decref(header);
}

static void test_encoders_in_single_precision(void **state)
{
    (void)state;
    must_run("./plain train --data data --out narrow");
    json_t *before = evaluate("./plain eval --data data --weights narrow/last.safetensors --json"), *value;
    narrow_encoders("narrow/last.safetensors");
    json_t *after = evaluate("./plain eval --data data --weights narrow/last.safetensors --json");
    const char *name;
    json_object_foreach(before, name, value)
        assert_true(fabs(json_number_value(value) - json_number_value(json_object_get(after, name))) < 1e-5);
    json_decref(before);
    json_decref(after);
}

/* Encoders come from the file of weights, not from the data that is evaluated or trained on. */
static void test_encoders_come_from_the_file(void **state)
{
    (void)state;
    Encoder age = fit_encoder(age_of);
    int present = 0;
    for (int i = TEST; i < ROWS; i++)
        present += !isnan(rows[i].age);
    must_run("./plain train --data data --out base");
    json_t *metrics = evaluate("./plain eval --data older --weights base/last.safetensors --json");
    check_metric(metrics, "x(people.test, 0)", mean_age(TEST, ROWS, age) + 10 / age.deviation * present / (ROWS - TEST));
    json_decref(metrics);

    double before[3],
        after[3]; /* also where a run is resumed, were it on other data, which takes a file that does not say on which */
    assert_int_equal(run_command("./plain train --data older --resume --out base --epochs 5"), 1);
    assert_true(output_has("belongs to a run on other data: the files of the data set people"));
    must_run("sed -i 's/\"data[.]people\"/\"else.people\"/' base/last.safetensors");
    must_run("./plain train --data older --resume --out base --epochs 5");
    read_tensor("base/last.safetensors", "people.x/mean", after, 3);
    must_run("./plain train --data data --out again --epochs 1");
    read_tensor("again/last.safetensors", "people.x/mean", before, 3);
    assert_memory_equal(before, after, sizeof before);
}

static void test_double_precision(void **state)
{
    (void)state;
    must_run("cp plain.hn wide.hn && '" HNC_BINARY_DIR "/hnc' build wide.hn --data data --float=f64");
    must_run("./wide train --data data --out wide-run");
    json_t *metrics = evaluate("./wide eval --data data --weights wide-run/last.safetensors --json");
    check_metrics(metrics);
    json_decref(metrics);
}

/* A run that is resumed, and eval of it, see the split of its seed. */
static void test_shuffled_runs(void **state)
{
    (void)state;
    must_run("./shuffled train --data data --seed 3 --out whole");
    must_run("./shuffled train --data data --seed 3 --out part --epochs 2");
    must_run("./shuffled train --data data --resume --out part --epochs 4");
    assert_true(same_files("whole/last.safetensors", "part/last.safetensors"));
    must_run("./shuffled train --data data --seed 4 --out other");
    json_t *of_whole = evaluate("./shuffled eval --data data --weights whole/last.safetensors --json");
    json_t *of_other = evaluate("./shuffled eval --data data --weights other/last.safetensors --json");
    json_t *logged = json_load_file("whole/result.json", 0, NULL);
    const json_t *last = json_object_get(json_object_get(logged, "last"), "metrics");
    const char *name;
    json_t *value;
    json_object_foreach(of_whole, name, value)
        assert_true(json_number_value(json_object_get(last, name)) == json_number_value(value));
    assert_false(json_equal(of_whole, of_other));
    check_metric(of_whole, "x(people.train, 0)", 0); /* missing ages are the mean, so the mean is 0 */
    json_decref(of_whole);
    json_decref(of_other);
    json_decref(logged);
}

/* A file that lacks the metadata says nothing about its split. */
static void test_shuffled_weights_without_seed(void **state)
{
    (void)state;
    static const char header[] = "{\"people.x/fill\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}";
    char bytes[8 + sizeof header - 1 + 12] = {sizeof header - 1};
    memcpy(bytes + 8, header, sizeof header - 1);
    write_file("bare.safetensors", bytes, sizeof bytes);
    assert_int_equal(run_command("./shuffled eval --data data --weights bare.safetensors"), 1);
    assert_true(output_has("holds no seed"));
}

static void check_refused(const char *expected)
{
    assert_int_equal(run_command("./plain train --data wrong --out refused"), 1);
    if (!output_has(expected))
        fail_msg("expected '%s' in:\n%s", expected, command_output());
}

static void test_data_that_does_not_fit(void **state)
{
    (void)state;
    write_rows("wrong/people.csv", 0, 17, "Atlantis");
    check_refused(
        "wrong/people.csv:22: the column 'city' holds 'Atlantis', which is none of the 4 categories that this program was "
        "compiled for (1 row holds such a value)");
    must_run("sed 's/^42, [0-9]*,/42, old,/' data/people.csv > wrong/people.csv");
    check_refused("the column 'age' holds 'old', which is not a number (1 row holds no number)");
    must_run("sed 's/, city/, town/' data/people.csv > wrong/people.csv");
    check_refused("wrong/people.csv:2: there is no column 'city' in the header");
    must_run("sed 's/^42,/42,42,/' data/people.csv > wrong/people.csv");
    check_refused("the row has 8 fields, but the header has 7");
    must_run("head -6 data/people.csv > wrong/people.csv");
    check_refused("the split people.");
    must_run("gzip < data/people.csv | head -c 1000 > wrong/people.csv");
    check_refused("wrong/people.csv: the compressed data is truncated");
    must_run("rm wrong/people.csv");
    check_refused("wrong/people.csv: No such file or directory; the data set people is read from it");
    must_run("gzip < data/people.csv > wrong/people.csv.gz && ./plain train --data wrong --out compressed");
}

static void test_dropped_rows(void **state)
{
    (void)state;
    int whole = 0;
    for (int i = 0; i < ROWS; i++)
        whole += !isnan(rows[i].age) && rows[i].sex != 2;
    char expected[64], left[64];
    must_run("sed -e 's/as mean/as drop/' -e 's/f32.10./f32[9]/' -e 's/ || sex == \"?\"//' -e 's/x.people.test, 9.,//' plain.hn "
             "> dropped.hn");
    must_run("'" HNC_BINARY_DIR "/hnc' build dropped.hn --data data && ./dropped train --data data --out dropped-run");
    snprintf(expected, sizeof expected, "%d rows of the data set people miss a value", ROWS - whole);
    assert_true(output_has(expected));
    must_run("cat dropped-run/config.json");
    snprintf(left, sizeof left, "\"people.train\": %d", (whole + 1) / 2);
    assert_true(output_has(left));
}

/* A table as other programs write it: two columns of one name that nobody uses, a separator behind each row, -999 written in two
 * ways for a missing value. `train 1.0` is all of its rows, `train 1` one. */
static void test_table_of_another_program(void **state)
{
    (void)state;
    static const char table[] = "a,junk,b,junk,y\n1,0,2,0,1,\n-999,0,4,0,2,\n3,0,-999.0,0,3,\n5,0,6,0,4,\n";
    static const char *const sizes[] = {"1.0", "1"};
    write_file("other.csv", table, sizeof table - 1);
    for (int i = 0; i < 2; i++) {
        char text[512];
        int length =
            snprintf(text, sizeof text,
                     "data t = csv(\"other.csv\") { missing \"-999\" as mean; fields x = numbers(a, b), y = y; split train %s }\n"
                     "net f(x: f32[2]) -> f32 { weight w: f32[2] = 1; return sum(w * x) }\n"
                     "objective loss(d) = mean(f(d.x))\n"
                     "train go = fit { minimise loss(t.train) by sgd(1e-30); batch 1; epochs 1; report loss(t.train) }\n",
                     sizes[i]);
        write_file("other.hn", text, (size_t)length);
        must_run("rm -rf other-run && '" HNC_BINARY_DIR
                 "/hnc' build other.hn --data . -o foreign && ./foreign train --data . --out other-run");
        json_t *metrics = evaluate("./foreign eval --weights other-run/last.safetensors --data . --json");
        check_metric(metrics, "loss(t.train)", i == 0 ? (1 + 2 + 3 + 4 + 3 + 4 + 5 + 6) / 4.0 : 3); /* both means are 3 and 4 */
        json_decref(metrics);
    }
}

/* The first weights are those of the seed, however the label is read. */
static void test_first_weights(void **state)
{
    (void)state;
    static const char table[] = "a,c\n1,1\n2,0\n3,1\n4,0\n";
    write_file("labels.csv", table, sizeof table - 1);
    static const char *const labels[] = {"c == \"1\"", "c == 1"};
    char text[512];
    for (int i = 0; i < 2; i++) {
        int length = snprintf(text, sizeof text,
                              "data t = csv(\"labels.csv\") { missing \"NA\" as mean; fields x = standardize(a), y = %s }\n"
                              "net f(x: f32[1]) -> f32 { return sum(linear(x, 1)) }\n"
                              "objective loss(d) = mean(binary_cross_entropy(f(d.x), d.y))\n"
                              "train go = fit { minimise loss(t.train) by sgd(1e-3); batch 2; epochs 2 }\n",
                              labels[i]);
        write_file("labels.hn", text, (size_t)length);
        must_run("'" HNC_BINARY_DIR "/hnc' build labels.hn --data . -o labels");
        must_run(i ? "./labels train --data . --out number" : "./labels train --data . --out text");
    }
    assert_true(same_tensor("text/last.safetensors", "number/last.safetensors", "f.linear1.w"));
    assert_true(same_tensor("text/last.safetensors", "number/last.safetensors", "f.linear1.b"));
}

static void test_commands(void **state)
{
    (void)state;
    must_run("'" HNC_BINARY_DIR "/hnc' explain plain.hn --data data");
    assert_true(output_has("people.x                 f32[10]"));
    must_run("'" HNC_BINARY_DIR "/hnc' check plain.hn --data data --gradients");
    must_run("cp plain.hn data && '" HNC_BINARY_DIR "/hnc' check data/plain.hn"); /* the model's folder */
    assert_int_equal(run_command("'%s/hnc' check plain.hn", HNC_BINARY_DIR), 1);
    assert_true(output_has("people.csv: No such file or directory") && output_has("--data DIR"));
    must_run("'" HNC_BINARY_DIR "/hnc' build plain.hn --data data --emit=ir -o steps && grep people.x/mean steps.ir && "
             "! grep 'state_write.*people' steps.ir"); /* first values of states leave the encoders alone */
    must_run("XDG_CACHE_HOME=$PWD '" HNC_BINARY_DIR "/hnc' run plain.hn --data data -- --out cached --epochs 1");
    must_run("./plain info");
    assert_true(output_has("column city: 4 categories") && output_has("people.x/mean: f64[3] encoder"));
    must_run("'" HNC_BINARY_DIR
             "/hnc' build shuffled.hn --data data --emit=ast -o tree && cp tree.ast tree.hn && '" HNC_BINARY_DIR
             "/hnc' build tree.hn --data data --emit=ast -o again && cmp tree.ast again.ast");
    must_run("'" HNC_BINARY_DIR "/hnc' build tree.hn --data data -o tree && ./tree train --data data --seed 3 --out tree-run");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoded_numbers),
        cmocka_unit_test(test_encoders_in_single_precision),
        cmocka_unit_test(test_encoders_come_from_the_file),
        cmocka_unit_test(test_double_precision),
        cmocka_unit_test(test_shuffled_runs),
        cmocka_unit_test(test_shuffled_weights_without_seed),
        cmocka_unit_test(test_data_that_does_not_fit),
        cmocka_unit_test(test_dropped_rows),
        cmocka_unit_test(test_table_of_another_program),
        cmocka_unit_test(test_first_weights),
        cmocka_unit_test(test_commands),
    };
    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
