/* Data sets of CSV files as the manifest describes them: the checks of the description, and the rows that come out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/data/dataset.h"
#include "runtime/data/encode.h"
#include "tests/runtime/abi_text.h"
#include "tests/runtime/run_command.h"

/* clang-format off */
#define STATE(name, count, offset) \
    "{\"name\":\"" name "\",\"dtype\":\"f64\",\"shape\":[" count "],\"role\":\"encoder\",\"offset\":" offset ",\"lifetime\":\"net\",\"grows\":false,\"begins_as\":null,\"file\":null,\"part_of\":null}"
#define SPLIT(name, test, count, fraction) \
    "{\"name\":\"" name "\",\"from_test\":" test ",\"count\":" count ",\"fraction\":" fraction ",\"own_files\":0,\"streams\":0}"
#define TEST(kind, column, text, number) \
    "{\"kind\":\"" kind "\",\"column\":" column ",\"text\":" text ",\"number\":" number "}"
#define FIELD(kind, parts, column, tests) \
    "{\"kind\":\"" kind "\",\"parts\":[" parts "],\"column\":" column ",\"tests\":[" tests "]}"

static const char manifest_text[] =
    "{\"abi\":" ABI ",\"model\":\"m\",\"digest\":\"\",\"cpu\":\"x86-64-v3\",\"blas\":\"openblas\",\"real\":\"f32\",\"state_bytes\":192,\"scratch_bytes\":0,\"states\":["
    STATE("d.x/mean", "1", "0") "," STATE("d.x/scale", "1", "64") "," STATE("d.x/other", "2", "128") "],"
    "\"fields\":[{\"name\":\"d.x\",\"dtype\":\"f32\",\"shape\":[3],\"classes\":0,\"first\":0,\"names\":[],\"index\":false},"
    "{\"name\":\"d.y\",\"dtype\":\"i32\",\"shape\":[],\"classes\":2,\"first\":0,\"names\":[],\"index\":false},"
    "{\"name\":\"d.c\",\"dtype\":\"bool\",\"shape\":[],\"classes\":0,\"first\":0,\"names\":[],\"index\":false}],"
    "\"functions\":[],\"datasets\":[{\"name\":\"d\",\"format\":\"csv\",\"fields\":[0,1,2],\"files\":[\"a.csv\",\"b.csv\"],"
    "\"family\":null,\"test_files\":[\"t.csv\"],\"splits\":["
    SPLIT("first", "false", "1", "0") "," SPLIT("train", "false", "2", "0") "," SPLIT("test", "true", "0", "1") "],"
    "\"shuffled\":false,\"rows\":0,\"test_rows\":0,\"makers\":[],\"taken\":[],\"text\":null,\"resize\":\"no\",\"schema\":{\"markers\":[\"?\"],\"missing\":\"error\",\"unknown\":\"error\","
    "\"separator\":\"\",\"decimal\":\".\",\"thousands\":\"\",\"comment\":\"#\",\"skip\":0,\"names\":[],\"columns\":["
    "{\"name\":\"age\",\"number\":true,\"time\":null,\"label\":false,\"categories\":[],\"frequent\":0},"
    "{\"name\":\"job\",\"number\":false,\"time\":null,\"label\":true,\"categories\":[\"cook\",\"smith\"],\"frequent\":1}],\"fields\":["
    FIELD("vector", "{\"kind\":\"standardize\",\"columns\":[0]},{\"kind\":\"onehot\",\"columns\":[1]}", "0", "") ","
    FIELD("class", "", "1", "") ","
    FIELD("condition", "", "0", TEST("<", "0", "null", "25.0") "," TEST("!=", "1", "\"cook\"", "0") "," TEST("||", "0", "null", "0") ","
                                TEST("!", "0", "null", "0"))
    "]}}],\"conditions\":[],\"hypers\":[],\"constants\":[],\"exports\":[],\"train\":null}";
/* clang-format on */

/* The manifest with one text in place of another. */
static bool read_changed(Manifest *manifest, const char *from, const char *to)
{
    const char *place = strstr(manifest_text, from);
    assert_non_null(place);
    char *text = malloc(sizeof manifest_text + strlen(to));
    memcpy(text, manifest_text, (size_t)(place - manifest_text));
    strcpy(text + (place - manifest_text), to);
    strcat(text, place + strlen(from));
    capture_begin();
    bool fine = manifest_read(manifest, text);
    capture_end();
    free(text);
    return fine;
}

