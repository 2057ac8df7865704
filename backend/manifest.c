#include "backend/manifest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/target.h"
#include "runtime/abi/frame.h"

/* All records lie in an arena; they point at the model's data where they can. */
typedef struct Filler {
    Arena *arena;
    const Model *model;
    const Module *module;
    const Plan *plan;
} Filler;

static int function_index(const Filler *f, const Function *function)
{
    for (uint32_t i = 0; i < f->module->functions.len; i++)
        if (f->module->functions.data[i] == function)
            return (int)i;
    return NONE;
}

static const char **copy_names(Arena *arena, const char *const *names, uint32_t count)
{
    const char **copy = ARENA_ARRAY(arena, const char *, count);
    for (uint32_t i = 0; i < count; i++)
        copy[i] = names[i];
    return copy;
}

static double *copy_numbers(const Filler *f, const double *numbers, size_t count)
{
    double *copy = ARENA_ARRAY(f->arena, double, count);
    for (size_t i = 0; i < count; i++)
        copy[i] = numbers[i];
    return copy;
}

static TensorInfo tensor(const char *name, Type type)
{
    TensorInfo info = {.name = name, .dtype = type.dtype, .rank = type.rank, .elements = type_elements(type)};
    info.bytes = (size_t)info.elements * dtype_size(type.dtype);
    memcpy(info.dims, type.dims, sizeof info.dims);
    return info;
}

FieldInfo field_info(const Field *field)
{
    return (FieldInfo){.tensor = tensor(field->name, field->type),
                       .classes = field->classes,
                       .first = field->first,
                       .names = field->names,
                       .name_count = field->names ? (size_t)field->classes : 0,
                       .index = field->index};
}

static FamilyInfo *family_info(const Family *family, Arena *arena)
{
    FamilyInfo *info = ARENA_NEW(arena, FamilyInfo);
    *info = (FamilyInfo){.kind = family->kind,
                         .text = family->text,
                         .count = family->count,
                         .base = family->base,
                         .field = (int)family->field,
                         .number = family->number};
    return info;
}

static TextInfo *text_info(const TextWindows *text, Arena *arena)
{
    TextInfo *info = ARENA_NEW(arena, TextInfo);
    *info = (TextInfo){.unit = text->unit, .length = text->length, .end = text->end, .unknown = text->unknown};
    return info;
}

DatasetInfo dataset_info(const Dataset *dataset, Arena *arena)
{
    DatasetInfo info = {.name = dataset->name,
                        .format = dataset->format,
                        .family = dataset->family ? family_info(dataset->family, arena) : NULL,
                        .files = copy_names(arena, dataset->files.data, dataset->files.len),
                        .file_count = dataset->files.len,
                        .test_files = copy_names(arena, dataset->test_files.data, dataset->test_files.len),
                        .test_file_count = dataset->test_files.len,
                        .splits = ARENA_ARRAY(arena, SplitInfo, dataset->splits.len),
                        .split_count = dataset->splits.len,
                        .shuffled = dataset->shuffled,
                        .rows = dataset->rows,
                        .test_rows = format_traits[dataset->format].files == FILES_NONE ? dataset->test_rows : 0,
                        .text = dataset->text ? text_info(dataset->text, arena) : NULL,
                        .resize = dataset->resize,
                        .schema = dataset->schema};
    for (uint32_t i = 0; i < dataset->splits.len; i++) {
        const Split *split = &dataset->splits.data[i];
        info.splits[i] = (SplitInfo){.name = split->name,
                                     .from_test = split->from_test,
                                     .count = split->count,
                                     .fraction = split->fraction,
                                     .own_files = split->own_files,
                                     .streams = split->streams};
    }
    return info;
}

static void fill_states(const Filler *f, Manifest *manifest)
{
    manifest->state_count = f->module->states.len;
    manifest->states = ARENA_ARRAY(f->arena, StateInfo, manifest->state_count);
    for (uint32_t i = 0; i < manifest->state_count; i++) {
        const State *state = &f->module->states.data[i];
        manifest->states[i] = (StateInfo){.tensor = tensor(state->name, state->type),
                                          .role = state->role,
                                          .offset = (size_t)plan_state_offset(f->plan, i),
                                          .lifetime = state->lifetime,
                                          .grows = state->grows,
                                          .begins_as = state->begins_as,
                                          .file = state->file,
                                          .part_of = state->part_of};
    }
}

