/* Metrics over a whole split. The split is larger than a batch, so a metric becomes several functions: `accumulate` adds one
 * batch's share to accumulators, one per reduction across the data, and `finish` computes the metric from them. Reductions inside
 * other reductions take a pass over the data each: the second `accumulate` reads what the first one has accumulated. */
#include <string.h>

#include "passes/methods/methods.h"
#include "passes/rewrite.h"

enum { EVALUATION_BATCH = 500 };

static uint32_t accumulator(Assembly *assembly, const char *prefix, const char *what, Value v, Type type)
{
    const char *name = arena_printf(&assembly->module->arena, "%s/%s%u", prefix, what, v);
    return find_or_add_state(assembly->module, name, type, STATE_SCRATCH, (Init){0});
}

/* How many examples the pass has seen. */
static uint32_t count_accumulator(Assembly *assembly, const char *prefix, uint32_t pass)
{
    return accumulator(assembly, prefix, "count", pass, type_scalar(assembly->module->real));
}

/* accumulator <- accumulator + this batch's share */
static void accumulate(Assembly *assembly, Builder *b, const char *prefix, uint32_t pass, const Op *op, Value v, Value x)
{
    uint32_t state = accumulator(assembly, prefix, "across", v, op->type);
    Value before = build_read(b, state);
    if (op->code != OP_ACROSS_MAX) {
        build_write(b, state, build_binary(b, OP_ADD, before, build_unary(b, OP_ACROSS_SUM, x)));
        return;
    }
    /* accumulators start at zero, which is no neutral element of max: the first batch replaces it */
    Value batch = build_unary(b, OP_ACROSS_MAX, x), count = build_read(b, count_accumulator(assembly, prefix, pass));
    Value first = build_binary(b, OP_EQ, count, build_const(b, value_type(b, count), 0));
    Value replaced = build_splat(b, first, type_with_dtype(op->type, DTYPE_BOOL)),
          largest = build_binary(b, OP_MAX, before, batch);
    build_write(b, state, build_select(b, replaced, batch, largest));
}

/* A reduction that a pass before has accumulated. `seen`: there was an example; otherwise, as where a function is checked by
 * itself, there may be none. */
static Value accumulated(Assembly *assembly, Builder *b, const char *prefix, const Op *op, Value v, bool seen)
{
    Value total = build_read(b, accumulator(assembly, prefix, "across", v, op->type));
    if (op->code != OP_ACROSS_MEAN)
        return total;
    Value count = build_read(b, count_accumulator(assembly, prefix, 0));
    if (!seen)
        count = build_with_const(b, OP_MAX, count, 1);
    return build_binary(b, OP_DIV, total, build_splat(b, count, op->type));
}

/* Of the outputs, only what is carried from window to window is left. */
static void keep_carried(Function *function)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < function->outputs.len; i++)
        if (is_carried(function->outputs.data[i].name))
            function->outputs.data[kept++] = function->outputs.data[i];
    function->outputs.len = kept;
}

/* Makes the function that of a pass. levels[v]: how many passes v waits for. */
static void build_accumulate(Assembly *assembly, Function *function, const uint32_t *levels, uint32_t pass, const char *prefix)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, assembly->module, function);
    Builder *b = &rewrite.b;
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (is_across(op->code) && levels[v] <= pass)
            rewrite.map[v] = accumulated(assembly, b, prefix, op, v, false);
        else if (is_across(op->code) && levels[v] == pass + 1)
            accumulate(assembly, b, prefix, pass, op, v, *rewrite_args(&rewrite, v));
        else if (levels[v] <= pass)
            rewrite_copy(&rewrite, v);
    }
    uint32_t count = count_accumulator(assembly, prefix, pass);
    Value one = build_const(b, type_scalar(assembly->module->real), 1);
    Value before = build_read(b, count), batch = build_unary(b, OP_ACROSS_SUM, one);
    build_write(b, count, build_binary(b, OP_ADD, before, batch));
    keep_carried(function);
    rewrite_end(&rewrite);
}

