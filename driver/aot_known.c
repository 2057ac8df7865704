/* What hnc aot knows when it makes an object: the trained numbers, and the conditions that are fixed. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/manifest.h"
#include "driver/aot.h"
#include "passes/serve.h"
#include "runtime/cli/domains/domains.h"
#include "runtime/core/report.h"
#include "runtime/run/checkpoint.h"

/* ---- the trained numbers ---- */

/* Whether each task has a net of its own, so that the weights are those of one. */
static bool keeps_nets(const Model *model)
{
    const Continual *continual = model->trains.len ? model->trains.data[0].continual : NULL;
    return continual && continual->protection == PROTECTION_SEPARATE;
}

static bool load_weights(Aot *a)
{
    Compilation *c = &a->c;
    Plan *layout = plan_states(c->model->module);
    a->manifest = manifest_of(c->model, layout, &a->options->target, &c->arena);
    plan_free(layout);
    bool fine = program_open(&a->program, &a->manifest) &&
                checkpoint_load_weights(a->options->weights, &a->program, keeps_nets(c->model));
    for (uint32_t s = 0; fine && s < c->model->module->states.len; s++)
        c->model->module->states.data[s].literal = program_state(&a->program, &a->manifest.states[s]);
    return fine;
}

/* ---- conditions that are known ---- */

/* The condition of that name, or the one of the hyperparameter of that name. NULL (reported). */
static const ConditionInfo *find_fixed(Aot *a, const char *name, size_t length, const HyperInfo **hyper)
{
    NameList names = {""};
    *hyper = NULL;
    for (size_t i = 0; i < a->manifest.condition_count; i++) {
        const ConditionInfo *condition = &a->manifest.conditions[i];
        if (strlen(condition->name) == length && !strncmp(condition->name, name, length))
            return condition;
        name_list_add(&names, condition->name);
    }
    if (memchr(name, '.', length)) {
        *hyper = find_hyper(&a->manifest, name, length);
        return *hyper ? &a->manifest.conditions[(*hyper)->condition] : NULL;
    }
    if (*names.text)
        report_error("--fix: '%.*s' is no condition of this model, which has %s", (int)length, name, names.text);
    else
        report_error("--fix %.*s: this model has no conditions", (int)length, name);
    return NULL;
}

static bool is_taken(const Aot *a, const ConditionInfo *condition)
{
    const Model *model = a->c.model;
    for (uint32_t i = 0; i < model->exports.len; i++)
        if (export_takes(&model->exports.data[i], (uint32_t)(condition - a->manifest.conditions)))
            return true;
    return report_error("--fix %s: no export takes the %s '%s'", condition->name, condition->word, condition->name);
}

/* The values that the condition has in the weights' file, or its first ones. */
static void take_trained(Aot *a, const ConditionInfo *condition, double *values)
{
    for (size_t i = 0; condition->state == NONE && i < a->manifest.hyper_count; i++) {
        const HyperInfo *hyper = &a->manifest.hypers[i];
        const Hyper *h = &a->c.model->hypers.data[i];
        for (size_t k = 0; &a->manifest.conditions[hyper->condition] == condition && k < hyper_elements(hyper); k++)
            values[hyper->offset + k] = hyper_raw(h, h->init);
    }
    if (condition->state != NONE)
        program_read_reals(&a->program, &a->manifest.states[condition->state], values);
}

static const HyperInfo *first_hyper_of(const Aot *a, const ConditionInfo *condition)
{
    size_t i = 0;
    while (&a->manifest.conditions[a->manifest.hypers[i].condition] != condition)
        i++;
    return &a->manifest.hypers[i];
}

/* Whether the model's numbers can hold those. */
static bool are_in_range(const Aot *a, const char *text, size_t count, const double *values)
{
    for (size_t i = 0; i < count && a->c.model->module->real == DTYPE_F32; i++)
        if (fabs(values[i]) > FLT_MAX)
            return report_error("--fix %s: %g is too large a number for f32", text, values[i]);
    return true;
}

