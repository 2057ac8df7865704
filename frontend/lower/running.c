/* What a net takes from the batch that an example is in: reductions across it, and running statistics, which training moves and
 * which everything else reads. */
#include <string.h>

#include "frontend/lower/kit.h"
#include "ir/forms/forms.h"

/* ---- across ---- */

/* Whether the function being built is the loss of a step. Only a step has a batch that a model names: metrics go through a split
 * in batches of any size, exports take one example. */
static bool in_step(const Session *s)
{
    return (s->training || s->upper) && !s->making && !s->row;
}

/* False, having said so, where there is no batch. */
static bool check_batch_known(Session *s, Span span)
{
    if (in_step(s))
        return true;
    bool apart = s->making || s->row;
    fail(s, span,
         apart ? "nothing here belongs to a batch, so nothing can be taken 'across' it"
               : "a metric or an export has no batch of its own, so nothing can be taken 'across' it");
    if (!apart)
        add_help(s, "'if training { ... }' holds what only training does");
    return false;
}

static Val draw_shared(Session *s, const Expr *expr)
{
    const Expr *around = s->shared;
    s->shared = expr->left;
    Val drawn = evaluate(s, expr->left);
    s->shared = around;
    return check_batch_known(s, expr->span) ? drawn : val_poison();
}

static Val reduce_batch(Session *s, const Expr *expr, OpCode code)
{
    const Expr *call = expr->left;
    const Arg *arg = call->args.first;
    if (call->args.count != 1 || arg->kind != ARG_VALUE || arg->label.text || arg->over || arg->condition)
        return fail(s, call->span, "'across %s(x)' takes one tensor, whose numbers it reduces one by one across the batch",
                    head_name(call));
    Val x = as_tensor(s, evaluate(s, arg->value), arg->value->span);
    if (is_poison(x) || !can_build(s, expr->span) || !check_batch_known(s, expr->span))
        return val_poison();
    return val_tensor(build_unary(&s->builder, code, x.ir));
}

Val evaluate_across(Session *s, const Expr *expr)
{
    static const struct {
        const char *name;
        OpCode code;
    } rows[] = {{"mean", OP_ACROSS_MEAN}, {"sum", OP_ACROSS_SUM}, {"max", OP_ACROSS_MAX},
                {"bernoulli", OP_RANDOM}, {"normal", OP_RANDOM},  {"uniform", OP_RANDOM}};
    const char *name = head_name(expr->left);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].code == OP_RANDOM ? draw_shared(s, expr) : reduce_batch(s, expr, rows[i].code);
    fail(s, expr->span, "'across' takes no '%s'", name);
    add_help(s, "mean, sum and max reduce across the batch; bernoulli, normal and uniform draw one number for all of it");
    return val_poison();
}

/* ---- running statistics ---- */

static Update *find_update(Session *s, const char *weight)
{
    for (uint32_t i = 0; i < s->updates.len; i++)
        if (strcmp(s->updates.data[i].weight, weight) == 0)
            return &s->updates.data[i];
    return NULL;
}

static void update(Session *s, const Binding *binding)
{
    const char *prefix = s->frame->prefix ? s->frame->prefix : "";
    const char *name = arena_printf(&s->file->arena, "%s.%s", prefix, binding->name.text);
    Type type;
    Val value = as_tensor(s, evaluate(s, binding->init), binding->init->span);
    Carried *carried = find_carried(s, name);
    if (carried) {
        update_carried(s, carried, value, binding->init->span);
        return;
    }
    if (!find_running(s, name, &type)) {
        fail(s, binding->name.span, "'%s' is no running statistic of this layer, nor is it carried: 'running %s: f32[n] = 0' or 'carried %s: f32[n]' declares it",
             binding->name.text, binding->name.text, binding->name.text);
        return;
    }
    if (is_poison(value) || !s->training || !can_build(s, binding->span))
        return;
    if (!type_equal(val_type(s, value), type)) {
        fail(s, binding->init->span, "'%s' is %s, but this is %s", binding->name.text, describe_type(s, type),
             describe(s, value));
        return;
    }
    bool *varies = varying_values(s->builder.function);
    if (varies[value.ir]) {
        fail(s, binding->init->span, "this differs between the examples of a batch, of which a running statistic is one number");
        add_help(s, "'across mean(x)' is the mean over the batch");
    }
    support_free(varies);
    Update *before = find_update(s, name);
    if (before)
        *before = (Update){name, value.ir, binding->span}; /* a layer that runs twice: the last time counts */
    else
        vec_push(&s->updates, ((Update){name, value.ir, binding->span}));
}

void run_updates(Session *s, const BindingList *bindings)
{
    for (const Binding *binding = bindings->first; binding; binding = binding->next)
        update(s, binding);
}

void keep_rows_of_updates(Session *s, uint32_t condition)
{
    Module *module = s->module;
    for (uint32_t i = 0; i < s->updates.len; i++) {
        uint32_t statistic = (uint32_t)find_weight(module, s->updates.data[i].weight);
        Builder b = {module, function_new(module, arena_printf(&module->arena, "%s.value", s->updates.data[i].weight)), 0};
        FormUse use = {.b = &b, .weight = statistic, .rows = module->conditions.data[condition].count};
        use.input = build_source(&b, OP_CONDITION, condition);
        build_output(&b, "weight", form_free.make(&use));
        vec_last(&module->weights).fixed = true; /* the table */
        module->weights.data[statistic].value = b.function->name;
    }
}

void output_updates(Session *s)
{
    for (uint32_t i = 0; i < s->updates.len; i++)
        build_output(&s->builder, arena_printf(&s->file->arena, "%s%s", running_output, s->updates.data[i].weight),
                     build_unary(&s->builder, OP_STOP, s->updates.data[i].value));
}
