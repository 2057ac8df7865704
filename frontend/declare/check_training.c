/* Errors where a train would train nothing, warnings where it would train something in vain. The checks look at the per-example
 * functions, so the way in which a model is written does not matter. */
#include <math.h>
#include <string.h>

#include "frontend/declare/declare.h"
#include "frontend/declare/movement.h"
#include "frontend/declare/train_plan.h"

/* ---- what is trained ---- */

/* The leaves that a loss shall train: the weights or, through the weights, conditions. */
typedef struct TrainedLeaves {
    const Model *model;
    bool upper;
    uint64_t conditions; /* upper: the set of the conditions */
    const Hyper *hyper;  /* upper: only this hyperparameter of the condition; NULL: all */
} TrainedLeaves;

/* Whether the op is a leaf that is trained, or a weight that depends on one. */
static bool is_trained(const TrainedLeaves *leaves, const Function *f, const Op *op)
{
    if (leaves->hyper)
        return reads_hyper(f, op, leaves->hyper);
    if (leaves->upper)
        return (conditions_of_op(leaves->model->module, op) & leaves->conditions) != 0;
    return op->code == OP_PARAM && leaves->model->module->weights.data[op->symbol].sources.trained;
}

enum { DEPENDS = 1, DERIVED = 2 }; /* on a trained leaf: at all; with a derivative that is not 0 everywhere */

/* Marks every value of the function; the caller frees the marks. */
static unsigned char *mark_trained(const TrainedLeaves *leaves, const Function *f)
{
    unsigned char *marks = support_malloc(f->ops.len + 1);
    for (Value v = 0; v < f->ops.len; v++) {
        const Op *op = OP_AT(f, v);
        marks[v] = is_trained(leaves, f, op) ? DEPENDS | DERIVED : 0;
        for (uint32_t i = 0; i < op->nargs; i++) {
            marks[v] |= marks[op->args[i]] & DEPENDS;
            if (passes_on(f, op, i))
                marks[v] |= marks[op->args[i]] & DERIVED;
        }
    }
    return marks;
}

/* The op nearest to the loss through which no derivative passes: the message names it as the reason. */
static const Op *find_block(const Function *f, const unsigned char *marks, Value loss)
{
    bool *needed = support_malloc(f->ops.len + 1);
    const Op *block = NULL;
    memset(needed, 0, f->ops.len + 1);
    needed[loss] = true;
    for (Value v = loss + 1; v-- > 0 && !block;) {
        const Op *op = OP_AT(f, v);
        for (uint32_t i = 0; i < op->nargs && needed[v]; i++) {
            needed[op->args[i]] = true;
            if (marks[op->args[i]] & DERIVED && !(marks[v] & DERIVED))
                block = op;
        }
    }
    support_free(needed);
    return block;
}

/* "lam", "lam or mu" */
static const char *names_of(Session *s, uint64_t conditions)
{
    const char *text = "";
    for (uint32_t c = 0; c < s->module->conditions.len; c++)
        if (conditions >> c & 1)
            text = arena_printf(&s->file->arena, "%s%s%s", text, *text ? " or " : "", s->module->conditions.data[c].name);
    return text;
}

/* `what_not`: "trains nothing" */
static bool check_derivative(Session *s, const TrainedLeaves *leaves, const Function *f, Value loss, Span span, const char *name,
                             const char *what_not)
{
    unsigned char *marks = mark_trained(leaves, f), mark = marks[loss];
    const Op *block = mark & DERIVED ? NULL : find_block(f, marks, loss);
    support_free(marks);
    if (mark & DERIVED)
        return true;
    const char *what = leaves->upper ? names_of(s, leaves->conditions) : "every weight";
    if (!(mark & DEPENDS)) {
        fail(s, span, "'%s' %s: it does not depend on %s", name, what_not, leaves->upper ? what : "any weight");
        return false;
    }
    fail(s, span, "'%s' %s: its derivative with respect to %s is 0 everywhere", name, what_not, what);
    if (block)
        add_help(s, "no derivative passes '%s' in line %u: minimise a smooth loss; counts of errors can be reported",
                 op_info[block->code].name, block->line);
    return false;
}

/* ---- a train ---- */

/* Whether the upper loss must depend on the conditions through weights: otherwise the method finds how weights depend on them. */
static bool tunes_by_response(const Train *train)
{
    return train->method == METHOD_BILEVEL;
}

static void help_stuck(Session *s, uint32_t weight)
{
    if (weight != NO_WEIGHT && s->module->weights.data[weight].init.value == 0)
        add_help(s, "weights that begin at 0 are multiplied with each other: begin one factor with random numbers, as in '~ "
                    "normal(0.1)'");
    else
        add_help(s, "they are multiplied by a constant 0");
}

