/* The manifest of a small model, part by part. The plan is a stand-in with its sizes filled in by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>

#include "backend/manifest.h"
#include "backend/target.h"
#include "runtime/abi/frame.h"
#include "runtime/abi/manifest.h"

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
    vec_push(&model->module->fields, (Field){.name = "fashion.image", .type = type_of(DTYPE_U8, 2, image)});
    vec_push(&model->module->fields, (Field){.name = "fashion.label", .type = type_scalar(DTYPE_I32), .classes = 10});
    Dataset dataset = {.name = "fashion", .format = FORMAT_IDX};
    vec_push(&dataset.files, "images.gz");
    vec_push(&dataset.files, "labels.gz");
    vec_push(&dataset.splits, ((Split){.name = "train", .count = 50000}));
    vec_push(&dataset.splits, ((Split){.name = "valid", .fraction = 0.1}));
    vec_push(&dataset.splits, ((Split){.name = "test", .from_test = true, .fraction = 1}));
    vec_push(&model->datasets, dataset);
}

static Model new_model(void)
{
    Model content = {.module = module_new("stn", DTYPE_F32), .name = "stn"}, *model = &content;
    int64_t seed[] = {2};
    module_state(model->module, "seed", type_of(DTYPE_I32, 1, seed), STATE_COUNTER);
    module_state(model->module, "w", type_scalar(DTYPE_F32), STATE_WEIGHT);
    add_dataset(model);
    int64_t one = 1;
    vec_push(&model->module->conditions, (Condition){"lam", type_of(DTYPE_F32, 1, &one), CONDITION_HYPER, 0});
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
    vec_push(&train.phases, (Phase){.name = "lower", .split = 0, .batch = 128, .step = step_function(model, "tune.lower")});
    vec_push(&train.phases, (Phase){.name = "upper", .split = 1, .batch = 100, .step = step_function(model, "tune.upper")});
    vec_push(&train.metrics, (Metric){.name = "fit(\"valid\")",
                                      .split = 1,
                                      .passes = 1,
                                      .accumulate = {train.phases.data[0].step},
                                      .finish = train.phases.data[1].step});
    train.init = step_function(model, "tune.init");
    vec_push(&model->trains, train);
    vec_push(&model->exports, (Export){.name = "predict", .function = train.init, .labels = -1, .dataset = -1, .member = -1});
    return content;
}

static Plan plan_of(const Model *model)
{
    static int64_t offsets[] = {64, 0};
    return (Plan){.module = model->module, .state_offsets = offsets, .state_bytes = 128, .scratch_bytes = 4096};
}

static char *text_for(const Model *model, const Plan *plan, const char *cpu, Arena *arena)
{
    Target target = target_for(cpu);
    return manifest_json(model, plan, &target, arena);
}

/* What the text says, read back; free it with record_free, and the JSON. */
static json_t *read_back(const char *text, Manifest *manifest)
{
    char why[160];
    json_t *json = json_loads(text, 0, NULL);
    if (!record_read(manifest_record(), json, manifest, why))
        fail_msg("%s", why);
    return json;
}

static void test_every_part(void **state)
{
    (void)state;
    Arena arena = {0};
    Model model = new_model();
    Plan plan = plan_of(&model);
    Manifest m;
    json_t *json = read_back(text_for(&model, &plan, "x86-64-v3", &arena), &m);
    assert_int_equal(m.abi, HN_ABI_VERSION);
    assert_string_equal(m.model, "stn");
    assert_string_equal(m.cpu, "x86-64-v3");
    assert_true(m.real == DTYPE_F32 && m.state_bytes == 128 && m.scratch_bytes == 4096);
    assert_int_equal(m.state_count, 2);
    assert_string_equal(m.states[0].tensor.name, "seed");
    assert_true(m.states[0].role == STATE_COUNTER && m.states[0].offset == 64 && m.states[0].tensor.dims[0] == 2);
    assert_true(m.states[1].role == STATE_WEIGHT && m.states[1].offset == 0 && m.states[1].tensor.rank == 0);
    assert_int_equal(m.field_count, 2);
    assert_true(m.fields[0].tensor.dtype == DTYPE_U8 && m.fields[0].tensor.rank == 2 && m.fields[1].classes == 10);
    assert_int_equal(m.function_count, 3);
    assert_string_equal(m.functions[1].name, "tune.upper");
    assert_true(m.functions[1].inputs[0].dims[0] == 128 && m.functions[1].outputs[0].dtype == DTYPE_F32);
    const DatasetInfo *dataset = &m.datasets[0];
    assert_true(m.dataset_count == 1 && dataset->field_count == 2 && dataset->fields[1] == 1 && dataset->file_count == 2);
    assert_true(dataset->split_count == 3 && dataset->splits[1].fraction == 0.1 && dataset->splits[2].from_test &&
                !dataset->schema);
    assert_true(m.hyper_count == 1 && m.hypers[0].high == 0.9 && m.hypers[0].init == 0.05 && m.hypers[0].shared);
    assert_true(m.hypers[0].kind == HYPER_RANGE && m.hypers[0].condition == 0 && m.hypers[0].offset == 0);
    assert_true(m.condition_count == 1 && m.conditions[0].standing && m.conditions[0].width == 1 &&
                m.conditions[0].state == NONE);
    assert_string_equal(m.conditions[0].word, "hyper");
    const TrainInfo *train = m.train;
    assert_true(train->batch == 128 && train->epochs == 60 && train->select == 0);
    assert_true(train->phase_count == 2 && train->phases[1].split == 1 && train->phases[1].batch == 100 &&
                train->phases[1].step == 1);
    assert_true(train->metric_count == 1 && train->metrics[0].accumulate_count == 1 && train->metrics[0].accumulate[0] == 0 &&
                train->metrics[0].finish == 1);
    assert_true(train->init == 2 && train->hypers == NONE && train->plateau == NONE && !train->sweep);
    assert_true(m.export_count == 1 && m.exports[0].function == 2);
    record_free(manifest_record(), &m);
    json_decref(json);
    model_free(&model);
    arena_free(&arena);
}

static void test_native_processor(void **state)
{
    (void)state;
    Arena arena = {0};
    Model model = new_model();
    Plan plan = plan_of(&model);
    json_t *json = json_loads(text_for(&model, &plan, "native", &arena), 0, NULL);
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
    Manifest m;
    json_t *json = read_back(text_for(&model, &plan, "znver3", &arena), &m);
    assert_true(!m.train && m.state_count == 0 && m.function_count == 0 && m.real == DTYPE_F64);
    record_free(manifest_record(), &m);
    json_decref(json);
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
    assert_null(text_for(&model, &plan, "x86-64-v3", &arena));
    model_free(&model);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part),
        cmocka_unit_test(test_native_processor),
        cmocka_unit_test(test_no_train),
        cmocka_unit_test(test_names_that_are_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
