#include "runtime/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/abi.h"
#include "runtime/manifest_reader.h"
#include "runtime/report.h"

const char *const element_names[ELEMENT_COUNT] = {"f32", "f64", "i32", "u8", "bool"};
const size_t element_sizes[ELEMENT_COUNT] = {4, 8, 4, 1, 1};
const char *const role_names[ROLE_COUNT] = {"weight", "hyper", "scale", "optimizer", "counter", "scratch", "encoder"};

void reader_fail(Reader *reader, const char *key, const char *problem)
{
    if (!reader->broken)
        report_internal("the manifest of this binary is damaged: '%s' %s", key, problem);
    reader->broken = true;
}

const char *read_text(Reader *reader, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        reader_fail(reader, key, "is not a string");
    return text ? text : "";
}

int64_t read_integer(Reader *reader, const json_t *object, const char *key, int64_t least, int64_t most)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < least || json_integer_value(value) > most) {
        reader_fail(reader, key, "is not an integer in its range");
        return least;
    }
    return json_integer_value(value);
}

/* Absent or null: `otherwise`. */
static double read_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

bool read_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

unsigned read_choice(Reader *reader, const json_t *object, const char *key, const char *const *names, unsigned count)
{
    const char *text = read_text(reader, object, key);
    for (unsigned i = 0; i < count; i++)
        if (!strcmp(names[i], text))
            return i;
    reader_fail(reader, key, "has an unknown value");
    return 0;
}

size_t read_index(Reader *reader, const json_t *object, const char *key, size_t count)
{
    return (size_t)read_integer(reader, object, key, 0, (int64_t)count - 1);
}

void *read_array(Reader *reader, const json_t *object, const char *key, size_t size, ElementReader *read, size_t *count)
{
    const json_t *array = json_object_get(object, key);
    *count = 0;
    if (!json_is_array(array)) {
        reader_fail(reader, key, "is not a list");
        return NULL;
    }
    if (json_array_size(array) == 0)
        return NULL;
    char *elements = calloc(json_array_size(array), size);
    if (!elements) {
        reader_fail(reader, key, "is too long for the memory");
        return NULL;
    }
    *count = json_array_size(array);
    for (size_t i = 0; i < *count; i++)
        read(reader, json_array_get(array, i), elements + i * size);
    return elements;
}

void read_string_element(Reader *reader, const json_t *json, void *element)
{
    if (!json_is_string(json))
        reader_fail(reader, "files", "holds something else than strings");
    *(const char **)element = json_is_string(json) ? json_string_value(json) : "";
}

static void read_tensor(Reader *reader, const json_t *json, void *element)
{
    Tensor *tensor = element;
    tensor->name = read_text(reader, json, "name");
    tensor->element = read_choice(reader, json, "dtype", element_names, ELEMENT_COUNT);
    tensor->elements = 1;
    const json_t *shape = json_object_get(json, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > TENSOR_MAX_RANK) {
        reader_fail(reader, "shape", "is not a list of at most 8 extents");
        return;
    }
    tensor->rank = (unsigned)json_array_size(shape);
    for (unsigned i = 0; i < tensor->rank; i++) {
        tensor->dims[i] = json_integer_value(json_array_get(shape, i));
        if (tensor->dims[i] < 1 || tensor->dims[i] > INT32_MAX / tensor->elements) {
            reader_fail(reader, "shape", "has an extent out of range");
            tensor->dims[i] = 1;
        }
        tensor->elements *= tensor->dims[i];
    }
    tensor->bytes = (size_t)tensor->elements * element_sizes[tensor->element];
}

static void read_state(Reader *reader, const json_t *json, void *element)
{
    State *state = element;
    read_tensor(reader, json, &state->tensor);
    state->role = read_choice(reader, json, "role", role_names, ROLE_COUNT);
    state->offset = (size_t)read_integer(reader, json, "offset", 0, INT64_MAX);
    size_t arena = reader->manifest->state_bytes;
    if (state->offset % HN_ALIGNMENT || state->offset > arena || state->tensor.bytes > arena - state->offset)
        reader_fail(reader, "offset", "lies outside of the state arena or is not aligned");
}