static void test_table_of_the_manifest_is_checked(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"\"missing\":\"error\"", "\"missing\":\"ignore\""},
        {"\"missing\":\"error\"", "\"missing\":\"mean\""}, /* which needs a state d.x/fill */
        {"\"markers\":[\"?\"]", "\"markers\":[1]"},
        {"\"unknown\":\"error\"", "\"unknown\":\"ignore\""},
        {"\"decimal\":\".\"", "\"decimal\":\"x\""},
        {"\"separator\":\"\"", "\"separator\":\"::\""},
        {"\"skip\":0", "\"skip\":-1"},
        {"\"frequent\":1", "\"frequent\":2"},
        {"\"categories\":[\"cook\",\"smith\"]", "\"categories\":[\"cook\"]"},
        {"\"categories\":[\"cook\",\"smith\"]", "\"categories\":[]"},
        {"\"number\":true", "\"number\":false"},
        {"\"kind\":\"standardize\"", "\"kind\":\"scale\""},
        {"\"kind\":\"standardize\"", "\"kind\":\"numbers\""}, /* which has no states */
        {"\"columns\":[0]", "\"columns\":[7]"},
        {"\"columns\":[0]", "\"columns\":[-1]"},
        {"\"columns\":[0]", "\"columns\":[]"},
        {FIELD("class", "", "1", ""), FIELD("class", "", "0", "")},
        {FIELD("class", "", "1", ""), FIELD("class", "", "2", "")},
        {"\"kind\":\"condition\"", "\"kind\":\"vector\""},
        {TEST("||", "0", "null", "0") ",", ""},
        {TEST("||", "0", "null", "0") ",", TEST("||", "0", "null", "0") "," TEST("&&", "0", "null", "0") ","},
        {TEST("<", "0", "null", "25.0"), TEST("<", "9", "null", "25.0")},
        {TEST("<", "0", "null", "25.0"), TEST("<", "1", "null", "25.0")}, /* no column of numbers */
        {TEST("<", "0", "null", "25.0"), TEST("<", "0", "\"young\"", "0")},
        {TEST("<", "0", "null", "25.0"), TEST("<", "0", "null", "null")},
        {"\"name\":\"d.x/scale\",\"dtype\":\"f64\",\"shape\":[1]", "\"name\":\"d.x/scale\",\"dtype\":\"f64\",\"shape\":[2]"},
        {"\"name\":\"d.x/scale\",\"dtype\":\"f64\"", "\"name\":\"d.x/scale\",\"dtype\":\"i32\""},
        {"\"shape\":[1],\"role\":\"encoder\"", "\"shape\":[1],\"role\":\"counter\""},
        {"\"name\":\"d.c\",\"dtype\":\"bool\"", "\"name\":\"d.c\",\"dtype\":\"u8\""},
        {"\"files\":[\"a.csv\",\"b.csv\"]", "\"files\":[]"},
        {"\"classes\":2,\"first\":0,\"names\":[]", "\"classes\":2,\"first\":0,\"names\":[\"a\"]"}, /* of one class */
        {"\"schema\":{", "\"chair\":{"},
        {"\"format\":\"csv\"", "\"format\":\"parquet\""},
        {"\"format\":\"csv\"", "\"format\":\"idx\""}, /* whose files hold no columns */
        {"\"format\":\"csv\"", "\"format\":\"rows\""},
    };
    Manifest manifest;
    assert_true(read_changed(&manifest, "\"model\":\"m\"", "\"model\":\"n\""));
    manifest_free(&manifest);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (read_changed(&manifest, changes[i][0], changes[i][1]))
            fail_msg("'%s' instead of '%s' is accepted", changes[i][1], changes[i][0]);
}

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static void test_rows(void **state)
{
    (void)state;
    Manifest manifest;
    Program program;
    Data data;
    enter_folder();
    write_text("a.csv", "job,age\ncook,20\nsmith,30\n");
    write_text("b.csv", "# other columns\nname,age,job\nx,50,cook\ny,24,smith\n");
    write_text("t.csv", "age,job\n60,cook\n");
    assert_true(manifest_read(&manifest, manifest_text) && program_open(&program, &manifest));
    assert_true(data_load(&data, &manifest, ".", 7));
    assert_int_equal(data.splits[0][1].first, 1);
    assert_int_equal(data.splits[0][2].first, 4);
    assert_true(data_encode(&data, &program, true));
    const double *mean = (const double *)program.state, *scale = mean + 8; /* of 30 and 50: the split called train */
    assert_true(*mean == 40 && *scale == 10);
    static const float x[] = {-2, 1, 0, -1, 0, 1, 1, 1, 0, -1.6f, 0, 1, 2, 1, 0};
    assert_memory_equal(data.tables[0], x, sizeof x);
    assert_memory_equal(data.tables[1], ((int32_t[]){0, 1, 0, 1, 0}), 5 * sizeof(int32_t));
    assert_memory_equal(data.tables[2], ((unsigned char[]){0, 0, 1, 0, 1}), 5);
    data_free(&data);

    /* encoders that a checkpoint gave are left alone */
    ((double *)program.state)[0] = 20;
    assert_true(data_load(&data, &manifest, ".", 7) && data_encode(&data, &program, false));
    assert_true(((float *)data.tables[0])[0] == 0 && ((float *)data.tables[0])[12] == 4);
    data_free(&data);

    write_text("t.csv", "age,job\n60,chef\n");
    capture_begin();
    assert_false(data_load(&data, &manifest, ".", 7));
    capture_end();
    assert_true(output_has("t.csv:2: the column 'job' holds 'chef'"));
    program_close(&program);
    manifest_free(&manifest);
    leave_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_of_the_manifest_is_checked),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
