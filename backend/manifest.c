#include "backend/manifest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "backend/manifest_table.h"
#include "backend/target.h"
#include "runtime/abi.h"

/* Appends, taking the item. A text that is not UTF-8 is no JSON: jansson makes NULL of it, which spreads to the whole. */
static void append(json_t **list, json_t *item)
{
    if (json_array_append_new(*list, item) < 0) {
        json_decref(*list);
        *list = NULL;
    }
}

/* Whole numbers without a fraction; what JSON cannot say is null. */
static json_t *number(double value)
{
    if (!isfinite(value))
        return json_null();
    if (value == floor(value) && fabs(value) < 0x1p53)
        return json_integer((json_int_t)value);
    return json_real(value);
}

static json_t *shape_of(Type type)
{
    json_t *shape = json_array();
    for (unsigned i = 0; i < type.rank; i++)
        append(&shape, json_integer(type.dims[i]));
    return shape;
}

static json_t *tensor(const char *name, Type type)
{
    return json_pack("{s:s, s:s, s:o}", "name", name, "dtype", dtype_name(type.dtype), "shape", shape_of(type));
}

static json_t *states(const Module *module, const Plan *plan)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < module->states.len; i++) {
        const State *state = &module->states.data[i];
        json_t *entry = tensor(state->name, state->type);
        json_object_set_new(entry, "role", json_string(state_role_names[state->role]));
        json_object_set_new(entry, "offset", json_integer(plan_state_offset(plan, i)));
        append(&list, entry);
    }
    return list;
}

static json_t *fields(const Module *module)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < module->fields.len; i++) {
        const Field *field = &module->fields.data[i];
        json_t *entry = tensor(field->name, field->type);
        json_object_set_new(entry, "classes", json_integer(field->classes));
        append(&list, entry);
    }
    return list;
}

/* Indices that the function checks, in the order of its state. */
static json_t *bounds(const Module *module, const Function *function)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < module->bounds.len; i++) {
        const Bound *bound = &module->bounds.data[i];
        if (!strcmp(bound->function, function->name))
            append(&list, json_pack("{s:s, s:I, s:I}", "state", module->states.data[bound->state].name, "rows",
                                    (json_int_t)bound->rows, "line", (json_int_t)bound->line));
    }
    return list;
}

static json_t *functions(const Module *module)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < module->functions.len; i++) {
        const Function *function = module->functions.data[i];
        json_t *inputs = json_array(), *outputs = json_array();
        for (uint32_t k = 0; k < function->inputs.len; k++)
            append(&inputs, tensor(function->input_names.data[k], OP_AT(function, function->inputs.data[k])->type));
        for (uint32_t k = 0; k < function->outputs.len; k++)
            append(&outputs, tensor(function->outputs.data[k].name, OP_AT(function, function->outputs.data[k].value)->type));
        json_t *entry = json_pack("{s:s, s:o, s:o}", "name", function->name, "inputs", inputs, "outputs", outputs);
        json_t *checked = bounds(module, function);
        if (json_array_size(checked))
            json_object_set(entry, "bounds", checked);
        json_decref(checked);
        append(&list, entry);
    }
    return list;
}

static json_t *names(uint32_t count, const char *const *texts)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        append(&list, json_string(texts[i]));
    return list;
}

static json_t *splits(const Dataset *dataset)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < dataset->splits.len; i++) {
        const Split *split = &dataset->splits.data[i];
        append(&list, json_pack("{s:s, s:b, s:I, s:o}", "name", split->name, "test", split->from_test, "count",
                                (json_int_t)split->count, "fraction", number(split->fraction)));
    }
    return list;
}

static json_t *datasets(const Model *model)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < model->datasets.len; i++) {
        const Dataset *dataset = &model->datasets.data[i];
        json_t *own_fields = json_array();
        for (uint32_t k = 0; k < model->module->fields.len; k++)
            if (model->module->fields.data[k].dataset == i)
                append(&own_fields, json_integer(k));
        json_t *entry = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "name", dataset->name, "format", dataset->format,
                                  "fields", own_fields, "files", names(dataset->files.len, dataset->files.data), "test_files",
                                  names(dataset->test_files.len, dataset->test_files.data), "splits", splits(dataset), "shuffled",
                                  dataset->shuffled);
        if (entry && dataset->rows)
            json_object_set_new(entry, "rows", json_integer(dataset->rows));
        if (entry && dataset->schema)
            json_object_set_new(entry, "table", manifest_table(dataset->schema));
        append(&list, entry);
    }
    return list;
}

static json_t *hypers(const Model *model)
{
    static const char *const kinds[] = {"real", "range", "positive", "log", "log_range", "integer"}; /* ORDER HyperKind */
    json_t *list = json_array();
    for (uint32_t i = 0; i < model->hypers.len; i++) {
        const Hyper *hyper = &model->hypers.data[i];
        append(&list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "name", hyper->name, "kind", kinds[hyper->kind], "shape",
                                shape_of(hyper->shape), "low", number(hyper->low), "high", number(hyper->high), "init",
                                number(hyper->init), "shared", hyper->shared));
    }
    return list;
}