static void read_field(Reader *reader, const json_t *json, void *element)
{
    Field *field = element;
    read_tensor(reader, json, &field->tensor);
    field->classes = read_integer(reader, json, "classes", 0, INT32_MAX);
}

static void read_bound(Reader *reader, const json_t *json, void *element)
{
    BoundInfo *bound = element;
    bound->state = manifest_state(reader->manifest, read_text(reader, json, "state"));
    bound->rows = read_integer(reader, json, "rows", 1, INT32_MAX);
    bound->line = read_integer(reader, json, "line", 0, INT32_MAX);
    if (!bound->state || bound->state->tensor.element != ELEMENT_I32)
        reader_fail(reader, "state", "names no state of whole numbers");
}

static void read_function(Reader *reader, const json_t *json, void *element)
{
    FunctionInfo *function = element;
    function->name = read_text(reader, json, "name");
    function->inputs = read_array(reader, json, "inputs", sizeof(Tensor), read_tensor, &function->input_count);
    function->outputs = read_array(reader, json, "outputs", sizeof(Tensor), read_tensor, &function->output_count);
    if (json_object_get(json, "bounds"))
        function->bounds = read_array(reader, json, "bounds", sizeof(BoundInfo), read_bound, &function->bound_count);
    for (size_t i = 0; i < function->bound_count && !reader->broken; i++)
        if (function->bounds[i].state->tensor.elements != 2 * (int64_t)function->bound_count)
            reader_fail(reader, "bounds", "has a state of another size");
}

static void read_split(Reader *reader, const json_t *json, void *element)
{
    Split *split = element;
    split->name = read_text(reader, json, "name");
    split->from_test = read_flag(json, "test");
    split->count = read_integer(reader, json, "count", 0, INT32_MAX);
    split->fraction = read_number(json, "fraction", 0);
}

static void read_field_index(Reader *reader, const json_t *json, void *element)
{
    int64_t index = json_is_integer(json) ? json_integer_value(json) : -1;
    if (index < 0 || (size_t)index >= reader->manifest->field_count) {
        reader_fail(reader, "fields", "names a field that does not exist");
        index = 0;
    }
    *(size_t *)element = (size_t)index;
}

static void read_dataset(Reader *reader, const json_t *json, void *element)
{
    DatasetInfo *dataset = element;
    dataset->name = read_text(reader, json, "name");
    dataset->format = read_text(reader, json, "format");
    dataset->fields = read_array(reader, json, "fields", sizeof(size_t), read_field_index, &dataset->field_count);
    dataset->files = read_array(reader, json, "files", sizeof(char *), read_string_element, &dataset->file_count);
    dataset->test_files = read_array(reader, json, "test_files", sizeof(char *), read_string_element, &dataset->test_file_count);
    dataset->splits = read_array(reader, json, "splits", sizeof(Split), read_split, &dataset->split_count);
    dataset->shuffled = read_flag(json, "shuffled");
    bool csv = !strcmp(dataset->format, "csv");
    if (!strcmp(dataset->format, "rows")) {
        dataset->rows = read_integer(reader, json, "rows", 1, INT32_MAX);
        return;
    }
    if (csv && !reader->broken)
        dataset->schema = read_schema(reader, json_object_get(json, "table"), dataset);
    if (dataset->field_count == 0 || dataset->file_count == 0 || (!csv && dataset->file_count != dataset->field_count) ||
        (!csv && dataset->test_file_count && dataset->test_file_count != dataset->field_count))
        reader_fail(reader, "files", "does not hold one file a field");
}

