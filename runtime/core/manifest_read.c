#include "runtime/core/manifest.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/abi/frame.h"
#include "runtime/abi/hyper_kinds.h"
#include "runtime/abi/schedule_rows.h"
#include "runtime/core/manifest_table.h"
#include "runtime/core/report.h"

/* ---- what the records do not say by themselves ---- */

static void derive_tensor(TensorInfo *tensor)
{
    tensor->elements = 1;
    for (unsigned i = 0; i < tensor->rank; i++)
        tensor->elements *= tensor->dims[i];
    tensor->bytes = (size_t)tensor->elements * dtype_sizes[tensor->dtype];
}

static void derive_tensors(TensorInfo *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        derive_tensor(&tensors[i]);
}

static void derive(Manifest *manifest)
{
    for (size_t i = 0; i < manifest->state_count; i++)
        derive_tensor(&manifest->states[i].tensor);
    for (size_t i = 0; i < manifest->field_count; i++)
        derive_tensor(&manifest->fields[i].tensor);
    for (size_t i = 0; i < manifest->function_count; i++) {
        derive_tensors(manifest->functions[i].inputs, manifest->functions[i].input_count);
        derive_tensors(manifest->functions[i].outputs, manifest->functions[i].output_count);
    }
    for (size_t i = 0; i < manifest->export_count; i++)
        for (size_t k = 0; k < manifest->exports[i].argument_count; k++)
            derive_tensor(&manifest->exports[i].arguments[k].tensor);
    SweepInfo *sweep = manifest->train ? manifest->train->sweep : NULL;
    if (sweep)
        sweep->count = sweep->point_numbers / sweep->width;
}

static bool states_lie_inside(const Manifest *manifest)
{
    for (size_t i = 0; i < manifest->state_count; i++) {
        const StateInfo *state = &manifest->states[i];
        if (state->offset % HN_ALIGNMENT || state->offset > manifest->state_bytes ||
            state->tensor.bytes > manifest->state_bytes - state->offset)
            return false;
    }
    return true;
}

static bool bounds_fit(const Manifest *manifest)
{
    for (size_t i = 0; i < manifest->function_count; i++) {
        const FunctionInfo *function = &manifest->functions[i];
        for (size_t k = 0; k < function->bound_count; k++) {
            const TensorInfo *state = &manifest->states[function->bounds[k].state].tensor;
            if (state->dtype != DTYPE_I32 || state->elements != 2 * (int64_t)function->bound_count)
                return false;
        }
    }
    return true;
}

/* Fields that some file holds. */
static size_t held_fields(const Manifest *manifest, const DatasetInfo *dataset)
{
    size_t held = 0;
    for (size_t i = 0; i < dataset->field_count; i++)
        held += !manifest->fields[dataset->fields[i]].index;
    return held;
}

static bool fields_fit(const Manifest *manifest)
{
    for (size_t i = 0; i < manifest->field_count; i++) {
        const FieldInfo *field = &manifest->fields[i];
        if ((field->index || field->classes) && (field->tensor.dtype != DTYPE_I32 || (field->index && field->tensor.rank)))
            return false;
        if (field->name_count && (int64_t)field->name_count != field->classes)
            return false;
    }
    return true;
}

/* Whether the members' fields are those of the base, but for the extents of one that is permuted. */
static bool base_fits(const Manifest *manifest, const DatasetInfo *dataset)
{
    const DatasetInfo *base = &manifest->datasets[dataset->family->base];
    bool fits = dataset->family->field != NONE && !base->family && base != dataset && base->field_count == dataset->field_count &&
                base->split_count == dataset->split_count && !dataset->file_count && !dataset->schema;
    for (size_t i = 0; fits && i < base->field_count; i++) {
        const TensorInfo *from = &manifest->fields[base->fields[i]].tensor, *to = &manifest->fields[dataset->fields[i]].tensor;
        bool grows = base->fields[i] == (size_t)dataset->family->field && family_grows_field[dataset->family->kind];
        fits = from->dtype == to->dtype && from->rank == to->rank && (grows || from->elements == to->elements);
    }
    return fits;
}

