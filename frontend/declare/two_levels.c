/* What methods with two levels share: weights are trained on a lower loss, hyperparameters are tuned on an upper one. */
#include <string.h>

#include "frontend/declare/train_plan.h"

static bool unit_is(Session *s, Name unit, const char *wanted)
{
    if (strcmp(unit.text, wanted) == 0)
        return true;
    fail(s, unit.span, "'%s' expected here, but this is '%s'", wanted, unit.text);
    return false;
}

void read_alternation(TrainPlan *plan)
{
    Session *s = plan->s;
    Train *train = &plan->train;
    const Setting *every = find_setting(plan, "every"), *after = find_setting(plan, "after");
    train->every_lower = train->every_upper = 1;
    if (every && every->units.count == 2 && unit_is(s, every->units.first->name, "lower") &&
        unit_is(s, every->units.last->name, "upper")) {
        const Expr *lower = every->values.first, *upper = every->values.last;
        as_integer(s, evaluate(s, lower), lower->span, "the number of lower steps", 1, MAX_COUNT, &train->every_lower);
        as_integer(s, evaluate(s, upper), upper->span, "the number of upper steps", 1, MAX_COUNT, &train->every_upper);
    }
    if (!after || after->units.count != 1 || !unit_is(s, after->units.first->name, "epochs"))
        return;
    read_number(s, after->values.first, "'after'", (Range)WITHIN(0, MAX_COUNT), &train->warmup);
}

/* ---- warnings ---- */

bool reads_hyper(const Function *f, const Op *op, const Hyper *hyper)
{
    int64_t first = hyper->offset, count = type_elements(hyper->shape);
    for (uint32_t i = 0; i < op->nargs; i++) {
        const Op *operand = OP_AT(f, op->args[i]);
        if (operand->code != OP_CONDITION || operand->symbol != hyper->condition)
            continue;
        if (op->code != OP_SLICE || (op->start.v[0] < first + count && first < op->start.v[0] + op->type.dims[0]))
            return true;
    }
    return false;
}

static bool reads(const Function *f, const Hyper *hyper)
{
    for (Value v = 0; v < f->ops.len; v++)
        if (reads_hyper(f, OP_AT(f, v), hyper))
            return true;
    return false;
}

static bool optimizer_reads(const Phase *phase, const Hyper *hyper)
{
    bool read = false;
    for (uint32_t k = 0; k <= phase->parts.len; k++)
        read |= phase_optimizer(phase, k)->tuned && reads(phase_optimizer(phase, k)->tuned, hyper);
    return read;
}

/* Whether steps that make weights read it: their loss, or their rate. */
static bool steps_read(const Module *module, const Hyper *hyper)
{
    bool read = false;
    for (uint32_t i = 0; i < module->weights.len && !read; i++) {
        const Function *value = module->weights.data[i].net == NO_NET ? weight_value_function(module, i) : NULL;
        read = value && function_has(value, OP_GRAD) && reads(value, hyper);
    }
    return read;
}

/* Where the hyperparameter "lam.drop" is declared. */
static Span hyper_span(const Session *s, const Hyper *hyper)
{
    const Decl *group = condition_symbol(s, hyper->condition)->decl;
    const HyperEntry *entry = group->hypers.first;
    while (strcmp(entry->name.text, hyper->name + strlen(group->name.text) + 1) != 0)
        entry = entry->next;
    return entry->name.span;
}

void warn_of_unused_hypers(Session *s, const Decl *decl, const Train *train)
{
    for (uint32_t h = 0; h < s->model->hypers.len; h++) {
        const Hyper *hyper = &s->model->hypers.data[h];
        bool read = !find_train_condition(train, hyper->condition) || steps_read(s->module, hyper);
        for (uint32_t i = 0; i < train->phases.len && !read; i++)
            read = reads(train->phases.data[i].objective, hyper) || optimizer_reads(&train->phases.data[i], hyper);
        if (train->search && train->select >= 0)
            read |= reads(train->metrics.data[train->select].objective, hyper);
        if (read)
            continue;
        warn(s, WARNING_UNUSED_HYPER, hyper_span(s, hyper), "the train '%s' tunes '%s', but none of its losses reads it",
             decl->name.text, hyper->name);
        add_help(s, "its tuned value means nothing; leave it out, or read it in the loss of '%s'%s", train->phases.data[0].name,
                 train->search || train->unrolled ? " or in its optimizer" : "");
    }
}

void warn_of_same_split(Session *s, const Decl *decl, const Train *train)
{
    const Phase *weights = &train->phases.data[0], *upper = &train->phases.data[1];
    const Setting *setting = setting_of(decl, "upper");
    if (train->phases.len == 2 && weights->dataset == upper->dataset && weights->split == upper->split &&
        same_member(weights->member, upper->member) && setting && function_has(weights->objective, OP_EXAMPLE) &&
        function_has(upper->objective, OP_EXAMPLE)) {
        warn(s, WARNING_SAME_SPLIT, setting->span,
             "the hyperparameters are tuned on the examples that the weights are trained on");
        add_help(s, "give 'upper' a split of its own, such as one for validation");
    }
}