static void read_hyper(Reader *reader, const json_t *json, void *element)
{
    HyperInfo *hyper = element;
    hyper->name = read_text(reader, json, "name");
    hyper->kind = read_text(reader, json, "kind");
    hyper->low = read_number(json, "low", 0);
    hyper->high = read_number(json, "high", 0);
    hyper->init = read_number(json, "init", 0);
    hyper->shared = read_flag(json, "shared");
}

/* The function named by object[key]; null and absent are NO_FUNCTION where that is allowed. */
static int read_function_name(Reader *reader, const json_t *object, const char *key, bool optional)
{
    const json_t *value = json_object_get(object, key);
    if (optional && (!value || json_is_null(value)))
        return NO_FUNCTION;
    const char *name = read_text(reader, object, key);
    for (size_t i = 0; i < reader->manifest->function_count; i++)
        if (!strcmp(reader->manifest->functions[i].name, name))
            return (int)i;
    reader_fail(reader, key, "names a function that does not exist");
    return 0;
}

static void read_export(Reader *reader, const json_t *json, void *element)
{
    ExportInfo *export = element;
    export->name = read_text(reader, json, "name");
    export->function = read_function_name(reader, json, "function", false);
}

static void read_place(Reader *reader, const json_t *json, size_t *dataset, size_t *split)
{
    *dataset = read_index(reader, json, "dataset", reader->manifest->dataset_count);
    *split = reader->broken ? 0 : read_index(reader, json, "split", reader->manifest->datasets[*dataset].split_count);
}

static void read_phase(Reader *reader, const json_t *json, void *element)
{
    PhaseInfo *phase = element;
    phase->name = read_text(reader, json, "name");
    read_place(reader, json, &phase->dataset, &phase->split);
    phase->step = read_function_name(reader, json, "step", false);
}

static void read_metric(Reader *reader, const json_t *json, void *element)
{
    MetricInfo *metric = element;
    metric->name = read_text(reader, json, "name");
    read_place(reader, json, &metric->dataset, &metric->split);
    metric->accumulate = read_function_name(reader, json, "accumulate", false);
    metric->finish = read_function_name(reader, json, "finish", false);
}

static void read_number_element(Reader *reader, const json_t *json, void *element)
{
    if (!json_is_number(json))
        reader_fail(reader, "reference", "holds something else than numbers");
    *(double *)element = json_number_value(json);
}

static const State *read_state_name(Reader *reader, const json_t *object, const char *key, bool optional, int64_t elements)
{
    if (optional && json_is_null(json_object_get(object, key)))
        return NULL;
    const State *state = manifest_state(reader->manifest, read_text(reader, object, key));
    Element real = reader->manifest->is_f64 ? ELEMENT_F64 : ELEMENT_F32;
    if (!state || state->tensor.elements != elements || state->tensor.element != real)
        reader_fail(reader, key, "names no state of that many real numbers");
    return state;
}

/* object[key]: 1 to `most` rows of m numbers, and how many rows; for free(). NULL after a mistake. */
static double *read_matrix(Reader *reader, const json_t *object, const char *key, size_t m, size_t most, size_t *rows)
{
    const json_t *list = json_object_get(object, key);
    *rows = json_array_size(list);
    if (m < 1 || m > MAX_OBJECTIVES || *rows < 1 || *rows > most) {
        reader_fail(reader, key, "is too long or empty");
        return NULL;
    }
    double *matrix = calloc(*rows * m, sizeof *matrix);
    if (!matrix)
        reader_fail(reader, key, "is too long for the memory");
    for (size_t i = 0; matrix && i < *rows; i++)
        for (size_t k = 0; k < m; k++)
            matrix[i * m + k] = json_number_value(json_array_get(json_array_get(list, i), k));
    return matrix;
}

