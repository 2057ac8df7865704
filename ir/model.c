#include <string.h>

#include "ir/model.h"

const char *const condition_names[CONDITION_COUNT] = {
#define CONDITION(KIND, name, ...) #name,
#include "ir/conditions.def"
#undef CONDITION
};
#define STANDING true
#define DRAWN false
const bool condition_standing[CONDITION_COUNT] = {
#define CONDITION(KIND, name, standing, domain) standing,
#include "ir/conditions.def"
#undef CONDITION
};
#undef STANDING
#undef DRAWN
const ConditionDomain condition_domains[CONDITION_COUNT] = {
#define CONDITION(KIND, name, standing, domain) DOMAIN_##domain,
#include "ir/conditions.def"
#undef CONDITION
};

const MethodTraits method_traits[METHOD_COUNT] = {
#define OF(KIND) (1u << CONDITION_##KIND)
#define METHOD(KIND, name, example, takes, most) {#name, example, takes, most},
#include "ir/methods.def"
#undef METHOD
#undef OF
};
const ScheduleTraits schedule_traits[SCHEDULE_COUNT] = {
#define SCHEDULE(KIND, name, watches, ...) {#name, watches},
#include "ir/schedules.def"
#undef SCHEDULE
};
const AverageTraits average_traits[AVERAGE_COUNT] = {
    {"", false},
#define AVERAGE(KIND, name, watches, ...) {#name, watches},
#include "ir/averages.def"
#undef AVERAGE
};
const char *const solver_names[SOLVER_COUNT] = {
#define SOLVER(KIND, name, ...) #name,
#include "ir/solvers.def"
#undef SOLVER
};

const NamedNumber *find_number(const NamedNumber *numbers, uint32_t count, const char *label)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(numbers[i].label, label) == 0)
            return &numbers[i];
    return NULL;
}

const char *member_text(const Module *module, MemberChoice member, Arena *arena)
{
    switch (member.kind) {
    case MEMBER_NUMBER:
        return arena_printf(arena, "[%u]", member.index);
    case MEMBER_OF_CONDITION:
        return arena_printf(arena, "[%s]", module->conditions.data[member.index].name);
    case MEMBER_NONE:
        break;
    }
    return "";
}

TrainCondition *find_train_condition(const Train *train, uint32_t condition)
{
    for (uint32_t i = 0; i < train->conditions.len; i++)
        if (train->conditions.data[i].condition == condition)
            return &train->conditions.data[i];
    return NULL;
}

uint32_t condition_state(const Train *train, uint32_t condition)
{
    return find_train_condition(train, condition)->state;
}

uint64_t train_conditions(const Train *train)
{
    uint64_t set = 0;
    for (uint32_t i = 0; i < train->conditions.len; i++)
        set |= UINT64_C(1) << train->conditions.data[i].condition;
    return set;
}

bool has_upper_phase(const Train *train)
{
    return train->phases.len > 1 && train->phases.data[1].upper;
}

void model_free(Model *model)
{
    for (uint32_t i = 0; i < model->datasets.len; i++) {
        vec_free(&model->datasets.data[i].files);
        vec_free(&model->datasets.data[i].test_files);
        vec_free(&model->datasets.data[i].splits);
        vec_free(&model->datasets.data[i].makers);
        vec_free(&model->datasets.data[i].taken);
    }
    for (uint32_t i = 0; i < model->trains.len; i++) {
        for (uint32_t k = 0; k < model->trains.data[i].phases.len; k++)
            vec_free(&model->trains.data[i].phases.data[k].parts);
        vec_free(&model->trains.data[i].phases);
        vec_free(&model->trains.data[i].metrics);
        vec_free(&model->trains.data[i].events);
        vec_free(&model->trains.data[i].acts);
        vec_free(&model->trains.data[i].conditions);
    }
    vec_free(&model->datasets);
    vec_free(&model->nets);
    vec_free(&model->forms);
    vec_free(&model->hypers);
    vec_free(&model->constants);
    vec_free(&model->trains);
    vec_free(&model->exports);
    module_free(model->module); /* last: *model may lie in the module's arena */
}