/* The functions that compute rows have one output per field, of its type. */
static bool makers_fit(const Manifest *manifest, const DatasetInfo *dataset)
{
    size_t members = dataset->family ? (size_t)dataset->family->count : 1, kinds = dataset->test_rows ? 2 : 1;
    bool fits = dataset->maker_count == members * kinds;
    for (size_t i = 0; fits && i < dataset->maker_count; i++)
        fits = manifest->functions[dataset->makers[i]].output_count == held_fields(manifest, dataset);
    return fits;
}

/* A text's fields are windows of labels of one vocabulary; splits of its own files take all of them. */
static bool texts_fit(const Manifest *manifest, const DatasetInfo *dataset)
{
    size_t own = 0;
    for (size_t i = 0; i < dataset->field_count; i++) {
        const FieldInfo *field = &manifest->fields[dataset->fields[i]];
        if (!field->index && (!field->name_count || field->tensor.rank != 1 || field->tensor.dims[0] != dataset->text->length))
            return false;
    }
    for (size_t i = 0; i < dataset->split_count; i++)
        own += dataset->splits[i].own_files;
    return own == dataset->test_file_count;
}

static bool dataset_fits(const Manifest *manifest, const DatasetInfo *dataset)
{
    const FormatTraits *format = &format_traits[dataset->format];
    size_t held = held_fields(manifest, dataset), files = held;
    bool some = held > 0 && dataset->file_count > 0 && (format->test_files || !dataset->test_file_count);
    if (dataset->family && family_has_base[dataset->family->kind] != (dataset->family->base != NONE))
        return false;
    if (dataset->family && dataset->family->base != NONE)
        return base_fits(manifest, dataset);
    if (dataset->family)
        files *= (size_t)dataset->family->count;
    switch (format->files) {
    case FILES_FIELDS:
        return some && !dataset->schema && dataset->file_count == files &&
               (!dataset->test_file_count || dataset->test_file_count == files);
    case FILES_RECORDS:
    case FILES_FOLDERS:
        return some && !dataset->schema;
    case FILES_COLUMNS:
        return some && schema_fits(manifest, dataset);
    case FILES_TEXTS:
        return some && dataset->text && !dataset->family && texts_fit(manifest, dataset);
    default:
        return dataset->rows > 0 && !dataset->schema && (held ? makers_fit(manifest, dataset) : !dataset->maker_count);
    }
}

/* Whether what reads the split of a data set says of which member if, and only if, it is a family. */
static bool reading_fits(const Manifest *manifest, size_t dataset, size_t split, int64_t member, int condition)
{
    const DatasetInfo *info = &manifest->datasets[dataset];
    if (split >= info->split_count || !info->family)
        return split < info->split_count && member == NONE && condition == NONE;
    return (member == NONE) != (condition == NONE) && member < info->family->count;
}

static bool datasets_fit(const Manifest *manifest)
{
    for (size_t i = 0; i < manifest->dataset_count; i++)
        if (!dataset_fits(manifest, &manifest->datasets[i]))
            return false;
    return true;
}

static bool is_state_of(const Manifest *manifest, int state, DType dtype, size_t elements)
{
    if (state == NONE)
        return true;
    const TensorInfo *tensor = &manifest->states[state].tensor;
    return tensor->dtype == dtype && tensor->elements == (int64_t)elements;
}

/* Whether `state` is no state, or a state of that many reals. */
static bool is_real_state(const Manifest *manifest, int state, size_t elements)
{
    return is_state_of(manifest, state, manifest->real, elements);
}

/* Whether `state` is no state, or holds a value of the condition. */
static bool holds_condition(const Manifest *manifest, const ConditionInfo *condition, int state)
{
    return is_state_of(manifest, state, domain_is_index[condition->domain] ? DTYPE_I32 : manifest->real, condition->width);
}