static void read_pareto(Reader *reader, const json_t *json, ParetoInfo *pareto)
{
    size_t reference_count = 0;
    pareto->preference = read_text(reader, json, "preference");
    pareto->solver = read_text(reader, json, "solver");
    pareto->objectives = read_array(reader, json, "objectives", sizeof(char *), read_string_element, &pareto->m);
    pareto->rays = read_matrix(reader, json, "rays", pareto->m, MAX_RAYS, &pareto->ray_count);
    if (!json_is_null(json_object_get(json, "true_front")))
        pareto->true_front = read_matrix(reader, json, "true_front", pareto->m, MAX_TRUE_POINTS, &pareto->true_count);
    if (!json_is_null(json_object_get(json, "reference")))
        pareto->reference = read_array(reader, json, "reference", sizeof(double), read_number_element, &reference_count);
    if (pareto->reference && reference_count != pareto->m)
        reader_fail(reader, "reference", "has not one entry an objective");
    pareto->uniformity = read_flag(json, "uniformity");
    pareto->each = read_flag(json, "each");
    pareto->nonnegative = read_flag(json, "nonnegative");
    int64_t all = (int64_t)(pareto->ray_count * pareto->m);
    pareto->ray = read_state_name(reader, json, "ray", false, (int64_t)pareto->m);
    pareto->all_rays = read_state_name(reader, json, "all_rays", true, all);
    pareto->points = read_state_name(reader, json, "points", !pareto->each, all);
}

static void read_train(Reader *reader, const json_t *json, TrainInfo *train)
{
    train->name = read_text(reader, json, "name");
    train->method = read_text(reader, json, "method");
    train->batch = read_integer(reader, json, "batch", 1, INT32_MAX);
    train->epochs = read_integer(reader, json, "epochs", 0, INT32_MAX);
    train->evaluate = json_object_get(json, "evaluate") ? read_integer(reader, json, "evaluate", 1, INT32_MAX) : 1;
    train->patience = read_integer(reader, json, "patience", 0, INT32_MAX);
    train->warmup = read_number(json, "warmup", 0);
    const json_t *every = json_object_get(json, "every");
    for (size_t i = 0; i < 2; i++) {
        int64_t steps = json_integer_value(json_array_get(every, i));
        train->every[i] = steps < 1 ? 1 : steps;
    }
    train->phases = read_array(reader, json, "phases", sizeof(PhaseInfo), read_phase, &train->phase_count);
    train->metrics = read_array(reader, json, "metrics", sizeof(MetricInfo), read_metric, &train->metric_count);
    train->select = read_integer(reader, json, "select", -1, (int64_t)train->metric_count - 1);
    train->init = read_function_name(reader, json, "init", false);
    train->hypers = read_function_name(reader, json, "hypers", true);
    train->plateau = read_function_name(reader, json, "plateau", true);
    if (train->phase_count < 1 || train->phase_count > MAX_PHASES)
        reader_fail(reader, "phases", "holds neither one phase nor two");
    const json_t *pareto = json_object_get(json, "pareto");
    train->has_pareto = json_is_object(pareto);
    if (train->has_pareto)
        read_pareto(reader, pareto, &train->pareto);
    if (train->has_pareto && train->metric_count != 1)
        reader_fail(reader, "metrics", "holds not the front alone");
}

static void read_everything(Reader *reader, const json_t *json)
{
    Manifest *manifest = reader->manifest;
    manifest->model = read_text(reader, json, "model");
    manifest->cpu = read_text(reader, json, "cpu");
    manifest->is_f64 = !strcmp(read_text(reader, json, "float"), "f64");
    manifest->state_bytes = (size_t)read_integer(reader, json, "state_bytes", 0, INT64_MAX / 2);
    manifest->scratch_bytes = (size_t)read_integer(reader, json, "scratch_bytes", 0, INT64_MAX / 2);
    manifest->states = read_array(reader, json, "states", sizeof(State), read_state, &manifest->state_count);
    manifest->fields = read_array(reader, json, "fields", sizeof(Field), read_field, &manifest->field_count);
    manifest->functions = read_array(reader, json, "functions", sizeof(FunctionInfo), read_function, &manifest->function_count);
    manifest->datasets = read_array(reader, json, "datasets", sizeof(DatasetInfo), read_dataset, &manifest->dataset_count);
    manifest->hypers = read_array(reader, json, "hypers", sizeof(HyperInfo), read_hyper, &manifest->hyper_count);
    manifest->exports = read_array(reader, json, "exports", sizeof(ExportInfo), read_export, &manifest->export_count);
    const json_t *train = json_object_get(json, "train");
    manifest->has_train = json_is_object(train);
    if (manifest->has_train)
        read_train(reader, train, &manifest->train);
}

