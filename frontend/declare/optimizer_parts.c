/* Several optimizers, each for a part of the weights: minimise E by adam(1e-3) of trunk, sgd(0.1) of head, adam(1e-4). */
#include <string.h>

#include "frontend/declare/train_plan.h"

enum { MOST_NAMES = 4 }; /* that a message lists */

/* ---- reading ---- */

static const OptimizerUse *earlier_use(Session *s, const OptimizerUse *first, const OptimizerUse *use)
{
    for (const OptimizerUse *other = first; other != use; other = other->next) {
        if (!other->net.text || !use->net.text) {
            if (!other->net.text && !use->net.text)
                return other;
        } else if (strcmp(part_text(s, other->net, &other->path), part_text(s, use->net, &use->path)) == 0) {
            return other;
        }
    }
    return NULL;
}

static bool missing_optimizer(TrainPlan *plan, const Setting *setting)
{
    Session *s = plan->s;
    if (plan->misspelt)
        return false;
    fail(s, setting->span, "'%s' does not say by which optimizer", setting->head.text);
    add_help(s, "end it with 'by adam(1e-3)'");
    return false;
}

static bool read_use(TrainPlan *plan, const Setting *setting, const OptimizerUse *use, Phase *phase)
{
    Session *s = plan->s;
    Optimizer optimizer;
    const OptimizerUse *earlier = earlier_use(s, setting->by.first, use);
    if (earlier && use->net.text)
        fail(s, use->span, "'%s' has two optimizers", part_text(s, use->net, &use->path));
    else if (earlier)
        fail(s, use->span, "two optimizers are for all weights: all but one need 'of PART'");
    if (earlier) {
        add_note(s, earlier->span, "the first is here");
        return false;
    }
    if (!read_optimizer(plan, use->optimizer, true, &optimizer))
        return false;
    if (!use->net.text) {
        phase->optimizer = optimizer;
        phase->parts_only = false;
        return true;
    }
    if (phase->parts.len == MOST_OPTIMIZED_PARTS) {
        fail(s, use->span, "optimizers for more than %d parts", MOST_OPTIMIZED_PARTS);
        return false;
    }
    const char *part = part_text(s, use->net, &use->path);
    vec_push(&phase->parts, (PartOptimizer){arena_copy(&s->module->arena, part), optimizer});
    return s->learning || check_net_part(s, use->net, &use->path);
}

bool read_phase_optimizers(TrainPlan *plan, const Setting *setting, Phase *phase)
{
    bool fine = setting->by.count || missing_optimizer(plan, setting);
    phase->parts_only = setting->by.count > 0;
    for (const OptimizerUse *use = setting->by.first; use; use = use->next)
        fine &= read_use(plan, setting, use, phase);
    return fine;
}

bool read_only_optimizer(TrainPlan *plan, const Setting *setting, Optimizer *optimizer)
{
    Session *s = plan->s;
    const OptimizerUse *use = setting->by.first;
    if (!use)
        return missing_optimizer(plan, setting);
    if (use->net.text || use->next) {
        fail(s, use->net.text ? use->span : use->next->span, "'%s' takes one optimizer: its numbers belong to no part of a net",
             setting->head.text);
        return false;
    }
    return read_optimizer(plan, use->optimizer, false, optimizer);
}

/* ---- checks ---- */

/* Marks the weights that the function depends on, at any remove. */
static void mark_weights(const Module *module, const Function *function, bool *marks)
{
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (op->code != OP_PARAM || marks[op->symbol])
            continue;
        marks[op->symbol] = true;
        const Function *value = weight_value_function(module, op->symbol);
        if (value)
            mark_weights(module, value, marks);
    }
}

/* Whether training moves the numbers of the weight itself. */
static bool is_trained_number(const Module *module, uint32_t weight)
{
    const Weight *w = &module->weights.data[weight];
    return !w->value && !w->file && !w->fixed;
}

static const char *state_of(const Weight *weight)
{
    return weight->state ? weight->state : weight->name;
}

static void report_untrained(Session *s, const Setting *setting, const Phase *phase, const bool *marks)
{
    Text names = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->module->weights.len; i++) {
        const char *name = state_of(&s->module->weights.data[i]);
        if (!marks[i] || !is_trained_number(s->module, i) || part_of_state(phase, name) != NO_PART)
            continue;
        if (count++ < MOST_NAMES)
            text_printf(&names, "%s%s", count > 1 ? ", " : "", name);
    }
    if (count) {
        fail(s, setting->by.first->span, "no optimizer of '%s' trains %s%s", setting->head.text, names.data,
             count > MOST_NAMES ? arena_printf(&s->file->arena, " and %u other weights", count - MOST_NAMES) : "");
        add_help(s, "an optimizer without 'of' trains all weights that are in no named part");
    }
    text_free(&names);
}

/* Where the loss depends on weights of the part, and none of their numbers is trained. */
static void help_made(Session *s, const bool *marks, const char *part)
{
    bool made = false, trained = false;
    for (uint32_t i = 0; i < s->module->weights.len; i++) {
        bool in_part = marks[i] && weight_in_part(s->module->weights.data[i].name, part);
        made |= in_part && !is_trained_number(s->module, i);
        trained |= in_part && is_trained_number(s->module, i);
    }
    if (made && !trained)
        add_help(s, "the weights of '%s' are made from other numbers, such as the weights of a net", part);
}

void check_optimizer_parts(Session *s, const Setting *setting, const Phase *phase)
{
    const Module *module = s->module;
    bool *marks = support_malloc(module->weights.len + 1), used[MOST_OPTIMIZED_PARTS] = {false}, rest = false;
    memset(marks, 0, module->weights.len + 1);
    mark_weights(module, phase->objective, marks);
    for (uint32_t i = 0; i < module->weights.len; i++) {
        if (!marks[i] || !is_trained_number(module, i))
            continue;
        uint32_t part = part_of_state(phase, state_of(&module->weights.data[i]));
        *(part == NO_PART ? &rest : &used[part]) = true;
    }
    uint32_t part = 0;
    for (const OptimizerUse *use = setting->by.first; use; use = use->next) {
        if (!use->net.text && !rest)
            fail(s, use->span, "this optimizer trains nothing: all weights are in the parts of the others");
        if (!use->net.text || used[part++])
            continue;
        const char *text = part_text(s, use->net, &use->path);
        fail(s, use->span, "this optimizer trains nothing: '%s' depends on no trained number of '%s'%s", setting->head.text, text,
             phase->parts.len > 1 ? " that has no optimizer of its own" : "");
        help_made(s, marks, text);
    }
    if (phase->parts_only)
        report_untrained(s, setting, phase, marks);
    support_free(marks);
}
