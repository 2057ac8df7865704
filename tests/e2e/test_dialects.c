/* Tables as they are published: short excerpts in the dialects of data sets of the UCI repository, and of other programs. Each is
 * declared in a line, trained on, and its encoded rows are compared with numbers worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

/* A data set `t` of the settings, with the field x. Its export `see` gives the field as it is: the weight
 * that it is multiplied with stays 1. */
static void build(const char *file, const char *settings, const char *x)
{
    char text[2048];
    int length = snprintf(text, sizeof text,
                          "data t = csv(\"%s\") { %s; fields x = %s }\n"
                          "net same(x: f32[n]) -> f32[n] { weight w: f32 = 1; return x * w }\n"
                          "objective loss(d) = mean(same(d.x))\n"
                          "train go = fit { minimise loss(t.train) by sgd(1e-30); batch 1; epochs 1 }\n"
                          "export see(x) = same(x)\n",
                          file, settings, x);
    write_file("m.hn", text, (size_t)length);
    must_run("rm -rf run && '" HNC_BINARY_DIR "/hnc' build m.hn --data . -o m");
}

/* The settings and the field of a file, and the elements of x of its rows, one after the other. */
static void check_rows(const char *file, const char *text, const char *settings, const char *x, const double *expected,
                       size_t count)
{
    char command[256];
    write_file(file, text, strlen(text));
    build(file, settings, x);
    must_run("./m train --data . --out run");
    snprintf(command, sizeof command, "./m predict --weights run/last.safetensors '%s' 2>/dev/null | tail -n +2 | cut -d, -f2-",
             file);
    must_run("%s", command);
    const char *at = command_output();
    for (size_t i = 0; i < count; i++) {
        char *end;
        double seen = strtod(at, &end);
        if (end == at || fabs(seen - expected[i]) > 2e-6 * (1 + fabs(expected[i])))
            fail_msg("%s: element %zu is %.9g, not %.9g, of:\n%s", file, i, seen, expected[i], command_output());
        at = end + (*end == ',' || *end == '\n');
    }
    if (*at)
        fail_msg("%s: more than %zu elements:\n%s", file, count, command_output());
}