bool manifest_read(Manifest *manifest, const char *text)
{
    *manifest = (Manifest){0};
    json_error_t error;
    manifest->json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!manifest->json)
        return report_internal("the manifest of this binary is damaged: %s (line %d)", error.text, error.line);
    int64_t abi = json_integer_value(json_object_get(manifest->json, "abi"));
    Reader reader = {.manifest = manifest};
    if (abi != HN_ABI_VERSION)
        reader.broken = !report_internal(
            "this model was compiled for version %" PRId64 " of the runtime, but linked with version %d", abi, HN_ABI_VERSION);
    else
        read_everything(&reader, manifest->json);
    if (reader.broken)
        manifest_free(manifest);
    return !reader.broken;
}

void manifest_free(Manifest *manifest)
{
    for (size_t i = 0; i < manifest->function_count; i++) {
        free(manifest->functions[i].inputs);
        free(manifest->functions[i].outputs);
        free(manifest->functions[i].bounds);
    }
    for (size_t i = 0; i < manifest->dataset_count; i++) {
        free(manifest->datasets[i].fields);
        free(manifest->datasets[i].files);
        free(manifest->datasets[i].test_files);
        free(manifest->datasets[i].splits);
        schema_free(manifest->datasets[i].schema);
    }
    free(manifest->states);
    free(manifest->fields);
    free(manifest->functions);
    free(manifest->datasets);
    free(manifest->hypers);
    free(manifest->exports);
    free(manifest->train.phases);
    free(manifest->train.metrics);
    free(manifest->train.pareto.objectives);
    free(manifest->train.pareto.rays);
    free(manifest->train.pareto.true_front);
    free(manifest->train.pareto.reference);
    json_decref(manifest->json);
    *manifest = (Manifest){0};
}

const char *tensor_text(const Tensor *tensor, char text[TENSOR_TEXT_SIZE])
{
    size_t length = (size_t)snprintf(text, TENSOR_TEXT_SIZE, "%s", element_names[tensor->element]);
    for (unsigned i = 0; i < tensor->rank; i++)
        length += (size_t)snprintf(text + length, TENSOR_TEXT_SIZE - length, "%s%" PRId64 "%s", i ? ", " : "[", tensor->dims[i],
                                   i + 1 == tensor->rank ? "]" : "");
    return text;
}

const State *manifest_state(const Manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->state_count; i++)
        if (!strcmp(manifest->states[i].tensor.name, name))
            return &manifest->states[i];
    return NULL;
}

const State *manifest_encoder(const Manifest *manifest, const Field *field, const char *what)
{
    size_t length = strlen(field->tensor.name);
    for (size_t i = 0; i < manifest->state_count; i++) {
        const State *state = &manifest->states[i];
        const char *name = state->tensor.name;
        if (state->role == ROLE_ENCODER && !strncmp(name, field->tensor.name, length) && name[length] == '/' &&
            !strcmp(name + length + 1, what))
            return state;
    }
    return NULL;
}

int64_t manifest_elements(const Manifest *manifest, Role role)
{
    int64_t elements = 0;
    for (size_t i = 0; i < manifest->state_count; i++)
        if (manifest->states[i].role == role)
            elements += manifest->states[i].tensor.elements;
    return elements;
}