static void fill_fields(const Filler *f, Manifest *manifest)
{
    manifest->field_count = f->module->fields.len;
    manifest->fields = ARENA_ARRAY(f->arena, FieldInfo, manifest->field_count);
    for (uint32_t i = 0; i < manifest->field_count; i++)
        manifest->fields[i] = field_info(&f->module->fields.data[i]);
}

/* Indices that the function checks, in the order of its state. */
static void fill_bounds(const Filler *f, FunctionInfo *info)
{
    info->bounds = ARENA_ARRAY(f->arena, BoundInfo, f->module->bounds.len);
    for (uint32_t i = 0; i < f->module->bounds.len; i++) {
        const Bound *bound = &f->module->bounds.data[i];
        if (!strcmp(bound->function, info->name))
            info->bounds[info->bound_count++] = (BoundInfo){.state = bound->state, .rows = bound->rows, .line = bound->line};
    }
}

static void fill_functions(const Filler *f, Manifest *manifest)
{
    manifest->function_count = f->module->functions.len;
    manifest->functions = ARENA_ARRAY(f->arena, FunctionInfo, manifest->function_count);
    for (uint32_t i = 0; i < manifest->function_count; i++) {
        const Function *function = f->module->functions.data[i];
        FunctionInfo *info = &manifest->functions[i];
        *info =
            (FunctionInfo){.name = function->name, .input_count = function->inputs.len, .output_count = function->outputs.len};
        info->inputs = ARENA_ARRAY(f->arena, TensorInfo, info->input_count);
        info->outputs = ARENA_ARRAY(f->arena, TensorInfo, info->output_count);
        for (uint32_t k = 0; k < info->input_count; k++)
            info->inputs[k] = tensor(function->input_names.data[k], OP_AT(function, function->inputs.data[k])->type);
        for (uint32_t k = 0; k < info->output_count; k++)
            info->outputs[k] = tensor(function->outputs.data[k].name, OP_AT(function, function->outputs.data[k].value)->type);
        fill_bounds(f, info);
    }
}

static void fill_dataset(const Filler *f, uint32_t index, DatasetInfo *info)
{
    const Dataset *dataset = &f->model->datasets.data[index];
    *info = dataset_info(dataset, f->arena);
    info->makers = ARENA_ARRAY(f->arena, size_t, dataset->makers.len);
    for (uint32_t i = 0; i < dataset->makers.len; i++)
        info->makers[info->maker_count++] = (size_t)function_index(f, dataset->makers.data[i]);
    info->taken = ARENA_ARRAY(f->arena, TakenSplitInfo, dataset->taken.len);
    for (uint32_t i = 0; i < dataset->taken.len; i++) {
        const TakenSplit *taken = &dataset->taken.data[i];
        info->taken[info->taken_count++] = (TakenSplitInfo){taken->dataset, taken->split, taken->first, taken->count};
    }
    info->fields = ARENA_ARRAY(f->arena, size_t, f->module->fields.len);
    for (uint32_t i = 0; i < f->module->fields.len; i++)
        if (f->module->fields.data[i].dataset == index)
            info->fields[info->field_count++] = i;
}

static void fill_datasets(const Filler *f, Manifest *manifest)
{
    manifest->dataset_count = f->model->datasets.len;
    manifest->datasets = ARENA_ARRAY(f->arena, DatasetInfo, manifest->dataset_count);
    for (uint32_t i = 0; i < manifest->dataset_count; i++)
        fill_dataset(f, i, &manifest->datasets[i]);
}

