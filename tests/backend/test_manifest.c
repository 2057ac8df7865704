/* The manifest of a small model, word for word. The plan is a stand-in with its sizes filled in by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>

#include "backend/manifest.h"

static Function *step_function(Model *model, const char *name)
{
    Function *function = function_new(model->module, name);
    Builder b = {model->module, function, 0};
    int64_t batch[] = {128};
    build_input(&b, "index", type_of(DTYPE_I32, 1, batch));
    build_output(&b, "loss", build_read(&b, 1));
    return function;
}

static void add_dataset(Model *model)
{
    int64_t image[] = {28, 28};
    vec_push(&model->module->fields, (Field){"fashion.image", type_of(DTYPE_U8, 2, image), 0, 0});
    vec_push(&model->module->fields, (Field){"fashion.label", type_scalar(DTYPE_I32), 0, 10});
    Dataset dataset = {.name = "fashion", .format = "idx"};
    vec_push(&dataset.files, "images.gz");
    vec_push(&dataset.files, "labels.gz");
    vec_push(&dataset.splits, (Split){"train", false, 50000, 0});
    vec_push(&dataset.splits, (Split){"valid", false, 0, 0.1});
    vec_push(&dataset.splits, (Split){"test", true, 0, 1});
    vec_push(&model->datasets, dataset);
}

static Model new_model(void)
{
    Model content = {.module = module_new("stn", DTYPE_F32), .name = "stn"}, *model = &content;
    int64_t seed[] = {2};
    module_state(model->module, "seed", type_of(DTYPE_I32, 1, seed), STATE_COUNTER);
    module_state(model->module, "w", type_scalar(DTYPE_F32), STATE_WEIGHT);
    add_dataset(model);
    vec_push(
        &model->hypers,
        (Hyper){
            .name = "lam.drop", .shape = type_scalar(DTYPE_F32), .kind = HYPER_RANGE, .high = 0.9, .init = 0.05, .shared = true});
    Train train = {.name = "tune",
                   .method = METHOD_BILEVEL,
                   .select = 0,
                   .batch = 128,
                   .epochs = 60,
                   .evaluate = 1,
                   .patience = 20,
                   .warmup = 1.5,
                   .every_lower = 5,
                   .every_upper = 1};
    vec_push(&train.phases, (Phase){.name = "lower", .split = 0, .step = step_function(model, "tune.lower")});
    vec_push(&train.phases, (Phase){.name = "upper", .split = 1, .step = step_function(model, "tune.upper")});
    vec_push(&train.metrics, (Metric){.name = "fit(\"valid\")",
                                      .split = 1,
                                      .accumulate = train.phases.data[0].step,
                                      .finish = train.phases.data[1].step});
    train.init = step_function(model, "tune.init");
    vec_push(&model->trains, train);
    vec_push(&model->exports, (Export){"predict", train.init});
    return content;
}

#define FUNCTION(name)                                                                                                           \
    "{\"name\":\"" name "\",\"inputs\":[{\"name\":\"index\",\"dtype\":\"i32\",\"shape\":[128]}],"                                \
    "\"outputs\":[{\"name\":\"loss\",\"dtype\":\"f32\",\"shape\":[]}]}"

static const char expected[] =
    "{\"abi\":1,\"model\":\"stn\",\"float\":\"f32\",\"cpu\":\"x86-64-v3\",\"state_bytes\":128,\"scratch_bytes\":4096,"
    "\"states\":[{\"name\":\"seed\",\"dtype\":\"i32\",\"shape\":[2],\"role\":\"counter\",\"offset\":64},"
    "{\"name\":\"w\",\"dtype\":\"f32\",\"shape\":[],\"role\":\"weight\",\"offset\":0}],"
    "\"fields\":[{\"name\":\"fashion.image\",\"dtype\":\"u8\",\"shape\":[28,28],\"classes\":0},"
    "{\"name\":\"fashion.label\",\"dtype\":\"i32\",\"shape\":[],\"classes\":10}],"
    "\"functions\":[" FUNCTION("tune.lower") "," FUNCTION("tune.upper") "," FUNCTION(
        "tune.init") "],"
                     "\"datasets\":[{\"name\":\"fashion\",\"format\":\"idx\",\"fields\":[0,1],\"files\":[\"images.gz\",\"labels."
                     "gz\"],"
                     "\"test_files\":[],\"splits\":[{\"name\":\"train\",\"test\":false,\"count\":50000,\"fraction\":0},"
                     "{\"name\":\"valid\",\"test\":false,\"count\":0,\"fraction\":0.10000000000000001},"
                     "{\"name\":\"test\",\"test\":true,\"count\":0,\"fraction\":1}],\"shuffled\":false}],"
                     "\"hypers\":[{\"name\":\"lam.drop\",\"kind\":\"range\",\"shape\":[],\"low\":0,\"high\":0.90000000000000002,"
                     "\"init\":0.050000000000000003,\"shared\":true}],"
                     "\"train\":{\"name\":\"tune\",\"method\":\"bilevel\",\"batch\":128,\"epochs\":60,\"evaluate\":1,"
                     "\"patience\":20,\"warmup\":"
                     "1.5,\"every\":[5,1],"
                     "\"phases\":[{\"name\":\"lower\",\"dataset\":0,\"split\":0,\"step\":\"tune.lower\"},"
                     "{\"name\":\"upper\",\"dataset\":0,\"split\":1,\"step\":\"tune.upper\"}],"
                     "\"metrics\":[{\"name\":\"fit(\\\"valid\\\")\",\"dataset\":0,\"split\":1,\"accumulate\":\"tune.lower\","
                     "\"finish\":\"tune.upper\"}],\"select\":0,\"init\":\"tune.init\",\"hypers\":null,\"plateau\":null,"
                     "\"pareto\":null},"
                     "\"exports\":[{\"name\":\"predict\",\"function\":\"tune.init\"}]}";

static Plan plan_of(const Model *model)
{
    static int64_t offsets[] = {64, 0};
    return (Plan){.module = model->module, .state_offsets = offsets, .state_bytes = 128, .scratch_bytes = 4096};
}

static void test_every_key(void **state)
{
    (void)state;
    Arena arena = {0};
    Model model = new_model();
    Plan plan = plan_of(&model);
    assert_string_equal(manifest_json(&model, &plan, "x86-64-v3", &arena), expected);
    model_free(&model);
    arena_free(&arena);
}

static void test_native_processor(void **state)
{
    (void)state;
    Arena arena = {0};
    Model model = new_model();
    Plan plan = plan_of(&model);
    json_t *json = json_loads(manifest_json(&model, &plan, "native", &arena), 0, NULL);
    const char *cpu = json_string_value(json_object_get(json, "cpu"));
    assert_non_null(strstr(cpu, ",+sse2"));
    assert_null(strchr(cpu, '-') && strstr(cpu, ",-") ? cpu : NULL);
    json_decref(json);
    model_free(&model);
    arena_free(&arena);
}

static void test_no_train(void **state)
{
    (void)state;
    Arena arena = {0};
    Model model = {.module = module_new("empty", DTYPE_F64), .name = "empty"};
    Plan plan = {.module = model.module, .state_bytes = 0};
    assert_string_equal(
        manifest_json(&model, &plan, "znver3", &arena),
        "{\"abi\":1,\"model\":\"empty\",\"float\":\"f64\",\"cpu\":\"znver3\",\"state_bytes\":0,\"scratch_bytes\":0,"
        "\"states\":[],\"fields\":[],\"functions\":[],\"datasets\":[],\"hypers\":[],\"train\":null,\"exports\":[]}");
    module_free(model.module);
    arena_free(&arena);
}

static void test_names_that_are_not_text(void **state)
{
    (void)state;
    Arena arena = {0};
    Model model = new_model();
    Plan plan = plan_of(&model);
    model.datasets.data[0].files.data[1] = "\xff.gz";
    assert_null(manifest_json(&model, &plan, "x86-64-v3", &arena));
    model_free(&model);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_native_processor),
        cmocka_unit_test(test_no_train),
        cmocka_unit_test(test_names_that_are_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