static void check_movement(Session *s, const Function *f, uint32_t number, Span span, const char *name)
{
    MovementResult result = find_movement(s->model, f, number, number, NULL);
    if (result.moves)
        return;
    fail(s, span, "'%s' trains nothing: at the first weights its derivative with respect to every weight is 0", name);
    help_stuck(s, result.stuck);
}

/* The loss tunes some of the conditions, and must tune all. */
static void check_each_condition(Session *s, const Train *train, const Function *f, Value loss, Span span, const char *name)
{
    for (uint32_t i = 0; i < train->conditions.len; i++) {
        uint32_t condition = train->conditions.data[i].condition;
        TrainedLeaves leaves = {s->model, true, UINT64_C(1) << condition, NULL};
        const char *what_not = arena_printf(&s->file->arena, "does not tune %s", s->module->conditions.data[condition].name);
        check_derivative(s, &leaves, f, loss, span, name, what_not);
    }
}

static bool is_random(const Function *f, Value v)
{
    const Op *op = OP_AT(f, v);
    bool shaped = op->code == OP_BROADCAST || op->code == OP_RESHAPE;
    return op->code == OP_RANDOM || (shaped && is_random(f, op->args[0]));
}

/* Whether what the loss needs compares a random number with what depends on the leaf, as a Bernoulli mask does with its
 * probability: its mean over the draws changes with the leaf, and no derivative of a draw says so. */
static bool is_probability(const Function *f, const unsigned char *marks, Value loss)
{
    bool *needed = support_malloc(f->ops.len + 1), found = false;
    memset(needed, 0, f->ops.len + 1);
    needed[loss] = true;
    for (Value v = loss + 1; v-- > 0 && !found;) {
        const Op *op = OP_AT(f, v);
        bool compares = op->code == OP_LT || op->code == OP_LE;
        for (uint32_t i = 0; i < op->nargs && needed[v]; i++) {
            needed[op->args[i]] = true;
            found = found || (compares && is_random(f, op->args[i]) && marks[op->args[1 - i]] & DEPENDS);
        }
    }
    support_free(needed);
    return found;
}

/* The marks of the numbers of the phase's optimizers, together. */
static unsigned char mark_optimizers(const TrainedLeaves *leaves, const Phase *phase)
{
    unsigned char all = 0;
    for (uint32_t k = 0; k <= phase->parts.len; k++) {
        const Function *tuned = phase_optimizer(phase, k)->tuned;
        unsigned char *marks = tuned ? mark_trained(leaves, tuned) : NULL;
        for (uint32_t i = 0; tuned && i < tuned->outputs.len; i++)
            all |= marks[tuned->outputs.data[i].value];
        support_free(marks);
    }
    return all;
}

/* A hyperparameter that is tuned by a derivative of what training does must change the lower loss, or a number of its optimizer,
 * smoothly. One that neither reads is the business of a warning. */
static void check_each_hyper(Session *s, const Train *train, const Phase *phase, Span span)
{
    const Function *f = phase->objective;
    const char *method = method_traits[train->method].name;
    Value loss = f->outputs.data[0].value;
    for (uint32_t h = 0; h < s->model->hypers.len; h++) {
        const Hyper *hyper = &s->model->hypers.data[h];
        TrainedLeaves leaves = {s->model, true, UINT64_C(1) << hyper->condition, hyper};
        if (!(train_conditions(train) >> hyper->condition & 1))
            continue;
        unsigned char *marks = mark_trained(&leaves, f), mark = marks[loss], sets = mark_optimizers(&leaves, phase);
        const Op *block = mark & DERIVED ? NULL : find_block(f, marks, loss);
        bool draws = mark & DERIVED && is_probability(f, marks, loss);
        support_free(marks);
        if (draws) {
            fail(s, span,
                 "%s cannot tune '%s': random numbers of this loss are drawn with it as their probability, so that the "
                 "derivative of a draw is not that of the mean loss",
                 method, hyper->name);
            add_help(s, "bilevel tunes it, by 'weights NET = stn(%s)'", s->module->conditions.data[hyper->condition].name);
        }
        if ((mark | sets) & DERIVED || !((mark | sets) & DEPENDS))
            continue;
        fail(s, span, "%s cannot tune '%s': the derivative of this %s with respect to it is 0 everywhere", method, hyper->name,
             mark & DEPENDS ? "loss" : "loss's optimizer");
        if (block)
            add_help(s, "no derivative passes '%s' in line %u; bilevel tunes it, by 'weights NET = stn(%s)'",
                     op_info[block->code].name, block->line, s->module->conditions.data[hyper->condition].name);
    }
}