static bool fix_hyper(Aot *a, const HyperInfo *hyper, const char *text, double *values)
{
    bool *given = &a->hyper_given[hyper - a->manifest.hypers];
    if (*given)
        return report_error("--fix %s is given twice", hyper->name);
    *given = true;
    values += hyper->offset;
    return parse_hyper("--fix", hyper, text + strcspn(text, "=") + 1, values) &&
           are_in_range(a, text, hyper_elements(hyper), values);
}

/* "r=0.2,0.8", "t=3", "lam.drop=0.3"; "lam": as trained. */
static bool fix(Aot *a, const char *text)
{
    size_t length = strcspn(text, "=");
    const HyperInfo *hyper;
    const ConditionInfo *condition = find_fixed(a, text, length, &hyper);
    if (!condition || !is_taken(a, condition))
        return false;
    double **values = &a->fixed[condition - a->manifest.conditions];
    if (*values && !condition->standing)
        return report_error("--fix %s is given twice", condition->name);
    if (!text[length] && (hyper || !condition->standing))
        return report_error("--fix %s: say which value, as in --fix %s=...", text, text);
    if (text[length] && !hyper && condition->standing)
        return report_error("--fix %s: name its hyperparameters, as in --fix %s=...", text, first_hyper_of(a, condition)->name);
    if (!*values) {
        *values = ARENA_ARRAY(&a->c.arena, double, condition->width);
        if (condition->standing)
            take_trained(a, condition, *values);
    }
    if (condition->standing)
        return !hyper || fix_hyper(a, hyper, text, *values);
    return domain_of(condition)->parse(arena_printf(&a->c.arena, "--fix %s", condition->name), condition, text + length + 1,
                                       *values) &&
           are_in_range(a, text, condition->width, *values);
}

static bool fix_all(Aot *a)
{
    a->fixed = ARENA_ARRAY(&a->c.arena, double *, a->manifest.condition_count + 1);
    a->hyper_given = ARENA_ARRAY(&a->c.arena, bool, a->manifest.hyper_count + 1);
    bool fine = true;
    for (uint32_t i = 0; fine && i < a->options->fixes.len; i++)
        fine = fix(a, a->options->fixes.data[i]);
    return fine;
}

/* Where each task has a net of its own, the object can only be that of the task whose net the weights are. */
static bool check_own_net(Aot *a)
{
    const Model *model = a->c.model;
    const Sweep *sweep = keeps_nets(model) ? model->trains.data[0].sweep : NULL;
    double at_hand = 0;
    if (!sweep)
        return true;
    const ConditionInfo *condition = &a->manifest.conditions[sweep->condition];
    const double *fixed = a->fixed[sweep->condition];
    program_read_reals(&a->program, &a->manifest.states[sweep->state], &at_hand);
    for (uint32_t i = 0; i < model->exports.len; i++) {
        const Export *export = &model->exports.data[i];
        if (export->spanned >> sweep->condition & 1)
            return report_error("'%s' runs over all values of '%s', but each %s has a net of its own, and %s holds one",
                                export->name, condition->name, condition->word, a->options->weights);
        if (export_takes(export, sweep->condition) && !(fixed && *fixed == at_hand))
            return report_error("%s holds the net of %s %d, and each %s has a net of its own: say --fix %s=%d",
                                a->options->weights, condition->word, (int)at_hand, condition->word, condition->name,
                                (int)at_hand);
    }
    return true;
}

/* ---- all of it ---- */

bool aot_open(Aot *a)
{
    if (!compile_model(a->options, &a->c))
        return false;
    if (a->c.model->exports.len == 0) {
        fprintf(stderr, "%s: error: the model exports nothing: add a line such as 'export predict(x) = f(x)'\n",
                a->options->file);
        return false;
    }
    if (a->options->no_std && a->c.model->module->real == DTYPE_F64)
        return report_error("--no-std: code for f64 calls libm; --float=f32 needs no library");
    return load_weights(a) && fix_all(a) && check_own_net(a);
}

void aot_close(Aot *a)
{
    program_close(&a->program);
    compilation_free(&a->c);
}