static bool conditions_fit(const Manifest *manifest)
{
    for (size_t i = 0; i < manifest->condition_count; i++) {
        const ConditionInfo *condition = &manifest->conditions[i];
        bool index = domain_is_index[condition->domain];
        if (!holds_condition(manifest, condition, condition->state) || index != (condition->count > 0) ||
            (index && condition->width != 1))
            return false;
    }
    for (size_t i = 0; i < manifest->hyper_count; i++) {
        const HyperInfo *hyper = &manifest->hypers[i];
        size_t width = manifest->conditions[hyper->condition].width, elements = 1;
        for (unsigned k = 0; k < hyper->rank; k++)
            elements *= elements <= width ? (size_t)hyper->dims[k] : 1;
        if (elements > width || hyper->offset > width - elements)
            return false;
    }
    return true;
}

static bool indicators_fit(const SweepInfo *sweep)
{
    for (size_t i = 0; i < sweep->indicator_count; i++) {
        const IndicatorInfo *info = &sweep->indicators[i];
        IndicatorArgument argument = indicator_arguments[info->kind];
        size_t rows = info->number_count / sweep->output_count;
        if (indicator_sweeps[info->kind] != sweep->kind || (indicator_points[info->kind] == POINTS_ALL && sweep->first == NONE) ||
            rows * sweep->output_count != info->number_count || rows > MAX_ROWS ||
            (argument == ARGUMENT_NOTHING ? rows != 0
             : argument == ARGUMENT_POINT ? rows != 1
                                          : rows == 0))
            return false;
    }
    return true;
}

static bool sweep_fits(const Manifest *manifest, const TrainInfo *train)
{
    const SweepInfo *sweep = train->sweep;
    if (!sweep)
        return true;
    bool rounds = sweep->kind == SWEEP_ROUNDS;
    return sweep->metric < train->metric_count && sweep->output_count >= 1 && sweep->output_count <= MAX_OUTPUTS &&
           sweep->width <= MAX_OUTPUTS && sweep->count >= 1 &&
           sweep->count <= (sweep->kind == SWEEP_FRONT ? MAX_POINTS : MAX_INDEX_POINTS) &&
           sweep->point_numbers == sweep->count * sweep->width && sweep->width == manifest->conditions[sweep->condition].width &&
           holds_condition(manifest, &manifest->conditions[sweep->condition], sweep->state) &&
           is_real_state(manifest, sweep->all, sweep->point_numbers) &&
           is_real_state(manifest, sweep->memory,
                         sweep->count *
                             (rounds ? sweep->count * train->metric_count : sweep->output_count + train->metric_count - 1)) &&
           is_real_state(manifest, sweep->first, sweep->count * train->metric_count) &&
           (!rounds || (sweep->memory != NONE && sweep->output_count == 1)) && indicators_fit(sweep);
}

/* Whether a state holds the hyperparameter's group. */
static bool is_moved(const Manifest *manifest, const HyperInfo *hyper)
{
    const ConditionInfo *condition = &manifest->conditions[hyper->condition];
    return condition->state != NONE && is_real_state(manifest, condition->state, condition->width);
}

/* Whether every hyperparameter that is tried has bounds, and a state that holds its group. */
static bool trials_fit(const Manifest *manifest, const TrainInfo *train)
{
    const TrialsInfo *trials = train->trials;
    for (size_t i = 0; trials && i < trials->hyper_count; i++) {
        const HyperInfo *hyper = &manifest->hypers[trials->hypers[i]];
        if (!hyper_kind_is_bounded(hyper->kind) || !is_moved(manifest, hyper))
            return false;
    }
    return !trials || (train->select >= 0 && train->hypers != NONE && trials->hyper_count >= 1);
}