#define ROWS(file, text, settings, x, ...)                                                                                       \
    check_rows(file, text, settings, x, (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void test_wine_quality(void **state)
{
    (void)state;
    ROWS("winequality-red.csv",
         "\"fixed acidity\";\"volatile acidity\";\"citric "
         "acid\";\"quality\"\r\n7.4;0.7;0;5\r\n7.8;0.88;0.04;5\r\n11.2;0.28;0.56;6\r\n",
         "", "numbers(\"fixed acidity\"..\"citric acid\") ++ quality", 7.4, 0.7, 0, 5, 7.8, 0.88, 0.04, 5, 11.2, 0.28, 0.56, 6);
}

static void test_bank_full(void **state)
{
    (void)state;
    ROWS(
        "bank-full.csv",
        "\"age\";\"job\";\"balance\";\"y\"\n58;\"management\";2143;\"no\"\n44;\"technician\";29;\"no\"\n33;\"blue-collar\";-1506;"
        "\"yes\"\n",
        "", "numbers(age, balance) ++ onehot(job, y)", 58, 2143, 0, 1, 0, 1, 0, 44, 29, 0, 0, 1, 1, 0, 33, -1506, 1, 0, 0, 0, 1);
}

static void test_german_credit(void **state)
{
    (void)state;
    ROWS("german.data", "A11 6 A34 1169 1 \nA12 48 A32 5951 2 \nA14 12 A34 2096 1 \n", "columns a1..a4, risk",
         "numbers(numeric) ++ onehot(a1, a3)", 6, 1169, 1, 1, 0, 0, 0, 1, 48, 5951, 2, 0, 1, 0, 1, 0, 12, 2096, 1, 0, 0, 1, 0, 1);
}

static void test_iris(void **state)
{
    (void)state;
    ROWS("iris.data", "5.1,3.5,1.4,0.2,Iris-setosa\n7.0,3.2,4.7,1.4,Iris-versicolor\n6.3,3.3,6.0,2.5,Iris-virginica\n\n",
         "columns sepal-length, sepal-width, petal-length, petal-width, species",
         "numbers(sepal-length..petal-width) ++ onehot(species)", 5.1, 3.5, 1.4, 0.2, 1, 0, 0, 7, 3.2, 4.7, 1.4, 0, 1, 0, 6.3,
         3.3, 6, 2.5, 0, 0, 1);
}

/* Blanks of any number, and a tab before the last field. */
static void test_auto_mpg(void **state)
{
    (void)state;
    ROWS("auto-mpg.data",
         "18.0   8   307.0      130.0      3504.      70  1\t\"chevrolet chevelle malibu\"\n"
         "25.0   4   98.00      ?          2046.      71  1\t\"ford pinto\"\n"
         "24.0   4   113.0      95.00      2372.      70  3\t\"toyota corona mark ii\"\n",
         "columns mpg, cylinders, displacement, horsepower, weight, year, origin, _; missing \"?\" as mean",
         "numbers(mpg, cylinders..year) ++ onehot(origin)", 18, 8, 307, 130, 3504, 70, 1, 0, 25, 4, 98, 112.5, 2046, 71, 1, 0, 24,
         4, 113, 95, 2372, 70, 0, 1);
}

/* Decimal commas, -200 for a missing value, two separators behind each row, rows of nothing but separators, dates and times. */
static void test_air_quality(void **state)
{
    (void)state;
    ROWS("AirQualityUCI.csv",
         "Date;Time;CO(GT);PT08.S1(CO);T;;\r\n10/03/2004;18.00.00;2,6;1360;13,6;;\r\n10/03/2004;19.30.00;-200;1292;13,3;;\r\n"
         "12/03/2004;18.00.00;1,2;1185;-1,8;;\r\n;;;;;;\r\n;;;;;;\r\n",
         "decimal \",\"; missing \"-200\" as mean",
         "numbers(\"CO(GT)\", \"PT08.S1(CO)\", T) ++ normalize(time(Date, \"%d/%m/%Y\")) ++ numbers(time(Time, \"%H.%M.%S\"))",
         2.6, 1360, 13.6, 0, 64800, 1.9, 1292, 13.3, 0, 70200, 1.2, 1185, -1.8, 1, 64800);
    must_run("rm -rf again && ./m train --data . --out again");
    assert_true(output_has("note: 2 rows of the data set t without any value are left out"));
    assert_true(output_has("note: the fields of the data set t are divided by ';'"));
}

/* Two files; the second begins with a line that is no row. */
static void test_adult(void **state)
{
    (void)state;
    static const char test[] = "|1x3 Cross validator\n25, Private, 11th, 7, Male, <=50K.\n38, ?, 11th, 9, Male, >50K.\n\n";
    write_file("adult.test", test, sizeof test - 1);
    ROWS("adult.data",
         "39, State-gov, Bachelors, 13, Male, <=50K\n50, Private, HS-grad, 9, Female, >50K\n53, ?, 11th, 7, Male, >50K\n\n",
         "columns age, workclass, education, education-num, sex, income; missing \"?\"; comment \"|\"; test csv(\"adult.test\")",
         "numbers(numeric) ++ onehot(workclass, sex)", 39, 13, 0, 0, 1, 0, 1, 50, 9, 0, 1, 0, 1, 0, 53, 7, 1, 0, 0, 0, 1);
    must_run("./m predict --weights run/last.safetensors adult.test 2>/dev/null | tail -1 | cut -d, -f2-");
    assert_true(output_has("38,9,1,0,0,0,1"));
}

static void test_other_programs(void **state)
{
    (void)state;
    ROWS("thousands.csv", "a,b\n\"1,234,567\",\"-7,350.5\"\n12,\"1,000\"\n", "thousands \",\"", "numbers(a, b)", 1234567, -7350.5,
         12, 1000);
    ROWS("points.csv", "a;b\n1.234.567;-7.350,5\n12;0,25\n", "decimal \",\"; thousands \".\"", "numbers(a, b)", 1234567, -7350.5,
         12, 0.25);
    ROWS("titled.csv", "Report of 2024\n\na\tb\n# no comment\t1\n#\t2\n", "skip 2; comment none", "numbers(b) ++ onehot(a)", 1, 0,
         1, 2, 1, 0);
    ROWS("colon.csv", "a:b\n1:2\n3:4\n", "separator \":\"", "numbers(a..b)", 1, 2, 3, 4);
    ROWS("header.csv", "x0,x1,y\n1,2,3\n4,5,6\n", "columns x0..x1, y", "numbers(x0..x1, y)", 1, 2, 3, 4, 5,
         6); /* which it repeats */
    static const char fewer[] = "x1,x0\n2,1\n";
    write_file("fewer.csv", fewer, sizeof fewer - 1); /* without the label, in another order */
    build("header.csv", "columns x0..x1, y", "numbers(x0..x1)");
    must_run("./m train --data . --out run && ./m predict --weights run/last.safetensors fewer.csv");
    assert_true(output_has("\n2,1,2\n"));
    ROWS("iso.csv", "when,v\n2024-03-10 18:00:00.5,1\n2024-03-11T18:00:00.5Z,2\n2024-03-12 18:00:00.5,3\n", "",
         "normalize(time(when)) ++ v", 0, 1, 0.5, 2, 1, 3);
    ROWS("pixels.csv", "p2,p10,p1,p3,y\n2,10,1,3,0\n", "", "numbers(p1..p3)", 1, 2, 3); /* counted, not as they stand */
}

/* Lines that end with CR, separators that end the header alone, one column of numbers with decimal commas. */
static void test_odd_shapes(void **state)
{
    (void)state;
    ROWS("mac.csv", "# of an old Mac\ra,b\r1,2\r\r# and more\r3,4\r", "", "numbers(a, b)", 1, 2, 3, 4);
    must_run("./m predict --weights run/last.safetensors mac.csv");
    assert_true(output_has("\n3,1,2\n6,3,4\n")); /* the lines of the file */
    ROWS("mac.csv", "title\ra,b\r1,2\r3,4", "skip 1", "numbers(a, b)", 1, 2, 3, 4);
    ROWS("padded.csv", "a,b,,\n1,2\n3,4,,\n5,6,\n", "", "numbers(a, b)", 1, 2, 3, 4, 5, 6);
    ROWS("padded.csv", "a;b;\n1;2,5\n3;4\n", "decimal \",\"", "numbers(a, b)", 1, 2.5, 3, 4);
    ROWS("one.csv", "a\n1,5\n-2,25\n", "decimal \",\"", "numbers(a) ++ a", 1.5, 1.5, -2.25, -2.25);
    must_run("rm -rf again && ./m train --data . --out again");
    assert_false(output_has("note:"));
    ROWS("wrapped.csv", "\"width\r\n(mm)\",\"long\nname\"\r\n1,2\r\n3,4\r\n", "", "numbers(\"width (mm)\", \"long name\")", 1, 2,
         3, 4);
    ROWS("r.txt", "\"a\" \"b\"\n\"1\" 5 6\n\"2\" 7 8\n", "separator \" \"; skip 1; columns _, a, b", "numbers(a, b)", 5, 6, 7, 8);
}

/* A row whose first field begins with '#' is not lost silently. */
static void test_rows_that_begin_with_hash(void **state)
{
    (void)state;
    static const char colours[] = "colour,v\n#ffcc95,1\nred,2\n#000000,3\n";
    write_file("colours.csv", colours, sizeof colours - 1);
    build("colours.csv", "", "numbers(v)");
    must_run("./m train --data . --out run");
    assert_true(
        output_has("note: 2 lines of the data set t begin with '#' and are left out; 'comment none' in the data set reads them"));
    ROWS("colours.csv", colours, "comment none", "numbers(v)", 1, 2, 3);
    must_run("rm -rf again && ./m train --data . --out again");
    assert_false(output_has("note:"));
}

/* New rows hold a category that the compiler did not see. */
static void check_unknown(const char *setting, const char *row, const char *note)
{
    static const char rows[] = "job,v\ncook,1\nclerk,2\ncook,3\n", new_rows[] = "job,v\npilot,4\ncook,5\n";
    char settings[64];
    write_file("jobs.csv", rows, sizeof rows - 1);
    write_file("new.csv", new_rows, sizeof new_rows - 1);
    snprintf(settings, sizeof settings, "%s", setting);
    build("jobs.csv", settings, "onehot(job) ++ v");
    must_run("./m train --data . --out run");
    int status = run_command("./m predict --weights run/last.safetensors new.csv");
    assert_int_equal(status, row ? 0 : 1);
    assert_true(!row || output_has(row));
    if (!output_has(note))
        fail_msg("expected '%s' in:\n%s", note, command_output());
}

static void test_unknown_categories(void **state)
{
    (void)state;
    check_unknown("", NULL, "new.csv:2: the column 'job' holds 'pilot', which is none of the 2 categories");
    check_unknown("unknown as error", NULL, "new.csv:2: the column 'job' holds 'pilot', which is none of the 2 categories");
    check_unknown(
        "unknown as missing", "\n2,0,0,4\n",
        "note: 1 row of the data set t holds in the column 'job' a value that the compiler did not see: it is taken as missing");
    check_unknown("unknown as frequent", "\n2,0,1,4\n", "it is taken as cook");
}

/* What --emit=ast writes of every setting is a model again. */
static void test_settings_as_text(void **state)
{
    (void)state;
    static const char rows[] = "//x\n1,5;b;c;d\n2,5;b;c;d\n";
    write_file("all.csv", rows, sizeof rows - 1);
    build("all.csv",
          "columns x0..x1, _, z; separator \";\"; decimal \",\"; thousands \".\"; comment \"//\"; skip 0; missing \"?\" as mean; "
          "unknown as missing; drop z",
          "numbers(numeric) ++ onehot(categorical)");
    must_run("'" HNC_BINARY_DIR "/hnc' build m.hn --data . --emit=ast -o tree && cp tree.ast tree.hn && '" HNC_BINARY_DIR
             "/hnc' build tree.hn --data . --emit=ast -o again && cmp tree.ast again.ast && grep 'x0 .. x1' tree.ast");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wine_quality),
        cmocka_unit_test(test_bank_full),
        cmocka_unit_test(test_german_credit),
        cmocka_unit_test(test_iris),
        cmocka_unit_test(test_auto_mpg),
        cmocka_unit_test(test_air_quality),
        cmocka_unit_test(test_adult),
        cmocka_unit_test(test_other_programs),
        cmocka_unit_test(test_odd_shapes),
        cmocka_unit_test(test_rows_that_begin_with_hash),
        cmocka_unit_test(test_unknown_categories),
        cmocka_unit_test(test_settings_as_text),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
