/* Records as JSON: thousands of random manifests are written, read again and equal; a manifest with a missing value or one out of
 * range is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/abi/manifest.h"

static uint64_t dice = 1;

static uint64_t roll(uint64_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (dice >> 33) % sides;
}

static const char *random_text(void)
{
    static const char *const texts[] = {"", "a", "lam.decay", "\"quoted\\\n\"", "\u00e4\u4e2d", "a/b c"};
    return texts[roll(sizeof texts / sizeof texts[0])];
}

static double random_number(void)
{
    static const double numbers[] = {0, -0.0, 1, -17, 0.1, 1e-308, 1.7976931348623157e308, 9007199254740993.0, -2.5e-17, 1.0 / 3};
    return numbers[roll(sizeof numbers / sizeof numbers[0])];
}

static int64_t count_in_root(const Record *root, const void *object, const char *key)
{
    for (const RecordField *field = root->fields; field->kind != FIELD_END; field++)
        if (field->key && field->count_size && !strcmp(field->key, key))
            return record_integer((const char *)object + field->count_offset, field->count_size);
    return 0;
}

static void fill(const Record *record, void *object, const Record *root, const void *root_object);

/* Fills a list with up to three elements of the field's kind. */
static void fill_list(const RecordField *field, void *object, const Record *root, const void *root_object)
{
    size_t count = roll(4), size = field->kind == FIELD_LIST      ? field->record()->size
                                   : field->kind == FIELD_INDICES ? field->size
                                                                  : 8;
    int64_t most = field->of ? count_in_root(root, root_object, field->of) : 5;
    if (field->kind == FIELD_INDICES && most == 0)
        count = 0;
    char *elements = count ? calloc(count, size) : NULL;
    memcpy((char *)object + field->offset, &elements, sizeof elements);
    record_set_integer((char *)object + field->count_offset, field->count_size, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        char *element = elements + i * size;
        const char *text = random_text();
        double number = random_number();
        if (field->kind == FIELD_TEXTS)
            memcpy(element, &text, sizeof text);
        else if (field->kind == FIELD_NUMBERS)
            memcpy(element, &number, sizeof number);
        else if (field->kind == FIELD_INDICES)
            record_set_integer(element, size, (int64_t)roll((uint64_t)most));
        else
            fill(field->record(), element, root, root_object);
    }
}

static void fill_field(const RecordField *field, void *object, const Record *root, const void *root_object)
{
    char *member = (char *)object + field->offset;
    const char *text = field->kind == FIELD_OPTIONAL_TEXT && roll(2) ? NULL : random_text();
    double number = random_number();
    bool flag = roll(2);
    int64_t range = field->high - field->low, most = field->of ? count_in_root(root, root_object, field->of) : 0;
    void *inner;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_OPTIONAL_TEXT:
        memcpy(member, &text, sizeof text);
        break;
    case FIELD_FLAG:
        memcpy(member, &flag, sizeof flag);
        break;
    case FIELD_NUMBER:
        memcpy(member, &number, sizeof number);
        break;
    case FIELD_INTEGER:
    case FIELD_CHOICE:
        record_set_integer(member, field->size, field->low + (int64_t)roll(range < INT32_MAX ? (uint64_t)range + 1 : INT32_MAX));
        break;
    case FIELD_INDEX:
        record_set_integer(member, field->size, most ? (int64_t)roll((uint64_t)most) : field->low);
        break;
    case FIELD_SHAPE:
        record_set_integer((char *)object + field->count_offset, field->count_size, (int64_t)roll(RECORD_MAX_RANK + 1));
        for (int i = 0; i < RECORD_MAX_RANK; i++)
            record_set_integer(member + i * (int)sizeof(int64_t), sizeof(int64_t), 1 + (int64_t)roll(7));
        break;
    case FIELD_EMBEDDED:
        fill(field->record(), member, root, root_object);
        break;
    case FIELD_OPTIONAL:
        inner = roll(2) ? calloc(1, field->record()->size) : NULL;
        memcpy(member, &inner, sizeof inner);
        if (inner)
            fill(field->record(), inner, root, root_object);
        break;
    default:
        fill_list(field, object, root, root_object);
    }
}

static void fill(const Record *record, void *object, const Record *root, const void *root_object)
{
    for (const RecordField *field = record->fields; field->kind != FIELD_END; field++)
        fill_field(field, object, root, root_object);
}

/* Whether every index of a list without elements is absent: such a manifest cannot be read back. */
static bool can_be_read(const Manifest *m)
{
    return m->state_count && m->function_count && m->dataset_count && m->condition_count;
}