/* Whether the schedule has the numbers of its hyperparameters, each of which has a state that holds its group. */
static bool schedule_fits(const Manifest *manifest, const TrainInfo *train)
{
    size_t numbers = 0;
    if (!train->schedule)
        return true;
    for (size_t i = 0; i < train->schedule->hyper_count; i++) {
        const HyperInfo *hyper = &manifest->hypers[train->schedule->hypers[i]];
        if (!is_moved(manifest, hyper))
            return false;
        numbers += hyper_elements(hyper);
    }
    return numbers > 0 && is_real_state(manifest, train->schedule->state, SCHEDULE_ROWS * (1 + numbers));
}

static bool events_fit(const Manifest *manifest, const TrainInfo *train)
{
    for (size_t i = 0; i < train->event_count; i++) {
        const TensorInfo *count = &manifest->states[train->events[i]].tensor;
        if (count->dtype != DTYPE_I32 || count->elements != 1)
            return false;
    }
    return true;
}

/* Whether the table has one row of the state's size per round. */
static bool table_fits(const Manifest *manifest, const ActInfo *set, int64_t rounds)
{
    size_t rows = rounds > 0 ? (size_t)rounds : 1, width = set->table_count / rows;
    return set->table_count % rows == 0 &&
           (is_real_state(manifest, set->state, width) || is_state_of(manifest, set->state, DTYPE_I32, width));
}

/* Whether the acts are a tree: parts lie within each other, every round of a repeat has an act, and there is one budget. */
static bool acts_fit(const Manifest *manifest, const TrainInfo *train)
{
    size_t budgets = 0, parent = 0;
    if (train->act_count == 0 || train->act_count > MAX_ACTS || train->acts[0].kind != ACT_REPEAT ||
        train->acts[0].size != train->act_count)
        return false;
    for (size_t i = 0, end = train->act_count; i < train->act_count; i++) {
        const ActInfo *act = &train->acts[i];
        budgets += act->budget;
        for (size_t k = 0; k < i; k++) /* the nearest part around it ends last among those begun */
            if (i < k + train->acts[k].size) {
                end = k + train->acts[k].size;
                parent = k;
            }
        bool repeat = act->kind == ACT_REPEAT;
        if (i + act->size > end || (!repeat && act->size != 1) || (act->budget && !repeat) ||
            (act->kind == ACT_STEP && (act->phase >= train->phase_count || train->phases[act->phase].step == NONE)) ||
            !(act->after >= 0) || !(act->every > 0))
            return false;
        if (repeat && (act->size < 2 || act[1].once || act[1].every != 1 || act[1].every_in_epochs || act[1].after != 0))
            return false;
        if (act->kind == ACT_CALL && (act->function == NONE || manifest->functions[act->function].input_count))
            return false;
        if ((act->kind == ACT_PROPOSE || act->kind == ACT_OBSERVE) && !train->trials)
            return false;
        if (act->kind == ACT_SET &&
            (act->state == NONE || train->acts[parent].in_epochs || !table_fits(manifest, act, train->acts[parent].rounds)))
            return false;
    }
    return budgets == 1;
}

/* Whether a phase without a step stands behind one that reads its batches, and only such. */
static bool steps_fit(const TrainInfo *train, size_t phase)
{
    const PhaseInfo *own = &train->phases[phase], *next = phase + 1 < train->phase_count ? own + 1 : NULL;
    if (own->step == NONE)
        return phase > 0 && train->phases[phase - 1].reads_next && own->batches == 1 && !own->all_members && !own->reads_next;
    return !own->reads_next || (next && next->step == NONE && own->micro_step == NONE);
}