static void check_phase(Session *s, const Decl *decl, const Train *train, uint32_t number)
{
    const Phase *phase = &train->phases.data[number];
    const Setting *setting = setting_of(decl, phase->name);
    TrainedLeaves leaves = {s->model, phase->upper && tunes_by_response(train), train_conditions(train), NULL};
    if (!setting || !phase->objective)
        return;
    const Expr *expr = setting->values.first;
    if ((train->implicit || train->unrolled) && !phase->upper && expr)
        check_each_hyper(s, train, phase, expr->span);
    for (uint32_t i = 0; i < phase->objective->outputs.len && expr; i++, expr = expr->next) {
        Value loss = phase->objective->outputs.data[i].value;
        const char *name = span_text(&s->file->arena, expr->span);
        if (!check_derivative(s, &leaves, phase->objective, loss, expr->span, name, "trains nothing"))
            continue;
        if (leaves.upper)
            check_each_condition(s, train, phase->objective, loss, expr->span, name);
        else
            check_movement(s, phase->objective, i, expr->span, name);
    }
}

/* A step may move other numbers of the net that makes the factors. */
static void warn_of_zero_factors(Session *s, uint32_t index)
{
    const Weight *weight = &s->module->weights.data[index];
    const Decl *decl = s->forms.data[weight->form].decl;
    warn(s, WARNING_STUCK_WEIGHTS, decl->value->span,
         "both factors of the weight '%s' begin at 0, and their product passes no derivative to either", weight->name);
    add_help(s, "begin the last weights of the net that makes them with random numbers, as in '~ normal(0.01)'");
}

/* Training would be silent about it: the net behind the weights passes no derivative to anything. */
static void refuse_dead(Session *s, const Train *train, uint32_t index)
{
    const Weight *made = &s->module->weights.data[index];
    const Decl *decl = s->forms.data[made->form].decl;
    fail(s, decl->value->span, "no step of '%s' moves what makes the weights of '%s': at the first weights its derivative is 0",
         train->name, s->model->forms.data[made->form].target);
    add_help(
        s, "numbers that begin at 0 are multiplied with each other: begin one factor with random numbers, as in '~ normal(0.1)'");
}

/* Over all phases: weights that the losses together leave at 0, and whether such weights keep a condition where it is. */
static void check_stuck(Session *s, const Decl *decl, const Train *train)
{
    const Phase *lower = &train->phases.data[0], *upper = tunes_by_response(train) ? &train->phases.data[1] : NULL;
    const Setting *setting = upper ? setting_of(decl, upper->name) : NULL;
    MovementResult result =
        find_movement(s->model, lower->objective, 0, lower->objective->outputs.len - 1, upper ? upper->objective : NULL);
    uint64_t still = train_conditions(train) & ~result.reached;
    if (setting && still) {
        fail(s, setting->span, "'%s' stays where it is: the weights that respond to it begin at 0, and no step moves them",
             names_of(s, still & (~still + 1))); /* the first of them */
        help_stuck(s, result.stuck);
    } else if (result.dead != NO_WEIGHT) {
        refuse_dead(s, train, result.dead);
    } else if (result.stuck != NO_WEIGHT) {
        const char *name = s->module->weights.data[result.stuck].name;
        Span span = setting_of(decl, lower->name)->span;
        for (uint32_t i = 0; i < s->file->weights.len; i++)
            if (strcmp(s->file->weights.data[i].name, name) == 0 && s->file->weights.data[i].span.source != &std_source)
                span = s->file->weights.data[i].span;
        warn(s, WARNING_STUCK_WEIGHTS, span,
             "no step of '%s' moves the weights '%s': all that they are multiplied with is 0 and stays so", decl->name.text,
             name);
        help_stuck(s, result.stuck);
    } else if (result.zero_factors != NO_WEIGHT) {
        warn_of_zero_factors(s, result.zero_factors);
    }
}

/* What a net makes of earlier examples is kept by its derivative. */
static void check_remembered(Session *s, const Decl *decl, const Train *train)
{
    const Function *outputs = train->continual ? train->continual->outputs : NULL;
    const Setting *setting = setting_of(decl, "remember");
    TrainedLeaves leaves = {s->model, false, 0, NULL};
    if (outputs && outputs->outputs.len && setting)
        check_derivative(s, &leaves, outputs, outputs->outputs.data[0].value, setting->span,
                         span_text(&s->file->arena, setting->values.first->span), "protects nothing");
}

void check_training(Session *s, const Decl *decl)
{
    const Train *train = &vec_last(&s->model->trains);
    unsigned errors = s->file->diags->errors;
    for (uint32_t i = 0; i < train->phases.len; i++)
        check_phase(s, decl, train, i);
    const Phase *weights = train->phases.len ? &train->phases.data[0] : NULL;
    if (s->file->diags->errors == errors && weights && weights->objective && weights->parts.len)
        check_optimizer_parts(s, setting_of(decl, weights->name), weights);
    check_remembered(s, decl, train);
    if (s->file->diags->errors > errors)
        return;
    if (train->phases.len && train->phases.data[0].objective)
        check_stuck(s, decl, train);
    if (reader_of(train)->check)
        reader_of(train)->check(s, decl, train);
}
