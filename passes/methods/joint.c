/* All tasks or members of a condition in every step: the loss is the mean of their losses. What is made for one of them is mapped
 * over all (ir/map.h), after batching, so that weights are generated for all of them by one product, and a batch that they share
 * is read once. Of a family of data sets each task has a batch of its own. */
#include <string.h>

#include "ir/map.h"
#include "passes/methods/methods.h"
#include "passes/rewrite.h"

enum { MOST_IN_SET = 64 }; /* metrics behind these are measured at each point */

/* The batched function at all values of the index: every output becomes its mean over them. */
static void map_over_index(Assembly *assembly, Function *function, const TrainCondition *own, bool own_rows)
{
    Module *module = assembly->module;
    int64_t size = module->conditions.data[own->condition].count;
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    Builder *b = &rewrite.b;
    Value all = build_iota(b, type_of(DTYPE_I32, 1, &size), 0), rows = NO_VALUE;
    Placeholder placeholders[2];
    uint32_t count = 0;
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        Value input = function->inputs.data[i];
        Type type = OP_AT(function, input)->type, wide = type_of(DTYPE_I32, 1, (int64_t[]){size * type.dims[0]});
        if (own_rows && !strcmp(function->input_names.data[i], "index")) {
            rows = build_reshape(b, build_input(b, "index", wide), type_of(DTYPE_I32, 2, (int64_t[]){size, type.dims[0]}));
            continue;
        }
        rewrite_copy(&rewrite, input);
    }
    Value first = b->function->ops.len;
    placeholders[count++] = (Placeholder){build_const(b, module->conditions.data[own->condition].type, 0), all};
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (op->code == OP_INPUT && rewrite.map[v] == NO_VALUE) {
            rewrite.map[v] = build_const(b, op->type, 0);
            placeholders[count++] = (Placeholder){rewrite.map[v], rows};
        } else if (op->code == OP_STATE_READ && op->symbol == own->state) {
            rewrite.map[v] = placeholders[0].element;
        } else if (op->code != OP_INPUT) {
            rewrite_copy(&rewrite, v);
        }
    }
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        Value value = rewrite.map[function->outputs.data[i].value];
        build_mapped(b, first, size, count, placeholders, 1, &value);
        value = build_reduce(b, OP_REDUCE_SUM, value, dims_of(1, 0));
        rewrite.map[function->outputs.data[i].value] = build_with_const(b, OP_DIV, value, (double)size);
    }
    rewrite_end(&rewrite);
}

/* Whether the index says which member of a family is read. */
static bool reads_members(const MemberChoice *member, uint32_t condition)
{
    return member->kind == MEMBER_OF_CONDITION && member->index == condition;
}

/* The metrics, as a set, that do not depend on the condition; *all: none does. */
static uint64_t independent_metrics(const Module *module, const Train *train, uint32_t condition, bool *all)
{
    uint64_t set = 0;
    *all = true;
    for (uint32_t i = 0; i < train->metrics.len; i++) {
        const Metric *metric = &train->metrics.data[i];
        bool depends =
            sources_of(module, metric->objective).conditions >> condition & 1 || reads_members(&metric->member, condition);
        *all = *all && !depends;
        if (!depends && i < MOST_IN_SET)
            set |= UINT64_C(1) << i;
    }
    return set;
}

/* One point per task or member, where a metric depends on it. */
static void states(Assembly *assembly)
{
    Train *train = assembly->train;
    Arena *arena = &assembly->module->arena;
    const TrainCondition *own = &train->conditions.data[0];
    bool none;
    uint64_t pointless = independent_metrics(assembly->module, train, own->condition, &none);
    if (none)
        return;
    const char *word = condition_names[own->kind], **names = arena_alloc(arena, sizeof *names);
    uint32_t count = (uint32_t)assembly->module->conditions.data[own->condition].count;
    double *points = arena_alloc(arena, count * sizeof *points);
    for (uint32_t i = 0; i < count; i++)
        points[i] = i;
    names[0] = train->metrics.data[0].name;
    train->sweep = ARENA_NEW(arena, Sweep);
    *train->sweep = (Sweep){.condition = own->condition,
                            .name = arena_printf(arena, "%ss", word),
                            .kind = SWEEP_TOGETHER,
                            .pointless = pointless,
                            .title = arena_printf(arena, "results of each %s", word),
                            .point_word = word,
                            .output_word = "metric",
                            .on = names[0],
                            .outputs = 1,
                            .names = names,
                            .count = count,
                            .width = 1,
                            .points = points,
                            .state = (int)own->state,
                            .all = -1,
                            .memory = -1,
                            .first = -1};
}

static void assemble(Assembly *assembly)
{
    Train *train = assembly->train;
    Phase *phase = &train->phases.data[0];
    size_t budget = act_budget(train);
    act_leaf(train, (Act){.kind = ACT_STEP});
    act_measure(train);
    act_end(train, budget);
    Function *function = phase_copy(assembly, phase, phase->objective, AT_HAND);
    phase->all_members = reads_members(&phase->member, train->conditions.data[0].condition);
    map_over_index(assembly, function, &train->conditions.data[0], phase->all_members);
    WeightStep step = weight_step_of(assembly, phase, function);
    weight_step_update(assembly, phase, &step);
    weight_step_end(assembly, phase, &step);
}

static void explain(const Train *train, Text *out)
{
    text_printf(out, "  together   all %ss in every step\n", condition_names[train->conditions.data[0].kind]);
}

const Method method_joint = {.states = states, .assemble = assemble, .explain = explain};