/* "classifier.linear1" holds "classifier.linear1.w" and "classifier.linear1.w/scale". */
static bool is_in_part(const char *state, const char *part)
{
    size_t length = strlen(part);
    return strncmp(state, part, length) == 0 && (state[length] == 0 || state[length] == '.' || state[length] == '/');
}

uint32_t part_of_state(const Phase *phase, const char *state)
{
    uint32_t best = NO_PART;
    for (uint32_t i = 0; i < phase->parts.len; i++) {
        const char *part = phase->parts.data[i].part;
        if (is_in_part(state, part) && (best == NO_PART || strlen(part) > strlen(phase->parts.data[best].part)))
            best = i;
    }
    return best;
}

uint32_t passes_over_data(const Function *function, uint32_t *levels)
{
    uint32_t *own = levels ? levels : support_malloc((function->ops.len + 1) * sizeof *own), passes = 1;
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        own[v] = 0;
        for (uint32_t i = 0; i < op->nargs; i++)
            own[v] = own[op->args[i]] > own[v] ? own[op->args[i]] : own[v];
        own[v] += is_across(op->code);
    }
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        uint32_t level = own[function->outputs.data[i].value];
        passes = level > passes ? level : passes;
    }
    if (!levels)
        support_free(own);
    return passes;
}

const char *constant_state(Arena *arena, const char *name)
{
    return arena_printf(arena, "const/%s", name);
}

const Field *field_of_argument(const Model *model, uint32_t dataset, const ExportArgument *argument, uint32_t *position)
{
    *position = 0;
    for (uint32_t i = 0; i < model->module->fields.len; i++) {
        const Field *field = &model->module->fields.data[i];
        const char *dot = strrchr(field->name, '.');
        if (field->dataset != dataset)
            continue;
        if (dot && strcmp(dot + 1, argument->name) == 0 && type_equal(field->type, argument->type))
            return field;
        ++*position;
    }
    return NULL;
}

/* Whether the data set has all arguments that are no conditions, and there are some. */
static bool has_arguments(const Model *model, uint32_t dataset, const Export *export)
{
    bool some = false;
    uint32_t position;
    for (uint32_t i = 0; i < export->argument_count; i++) {
        if (export->arguments[i].condition >= 0)
            continue;
        if (!field_of_argument(model, dataset, &export->arguments[i], &position))
            return false;
        some = true;
    }
    return some;
}

static int dataset_of(const Model *model, const Export *export)
{
    for (uint32_t i = 0; i < model->trains.len; i++)
        for (uint32_t k = 0; k < model->trains.data[i].phases.len; k++)
            if (has_arguments(model, model->trains.data[i].phases.data[k].dataset, export))
                return (int)model->trains.data[i].phases.data[k].dataset;
    for (int derived = 0; derived < 2; derived++)
        for (uint32_t i = 0; i < model->datasets.len; i++) {
            const Family *family = model->datasets.data[i].family;
            if ((family && family->base >= 0) == derived && has_arguments(model, i, export))
                return (int)i;
        }
    return -1;
}

void find_examples(const Model *model, Export *export)
{
    export->dataset = dataset_of(model, export);
    export->member = -1;
    for (uint32_t i = 0; i < model->trains.len; i++)
        for (uint32_t k = 0; k < model->trains.data[i].phases.len; k++) {
            const Phase *phase = &model->trains.data[i].phases.data[k];
            if ((int)phase->dataset == export->dataset && phase->member.kind == MEMBER_OF_CONDITION && export->member < 0)
                export->member = (int)phase->member.index;
        }
}

bool export_takes(const Export *export, uint32_t condition)
{
    for (uint32_t i = 0; i < export->argument_count; i++)
        if (export->arguments[i].condition == (int)condition)
            return true;
    return false;
}

const char *running_statistic(const char *output)
{
    size_t length = strlen(running_output);
    return strncmp(output, running_output, length) == 0 ? output + length : NULL;
}