static void fill_conditions(const Filler *f, Manifest *manifest)
{
    const Train *train = f->model->trains.len ? &f->model->trains.data[0] : NULL;
    manifest->condition_count = f->module->conditions.len;
    manifest->conditions = ARENA_ARRAY(f->arena, ConditionInfo, manifest->condition_count);
    for (uint32_t i = 0; i < manifest->condition_count; i++) {
        const Condition *condition = &f->module->conditions.data[i];
        const TrainCondition *own = train ? find_train_condition(train, i) : NULL;
        manifest->conditions[i] = (ConditionInfo){.name = condition->name,
                                                  .word = condition_names[condition->kind],
                                                  .standing = condition_standing[condition->kind],
                                                  .domain = condition_domains[condition->kind],
                                                  .width = (size_t)type_elements(condition->type),
                                                  .count = condition->count,
                                                  .state = own ? (int)own->state : NONE};
    }
}

static void fill_hypers(const Filler *f, Manifest *manifest)
{
    manifest->hyper_count = f->model->hypers.len;
    manifest->hypers = ARENA_ARRAY(f->arena, HyperInfo, manifest->hyper_count);
    for (uint32_t i = 0; i < manifest->hyper_count; i++) {
        const Hyper *hyper = &f->model->hypers.data[i];
        HyperInfo *info = &manifest->hypers[i];
        *info = (HyperInfo){.name = hyper->name,
                            .condition = hyper->condition,
                            .offset = (size_t)hyper->offset,
                            .kind = hyper->kind,
                            .rank = hyper->shape.rank,
                            .low = hyper->low,
                            .high = hyper->high,
                            .init = hyper->init,
                            .shared = hyper->shared};
        memcpy(info->dims, hyper->shape.dims, sizeof info->dims);
    }
}

static TrialsInfo *trials_of(const Filler *f, const Train *train)
{
    const Search *search = train->search;
    TrialsInfo *info = ARENA_NEW(f->arena, TrialsInfo);
    *info = (TrialsInfo){.kind = search->kind,
                         .trials = search->trials,
                         .initial = search->initial,
                         .values = search->values,
                         .pruner = search->pruner,
                         .first = search->pruner_arguments[0],
                         .second = search->pruner_arguments[1],
                         .hypers = ARENA_ARRAY(f->arena, size_t, f->model->hypers.len)};
    for (uint32_t i = 0; i < f->model->hypers.len; i++)
        if (find_train_condition(train, f->model->hypers.data[i].condition))
            info->hypers[info->hyper_count++] = i;
    return info;
}

/* The hyperparameters in the order of their numbers in the table. */
static ScheduleInfo *schedule_of(const Filler *f, const Train *train)
{
    ScheduleInfo *info = ARENA_NEW(f->arena, ScheduleInfo);
    *info = (ScheduleInfo){.state = (int)train->schedule, .hypers = ARENA_ARRAY(f->arena, size_t, f->model->hypers.len)};
    for (uint32_t c = 0; c < train->conditions.len; c++)
        for (uint32_t i = 0; i < f->model->hypers.len; i++)
            if (f->model->hypers.data[i].condition == train->conditions.data[c].condition)
                info->hypers[info->hyper_count++] = i;
    return info;
}

static SweepInfo *sweep_of(const Filler *f, const Train *train)
{
    const Sweep *sweep = train->sweep;
    SweepInfo *info = ARENA_NEW(f->arena, SweepInfo);
    *info = (SweepInfo){.name = sweep->name,
                        .kind = sweep->kind,
                        .title = sweep->title,
                        .condition = sweep->condition,
                        .point_word = sweep->point_word,
                        .output_word = sweep->output_word,
                        .on = sweep->on,
                        .solver = sweep->solver,
                        .metric = sweep->metric,
                        .outputs = copy_names(f->arena, sweep->names, sweep->outputs),
                        .output_count = sweep->outputs,
                        .width = sweep->width,
                        .point_numbers = (size_t)sweep->count * sweep->width,
                        .state = sweep->state,
                        .all = sweep->all,
                        .memory = sweep->memory,
                        .first = sweep->first,
                        .indicators = ARENA_ARRAY(f->arena, IndicatorInfo, INDICATOR_COUNT)};
    info->points = copy_numbers(f, sweep->points, info->point_numbers);
    for (size_t i = 0; i < INDICATOR_COUNT; i++) {
        const Report *report = &sweep->reports[i];
        size_t count = (size_t)report->rows * sweep->outputs;
        if (report->reported)
            info->indicators[info->indicator_count++] = (IndicatorInfo){
                .kind = (IndicatorKind)i, .numbers = copy_numbers(f, report->numbers, count), .number_count = count};
    }
    return info;
}