static bool train_fits(const Manifest *manifest)
{
    const TrainInfo *train = manifest->train;
    if (!train)
        return true;
    bool fits = train->phase_count >= 1 && train->phase_count <= MAX_PHASES && train->select < (int64_t)train->metric_count;
    fits &= acts_fit(manifest, train);
    for (size_t i = 0; i < train->phase_count; i++)
        fits &= reading_fits(manifest, train->phases[i].dataset, train->phases[i].split, train->phases[i].member,
                             train->phases[i].member_condition) &&
                (!train->phases[i].all_members || train->phases[i].member_condition != NONE) && steps_fit(train, i);
    for (size_t i = 0; i < train->metric_count; i++)
        fits &= train->metrics[i].dataset == NONE ||
                reading_fits(manifest, (size_t)train->metrics[i].dataset, train->metrics[i].split, train->metrics[i].member,
                             train->metrics[i].member_condition);
    return fits && sweep_fits(manifest, train) && trials_fit(manifest, train) && schedule_fits(manifest, train) &&
           events_fit(manifest, train);
}

/* Whether the function has the argument as an input, of `rows` examples. */
static bool has_input(const Manifest *manifest, int function, const TensorInfo *argument, int64_t rows)
{
    const TensorInfo *input = function == NONE ? NULL : function_input(&manifest->functions[function], argument->name);
    unsigned axes = rows ? 1 : 0;
    return input && input->dtype == argument->dtype && input->rank == argument->rank + axes &&
           (!rows || input->dims[0] == rows) &&
           !memcmp(input->dims + axes, argument->dims, argument->rank * sizeof *argument->dims);
}

static bool exports_fit(const Manifest *manifest)
{
    for (size_t i = 0; i < manifest->export_count; i++) {
        const ExportInfo *export = &manifest->exports[i];
        const FunctionInfo *function = &manifest->functions[export->function];
        const TensorInfo *result = function->output_count == 1 ? &function->outputs[0] : NULL;
        if (!result || (export->rows && (!result->rank || result->dims[0] != export->rows)))
            return false;
        for (size_t k = 0; k < export->argument_count; k++) {
            const ArgumentInfo *argument = &export->arguments[k];
            bool fits = argument->condition == NONE ? has_input(manifest, export->function, &argument->tensor, export->rows)
                                                    : has_input(manifest, export->generate, &argument->tensor, 0);
            if (!fits)
                return false;
        }
    }
    return true;
}

/* ---- reading ---- */

static const char *find_misfit(Manifest *manifest)
{
    derive(manifest);
    return manifest->real != DTYPE_F32 && manifest->real != DTYPE_F64 ? "its reals are neither f32 nor f64"
           : !states_lie_inside(manifest)                             ? "a state lies outside of the arena or is not aligned"
           : !bounds_fit(manifest)                                    ? "the bounds of a function have a state of another size"
           : !fields_fit(manifest) || !datasets_fit(manifest) ? "the files or the table of a data set do not make its fields"
           : !conditions_fit(manifest)                        ? "a hyperparameter or a state does not fit its condition"
           : !train_fits(manifest)                            ? "the parts of the train do not fit each other"
           : !exports_fit(manifest)                           ? "the functions of an export do not have its arguments"
                                                              : NULL;
}

bool manifest_read(Manifest *manifest, const char *text)
{
    json_error_t error;
    char why[160] = "";
    *manifest = (Manifest){0};
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        return report_internal("the manifest of this binary is damaged: %s (line %d)", error.text, error.line);
    int64_t abi = json_integer_value(json_object_get(json, "abi"));
    bool fine = abi == HN_ABI_VERSION;
    if (!fine)
        report_internal("this model was compiled for version %" PRId64 " of the runtime, but linked with version %d", abi,
                        HN_ABI_VERSION);
    else if (!record_read(manifest_record(), json, manifest, why))
        fine = report_internal("the manifest of this binary is damaged: %s", why);
    const char *misfit = fine ? find_misfit(manifest) : NULL;
    if (misfit)
        fine = report_internal("the manifest of this binary is damaged: %s", misfit);
    manifest->json = json;
    if (!fine)
        manifest_free(manifest);
    return fine;
}

void manifest_free(Manifest *manifest)
{
    json_t *json = manifest->json;
    record_free(manifest_record(), manifest);
    json_decref(json);
}
