/* Computed rows that take examples of other data sets: mnist.train.image[k]. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/runtime/run_command.h"

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

/* The numbers 1 to 5 and, as test rows, 10 and 20, with labels; `split` says how the main rows are divided. */
static void build(const char *split, const char *rows, const char *metrics)
{
    char text[4096];
    const char *model = "net point() -> f32 { weight w: f32 = 0; return w }\n"
                        "objective away(d) = square(point() - 3)\n"
                        "objective x(d) = mean(d.x)\n"
                        "objective xx(d) = mean(square(d.x))\n"
                        "objective weighted(d) = mean(d.x * d.place)\n";
    int size = snprintf(text, sizeof text,
                        "%sdata made = rows(4) {\n%s}\n" /* declared before what it takes from */
                        "data table = csv(\"a.csv\") { fields x = numbers(v), c = class(k); test csv(\"b.csv\")%s }\n"
                        "train t = fit { minimise away(made.train) by adam(1e-2); batch 2; epochs 1; report %s }\n",
                        model, rows, split, metrics);
    assert_true(size > 0 && (size_t)size < sizeof text);
    write_text("a.csv", "v,k\n1,p\n2,q\n3,p\n4,q\n5,p\n");
    write_text("b.csv", "v,k\n10,q\n20,p\n");
    write_text("m.hn", text);
    must_run("rm -rf run && '%s/hnc' build -W error m.hn --data . -o m", HNC_BINARY_DIR);
}

/* What the trained program says of a metric. */
static double metric(const char *name)
{
    must_run("[ -d run ] || ./m train --data . --out run --quiet");
    must_run("./m eval --weights run/last.safetensors --data . --json > metrics.json");
    json_t *metrics = json_load_file("metrics.json", 0, NULL);
    double value = json_number_value(json_object_get(metrics, name));
    json_decref(metrics);
    return value;
}

static void test_places(void **state)
{
    (void)state;
    build("; split train 2, valid 3",
          "  x = table.valid.x[2 - min(row, 2)][0] + 100 * sum(table.test.x[1])\n" /* 5, 4, 3, 3 */
          "  place: f32 = f32(row)\n"
          "  test rows(2) { x = sum(table.test.x[iota(2)] * [[1], [100]]); place = table.train.c[row] + 5 }\n",
          "x(made.train), weighted(made.train), x(made.test), weighted(made.test)");
    assert_true(metric("x(made.train)") == 2000 + 3.75);
    assert_true(metric("weighted(made.train)") == (2004. + 2 * 2003 + 3 * 2003) / 4);
    assert_true(metric("x(made.test)") == 2010);
    assert_true(metric("weighted(made.test)") == 2010 * (5. + 6) / 2);
}

/* The rows of a shuffled split are those of this run. */
static void test_shuffled(void **state)
{
    (void)state;
    build("; split train 4, valid 1 shuffled", "  x = table.train.x[row][0]\n",
          "x(made.train), xx(made.train), x(table.train), xx(table.train)");
    assert_true(fabs(metric("x(made.train)") - metric("x(table.train)")) < 1e-6);
    assert_true(fabs(metric("xx(made.train)") - metric("xx(table.train)")) < 1e-6);
}

/* A label keeps its classes, bytes stay bytes, and numbers are held to them. */
static void test_types(void **state)
{
    (void)state;
    build("", "  c = table.train.c[row]\n  bytes = u8([-3, 2.9, 300, 255])\n  x = [10, 20][c] + f32(bytes)[2] + u8(1e9)\n",
          "x(made.train)");
    assert_true(metric("x(made.train)") == 15 + 255 + 255);
    must_run("'%s/hnc' explain m.hn --data .", HNC_BINARY_DIR);
    assert_true(output_has("u8[4]"));
    assert_true(output_has("class[2]"));
}

static void test_outside(void **state)
{
    (void)state;
    build("", "  x = table.train.x[2 * row][0]\n", "x(made.train)");
    assert_int_equal(run_command("./m train --data . --out run --quiet"), 1);
    assert_true(output_has("line 7 of the model: an index is 6, but the table has the rows 0 to 4"));
}

/* The places are those of the files that the compiler saw. */
static void test_other_files(void **state)
{
    (void)state;
    build("", "  x = table.train.x[row][0]\n", "x(made.train)");
    write_text("a.csv", "v,k\n1,p\n2,q\n3,p\n4,q\n");
    assert_int_equal(run_command("./m train --data . --out run --quiet"), 1);
    assert_true(output_has("table.train has 4 examples here"));
    assert_true(output_has("build it again"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),  cmocka_unit_test(test_shuffled),    cmocka_unit_test(test_types),
        cmocka_unit_test(test_outside), cmocka_unit_test(test_other_files),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