static int64_t fixed_member(MemberChoice member)
{
    return member.kind == MEMBER_NUMBER ? (int64_t)member.index : NONE;
}

static int member_condition(MemberChoice member)
{
    return member.kind == MEMBER_OF_CONDITION ? (int)member.index : NONE;
}

static ActInfo act_of(const Filler *f, const Act *act)
{
    ActInfo info = {.kind = act->kind,
                    .size = act->size,
                    .rounds = act->rounds,
                    .in_epochs = act->in_epochs,
                    .budget = act->budget,
                    .patience = act->patience,
                    .every = act->every,
                    .every_in_epochs = act->every_in_epochs,
                    .after = act->after,
                    .last = act->last,
                    .once = act->once,
                    .phase = act->phase,
                    .function = function_index(f, act->function),
                    .state = act->kind == ACT_SET ? (int)act->state : NONE,
                    .lifetime = act->lifetime};
    if (act->kind == ACT_SET) {
        info.table_count = (size_t)type_elements(f->module->states.data[act->state].type) * act->rows;
        info.table = copy_numbers(f, act->table, info.table_count);
    }
    return info;
}

static PhaseInfo phase_of(const Filler *f, const Train *train, const Phase *phase)
{
    return (PhaseInfo){.name = phase->name,
                       .dataset = phase->dataset,
                       .split = phase->split,
                       .member = fixed_member(phase->member),
                       .member_condition = member_condition(phase->member),
                       .all_members = phase->all_members,
                       .batch = phase->batch,
                       .shuffles_batches = train->shuffles_batches,
                       .batches = phase->batches ? phase->batches : 1,
                       .reads_next = phase->reads_next,
                       .micro_batch = phase->micro_step ? phase->micro_batch : phase->batch,
                       .micro_step = function_index(f, phase->micro_step),
                       .step = function_index(f, phase->step),
                       .rehearsed = phase->rehearsed,
                       .nonnegative = phase->nonnegative};
}

static TrainInfo *train_of(const Filler *f, const Train *train)
{
    TrainInfo *info = ARENA_NEW(f->arena, TrainInfo);
    *info = (TrainInfo){.name = train->name,
                        .method = method_traits[train->method].name,
                        .batch = train->batch,
                        .epochs = train->epochs,
                        .seconds = train->seconds,
                        .phases = ARENA_ARRAY(f->arena, PhaseInfo, train->phases.len),
                        .phase_count = train->phases.len,
                        .acts = ARENA_ARRAY(f->arena, ActInfo, train->acts.len),
                        .act_count = train->acts.len,
                        .metrics = ARENA_ARRAY(f->arena, MetricInfo, train->metrics.len),
                        .metric_count = train->metrics.len,
                        .select = train->select,
                        .init = function_index(f, train->init),
                        .hypers = function_index(f, train->hypers),
                        .plateau = function_index(f, train->plateau),
                        .sweep = train->sweep ? sweep_of(f, train) : NULL,
                        .trials = train->search ? trials_of(f, train) : NULL,
                        .schedule = train->method == METHOD_REPLAY ? schedule_of(f, train) : NULL,
                        .events = ARENA_ARRAY(f->arena, size_t, train->events.len),
                        .event_count = train->events.len};
    for (uint32_t i = 0; i < train->events.len; i++)
        info->events[i] = train->events.data[i];
    for (uint32_t i = 0; i < train->phases.len; i++)
        info->phases[i] = phase_of(f, train, &train->phases.data[i]);
    for (uint32_t i = 0; i < train->acts.len; i++)
        info->acts[i] = act_of(f, &train->acts.data[i]);
    for (uint32_t i = 0; i < train->metrics.len; i++) {
        const Metric *metric = &train->metrics.data[i];
        size_t *accumulate = ARENA_ARRAY(f->arena, size_t, metric->passes);
        for (uint32_t pass = 0; pass < metric->passes; pass++)
            accumulate[pass] = (size_t)function_index(f, metric->accumulate[pass]);
        info->metrics[i] = (MetricInfo){.name = metric->name,
                                        .dataset = metric->dataset,
                                        .split = metric->split,
                                        .member = fixed_member(metric->member),
                                        .member_condition = member_condition(metric->member),
                                        .accumulate = accumulate,
                                        .accumulate_count = metric->passes,
                                        .finish = function_index(f, metric->finish),
                                        .output = metric->output,
                                        .larger = train->sweep && i < 64 && train->sweep->larger >> i & 1,
                                        .pointless = train->sweep && i < 64 && train->sweep->pointless >> i & 1};
    }
    return info;
}