/* A copy of `from` with its reductions read from the accumulators. */
static Function *build_finish(Assembly *assembly, const char *name, const Function *from, const char *prefix)
{
    Builder b = {.module = assembly->module, .function = function_new(assembly->module, name)};
    Value *map = support_malloc(from->ops.len * sizeof *map);
    for (Value v = 0; v < from->ops.len; v++) {
        Op op = *OP_AT(from, v);
        map[v] = is_across(op.code)      ? accumulated(assembly, &b, prefix, &op, v, true)
                 : op.code == OP_INPUT ? build_const(&b, op.type, 0) /* of one example: the metric needs it no more */
                                       : build_copy(&b, from, v, map);
    }
    for (uint32_t i = 0; i < from->outputs.len; i++)
        if (!is_carried(from->outputs.data[i].name))
            build_output(&b, from->outputs.data[i].name, map[from->outputs.data[i].value]);
    support_free(map);
    return b.function;
}

static int64_t evaluation_batch(const Model *model, const Metric *metric)
{
    if (metric->dataset < 0)
        return 1;
    const Split *split = &model->datasets.data[metric->dataset].splits.data[metric->split];
    int64_t rows = split->count;
    if (carries(metric->objective))
        return split->streams;
    return rows > 0 && rows < EVALUATION_BATCH ? rows : EVALUATION_BATCH;
}

/* Whether two objectives compute the same from the same data set, so that they differ only in the rows that they are given. */
static bool same_objective(const Function *f, const Function *g)
{
    if (!function_equal(f, g))
        return false;
    for (uint32_t i = 0; i < f->inputs.len; i++)
        if (strcmp(f->input_names.data[i], g->input_names.data[i]) != 0)
            return false;
    return true;
}

/* Metrics that are computed together, and those of the same objectives on two splits, are compiled once. */
static bool share_metric(Assembly *assembly, Metric *metric, uint32_t number, Function *const *together)
{
    for (uint32_t i = 0; i < number; i++) {
        const Metric *earlier = &assembly->train->metrics.data[i];
        bool same_batch = evaluation_batch(assembly->model, earlier) == evaluation_batch(assembly->model, metric);
        if (same_batch && same_objective(together[i], together[number])) {
            memcpy(metric->accumulate, earlier->accumulate, sizeof metric->accumulate);
            metric->passes = earlier->passes;
            metric->finish = earlier->finish;
            return true;
        }
    }
    return false;
}

static void assemble_pass(Assembly *assembly, Metric *metric, const char *prefix, Function *function, const uint32_t *levels,
                          uint32_t pass)
{
    build_accumulate(assembly, function, levels, pass, prefix);
    pass_run(assembly->trace, "dce", assembly->module, function);
    objective_batch(assembly, function, evaluation_batch(assembly->model, metric), true);
    carry(assembly, function, prefix, STATE_SCRATCH);
    draw_by_row(assembly, function);
    step_finish(assembly, function);
    metric->accumulate[pass] = function;
}

/* "t.eval0.accumulate", then "t.eval0.accumulate2" of the second pass. */
static Function *pass_function(Assembly *assembly, const Function *objective, const char *prefix, uint32_t pass)
{
    const char *number = pass ? arena_printf(&assembly->module->arena, "%u", pass + 1) : "";
    const char *name = arena_printf(&assembly->module->arena, "%s.accumulate%s", prefix, number);
    return objective_copy(assembly, name, objective, AT_HAND);
}

static void assemble_metric(Assembly *assembly, Metric *metric, uint32_t number, Function *const *together)
{
    if (share_metric(assembly, metric, number, together))
        return;
    Arena *arena = &assembly->module->arena;
    const char *prefix = arena_printf(arena, "%s.eval%u", assembly->train->name, number);
    Function *function = pass_function(assembly, together[number], prefix, 0);
    uint32_t *levels = support_malloc((function->ops.len + 1) * sizeof *levels);
    metric->passes = passes_over_data(function, levels);
    metric->finish = build_finish(assembly, arena_printf(arena, "%s.finish", prefix), function, prefix);
    pass_run(assembly->trace, "dce", assembly->module, metric->finish);
    step_finish(assembly, metric->finish);
    for (uint32_t pass = 0; pass < metric->passes; pass++)
        assemble_pass(assembly, metric, prefix, pass ? pass_function(assembly, together[number], prefix, pass) : function, levels,
                      pass);
    support_free(levels);
}

void assemble_metrics(Assembly *assembly)
{
    Function **together = group_metrics(assembly);
    for (uint32_t i = 0; i < assembly->train->metrics.len; i++)
        assemble_metric(assembly, &assembly->train->metrics.data[i], i, together);
    groups_free(assembly, together);
}