static void test_written_and_read_again(void **state)
{
    (void)state;
    unsigned read = 0;
    for (int i = 0; i < 5000; i++) {
        Manifest manifest = {0}, again;
        char why[160];
        fill(manifest_record(), &manifest, manifest_record(), &manifest);
        if (can_be_read(&manifest)) {
            char *text = manifest_write(&manifest);
            json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
            if (!record_read(manifest_record(), json, &again, why))
                fail_msg("%s\n%s", why, text);
            assert_true(record_equal(manifest_record(), &manifest, &again));
            record_free(manifest_record(), &again);
            json_decref(json);
            free(text);
            read++;
        }
        record_free(manifest_record(), &manifest);
    }
    assert_true(read > 1000);
}

/* Manifests that differ in one place are never equal. */
static void test_what_differs_is_not_equal(void **state)
{
    (void)state;
    StateInfo states[] = {{.tensor = {.name = "w", .rank = 1, .dims = {3}}, .offset = 64}};
    double rays[] = {0.5, 0.5};
    SweepInfo sweep = {.name = "front", .condition = 1, .points = rays, .point_numbers = 2, .all = NONE, .memory = NONE};
    TrainInfo train = {.name = "t", .method = "pareto", .sweep = &sweep};
    Manifest x = {.model = "m", .digest = "d", .cpu = "c", .states = states, .state_count = 1, .train = &train}, y = x;
    assert_true(record_equal(manifest_record(), &x, &y));
    StateInfo other_states[] = {states[0]};
    double other_rays[] = {0.5, 0.25};
    SweepInfo other_sweep = sweep;
    TrainInfo other_train = train;
    other_train.sweep = &other_sweep;
    y.states = other_states;
    y.train = &other_train;
    other_states[0].tensor.dims[0] = 4;
    assert_false(record_equal(manifest_record(), &x, &y));
    other_states[0].tensor.dims[0] = 3;
    other_sweep.points = other_rays;
    assert_false(record_equal(manifest_record(), &x, &y));
    other_sweep.points = rays;
    assert_true(record_equal(manifest_record(), &x, &y));
    other_train.sweep = NULL;
    assert_false(record_equal(manifest_record(), &x, &y));
    other_train.sweep = &other_sweep;
    y.model = "n";
    assert_false(record_equal(manifest_record(), &x, &y));
}

/* Each key of a record left out in turn, or given a value of another kind. */
static void test_what_is_missing_is_refused(void **state)
{
    (void)state;
    TensorInfo in[] = {{.name = "x", .dtype = DTYPE_F64, .rank = 1, .dims = {3}}};
    FunctionInfo functions[] = {{.name = "f", .inputs = in, .input_count = 1}};
    ArgumentInfo arguments[] = {{{.name = "x", .dtype = DTYPE_F32}, NONE}};
    ExportInfo exports[] = {{.name = "f",
                             .arguments = arguments,
                             .argument_count = 1,
                             .generate = NONE,
                             .function = 0,
                             .rows = 64,
                             .labels = NONE,
                             .dataset = NONE,
                             .member = -1,
                             .member_condition = NONE}};
    Manifest manifest = {.model = "m",
                         .digest = "d",
                         .cpu = "c",
                         .functions = functions,
                         .function_count = 1,
                         .exports = exports,
                         .export_count = 1};
    char *text = manifest_write(&manifest), why[160];
    for (const RecordField *field = manifest_record()->fields; field->kind != FIELD_END; field++)
        for (int wrong = 0; wrong < 2; wrong++) {
            Manifest read;
            json_t *json = json_loads(text, 0, NULL);
            assert_true(record_read(manifest_record(), json, &read, why));
            record_free(manifest_record(), &read);
            json_object_del(json, field->key);
            if (wrong)
                json_object_set_new(json, field->key, json_pack("{s:i}", "a", 1));
            assert_false(record_read(manifest_record(), json, &read, why));
            assert_true(strlen(why) > 0);
            record_free(manifest_record(), &read);
            json_decref(json);
        }
    free(text);
}

static void test_names_that_are_not_text(void **state)
{
    (void)state;
    Manifest manifest = {.model = "\xff", .digest = "", .cpu = ""};
    assert_null(manifest_write(&manifest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read_again),
        cmocka_unit_test(test_what_differs_is_not_equal),
        cmocka_unit_test(test_what_is_missing_is_refused),
        cmocka_unit_test(test_names_that_are_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