static void fill_constants(const Filler *f, Manifest *manifest)
{
    manifest->constant_count = f->model->constants.len;
    manifest->constants = ARENA_ARRAY(f->arena, ConstantInfo, manifest->constant_count);
    for (uint32_t i = 0; i < manifest->constant_count; i++) {
        const Constant *constant = &f->model->constants.data[i];
        int64_t state = find_state(f->module, constant_state(f->arena, constant->name));
        manifest->constants[i] = (ConstantInfo){
            .name = constant->name, .number = constant->number, .state = (int)state, .positive = constant->positive};
    }
}

static void fill_exports(const Filler *f, Manifest *manifest)
{
    manifest->export_count = f->model->exports.len;
    manifest->exports = ARENA_ARRAY(f->arena, ExportInfo, manifest->export_count);
    for (uint32_t i = 0; i < manifest->export_count; i++) {
        const Export *export = &f->model->exports.data[i];
        ExportInfo *info = &manifest->exports[i];
        const Sweep *sweep = f->model->trains.len ? f->model->trains.data[0].sweep : NULL;
        *info = (ExportInfo){.name = export->name,
                             .arguments = ARENA_ARRAY(f->arena, ArgumentInfo, export->argument_count),
                             .argument_count = export->argument_count,
                             .generate = function_index(f, export->generate),
                             .function = function_index(f, export->function),
                             .rows = export->rows,
                             .spans = sweep && export->spanned >> sweep->condition & 1,
                             .labels = export->labels,
                             .dataset = export->dataset,
                             .member = -1,
                             .member_condition = export->member};
        for (size_t k = 0; k < info->argument_count; k++)
            info->arguments[k] =
                (ArgumentInfo){tensor(export->arguments[k].name, export->arguments[k].type), export->arguments[k].condition};
    }
}

/* "x86-64-v3", or a processor's name and the features it has: "znver3,+avx2,+fma". */
static const char *processor(const Target *target, Arena *arena)
{
    const char *features = target->features;
    Text text = {0};
    text_printf(&text, "%s", target->name);
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

Manifest manifest_of(const Model *model, const Plan *plan, const Target *target, Arena *arena)
{
    Filler filler = {arena, model, model->module, plan};
    Manifest manifest = {.abi = HN_ABI_VERSION,
                         .model = model->name,
                         .digest = model->digest ? model->digest : "",
                         .cpu = processor(target, arena),
                         .blas = target->blas,
                         .real = model->module->real,
                         .state_bytes = (size_t)plan_state_bytes(plan),
                         .scratch_bytes = (size_t)plan_scratch_bytes(plan)};
    fill_states(&filler, &manifest);
    fill_fields(&filler, &manifest);
    fill_functions(&filler, &manifest);
    fill_datasets(&filler, &manifest);
    fill_conditions(&filler, &manifest);
    fill_hypers(&filler, &manifest);
    fill_constants(&filler, &manifest);
    fill_exports(&filler, &manifest);
    manifest.train = model->trains.len ? train_of(&filler, &model->trains.data[0]) : NULL;
    return manifest;
}

char *manifest_json(const Model *model, const Plan *plan, const Target *target, Arena *arena)
{
    Manifest manifest = manifest_of(model, plan, target, arena);
    char *json = manifest_write(&manifest), *text = json ? arena_copy(arena, json) : NULL;
    free(json);
    return text;
}