static json_t *function_name(const Function *function)
{
    return function ? json_string(function->name) : json_null();
}

static json_t *phases(const Train *train)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < train->phases.len; i++) {
        const Phase *phase = &train->phases.data[i];
        append(&list, json_pack("{s:s, s:i, s:i, s:o}", "name", phase->name, "dataset", (int)phase->dataset, "split",
                                (int)phase->split, "step", function_name(phase->step)));
    }
    return list;
}

static json_t *metrics(const Train *train)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < train->metrics.len; i++) {
        const Metric *metric = &train->metrics.data[i];
        append(&list, json_pack("{s:s, s:i, s:i, s:o, s:o}", "name", metric->name, "dataset", (int)metric->dataset, "split",
                                (int)metric->split, "accumulate", function_name(metric->accumulate), "finish",
                                function_name(metric->finish)));
    }
    return list;
}

static json_t *numbers(uint32_t count, const double *values)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        append(&list, number(values[i]));
    return list;
}

static json_t *matrix(uint32_t rows, uint32_t columns, const double *values)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < rows; i++)
        append(&list, numbers(columns, values + (size_t)i * columns));
    return list;
}

static json_t *pareto_of(const Model *model, const Train *train)
{
    const Pareto *pareto = train->pareto;
    if (!pareto)
        return json_null();
    const Module *module = model->module;
    return json_pack("{s:s, s:o, s:o, s:o, s:b, s:b, s:o, s:s, s:b, s:o, s:o, s:o}", "preference",
                     module->conditions.data[train->condition].name, "objectives", names(pareto->m, pareto->objectives), "rays",
                     matrix(pareto->ray_count, pareto->m, pareto->rays), "reference",
                     pareto->reference ? numbers(pareto->m, pareto->reference) : json_null(), "uniformity", pareto->uniformity,
                     "nonnegative", pareto->nonnegative, "true_front",
                     pareto->true_front ? matrix(pareto->true_count, pareto->m, pareto->true_front) : json_null(), "solver",
                     solver_names[pareto->solver], "each", pareto->each, "ray",
                     json_string(module->states.data[pareto->ray_state].name), "all_rays",
                     pareto->all_rays ? json_string(module->states.data[pareto->rays_state].name) : json_null(), "points",
                     pareto->each ? json_string(module->states.data[pareto->losses_state].name) : json_null());
}

static json_t *train_of(const Model *model)
{
    if (model->trains.len == 0)
        return json_null();
    const Train *train = &model->trains.data[0];
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:[I, I], s:o, s:o, s:i, s:o, s:o, s:o, s:o}", "name", train->name,
                     "method", method_names[train->method], "batch", (json_int_t)train->batch, "epochs",
                     (json_int_t)train->epochs, "evaluate", (json_int_t)train->evaluate, "patience", (json_int_t)train->patience,
                     "warmup", number(train->warmup), "every", (json_int_t)train->every_lower, (json_int_t)train->every_upper,
                     "phases", phases(train), "metrics", metrics(train), "select", train->select, "init",
                     function_name(train->init), "hypers", function_name(train->hypers), "plateau", function_name(train->plateau),
                     "pareto", pareto_of(model, train));
}

static json_t *exports(const Model *model)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < model->exports.len; i++) {
        const Export *export = &model->exports.data[i];
        append(&list, json_pack("{s:s, s:o}", "name", export->name, "function", function_name(export->function)));
    }
    return list;
}

/* "x86-64-v3", or a processor's name and the features it has: "znver3,+avx2,+fma". */
static char *processor(const char *cpu, Arena *arena)
{
    const char *name = cpu, *features = "";
    char why[256];
    target_cpu(cpu, &name, &features, why);
    Text text = {0};
    text_printf(&text, "%s", name);
    while (*features) {
        size_t length = strcspn(features, ",");
        if (*features == '+')
            text_printf(&text, ",%.*s", (int)length, features);
        features += length + (features[length] == ',');
    }
    char *copy = arena_text(arena, text.data, text.len);
    text_free(&text);
    return copy;
}

char *manifest_json(const Model *model, const Plan *plan, const char *cpu, Arena *arena)
{
    const Module *module = model->module;
    json_t *manifest =
        json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "abi", HN_ABI_VERSION, "model",
                  model->name, "float", dtype_name(module->real), "cpu", processor(cpu, arena), "state_bytes",
                  (json_int_t)plan_state_bytes(plan), "scratch_bytes", (json_int_t)plan_scratch_bytes(plan), "states",
                  states(module, plan), "fields", fields(module), "functions", functions(module), "datasets", datasets(model),
                  "hypers", hypers(model), "train", train_of(model), "exports", exports(model));
    char *json = json_dumps(manifest, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(manifest);
    if (!json)
        return NULL;
    char *text = arena_text(arena, json, strlen(json));
    free(json);
    return text;
}
