#include "runtime/cli/conditions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/abi/hyper_kinds.h"
#include "runtime/cli/domains/domains.h"
#include "runtime/core/report.h"
#include "runtime/run/sweep.h"

enum { FLAG_NAME = 64 };

/* "--task" */
static const char *flag_name(const char *word, char name[static FLAG_NAME])
{
    snprintf(name, FLAG_NAME, "--%s", word);
    return name;
}

/* What is being filled in. */
typedef struct Giving {
    const Program *program;
    const Manifest *manifest;
    const Exported *exported;
    const char *export;
    bool *given; /* conditions without a value of their own, then hyperparameters */
} Giving;

/* The argument that is the condition; NULL: the export does not take it. */
static const TensorInfo *argument_of(const Giving *g, const ConditionInfo *condition)
{
    const ExportInfo *export = g->exported->info;
    for (size_t i = 0; i < export->argument_count; i++)
        if (export->arguments[i].condition == (int)(condition - g->manifest->conditions))
            return &export->arguments[i].tensor;
    return NULL;
}

static void write_argument(const Giving *g, const ConditionInfo *condition, size_t first, size_t count, const double *values)
{
    const TensorInfo *argument = argument_of(g, condition);
    void *input = exported_condition(g->exported, (size_t)(condition - g->manifest->conditions));
    for (size_t i = 0; i < count; i++)
        if (argument->dtype == DTYPE_I32)
            ((int32_t *)input)[first + i] = (int32_t)values[i];
        else if (argument->dtype == DTYPE_F64)
            ((double *)input)[first + i] = values[i];
        else
            ((float *)input)[first + i] = (float)values[i];
}

/* ---- conditions without a value of their own ---- */

/* The condition of that word that the text is for: "r=1,2", or "1,2" where the export takes only one; *value: what is behind the
 * name. NULL (reported). */
static const ConditionInfo *find_condition(const Giving *g, const char *word, const char *text, const char **value)
{
    const ConditionInfo *only = NULL;
    const char *equals = strchr(text, '='), *first = "";
    size_t count = 0, length = equals ? (size_t)(equals - text) : 0;
    NameList names = {""};
    *value = equals ? equals + 1 : text;
    for (size_t i = 0; i < g->manifest->condition_count; i++) {
        const ConditionInfo *condition = &g->manifest->conditions[i];
        if (strcmp(condition->word, word) || !argument_of(g, condition))
            continue;
        if (equals && strlen(condition->name) == length && !strncmp(condition->name, text, length))
            return condition;
        first = *first ? first : condition->name;
        only = condition;
        count++;
        name_list_add(&names, condition->name);
    }
    if (count == 0)
        report_error("'%s' takes no %s: leave --%s out", g->export, word, word);
    else if (equals)
        report_error("--%s %s: '%.*s' is no %s of '%s', which takes %s", word, text, (int)length, text, word, g->export,
                     names.text);
    else if (count > 1)
        report_error("--%s %s: '%s' takes %s: say which, as in --%s %s=%s", word, text, g->export, names.text, word, first, text);
    return equals || count != 1 ? NULL : only;
}

static bool give_value(const Giving *g, const ConditionFlag *flag)
{
    const char *text;
    const ConditionInfo *condition = find_condition(g, flag->word, flag->text, &text);
    if (!condition)
        return false;
    bool *given = &g->given[condition - g->manifest->conditions];
    char name[FLAG_NAME];
    double *values = calloc(condition->width, sizeof *values);
    bool fine = values || report_error("out of memory");
    fine = fine && (!*given || report_error("--%s is given twice", flag->word));
    fine = fine && domain_of(condition)->parse(flag_name(flag->word, name), condition, text, values);
    if (fine)
        write_argument(g, condition, 0, condition->width, values);
    *given = true;
    free(values);
    return fine;
}

static bool needs_value(const Giving *g, const ConditionInfo *condition)
{
    char wanted[DOMAIN_TEXT];
    domain_of(condition)->wanted(g->manifest, condition, wanted);
    return report_error("'%s' takes the %s '%s': say with --%s %s", g->export, condition->word, condition->name, condition->word,
                        wanted);
}

/* ---- hyperparameters ---- */

static bool write_values(const Giving *g, const HyperInfo *hyper, const char *text)
{
    const ConditionInfo *condition = &g->manifest->conditions[hyper->condition];
    size_t count = hyper_elements(hyper);
    char name[FLAG_NAME];
    double *values = calloc(count, sizeof *values);
    bool fine = values ? parse_hyper(flag_name(condition->word, name), hyper, text, values) : report_error("out of memory");
    if (fine)
        write_argument(g, condition, hyper->offset, count, values);
    free(values);
    return fine;
}

/* "lam.drop=0.3" */
static bool give_hyper(const Giving *g, const char *text)
{
    const Manifest *manifest = g->manifest;
    const char *equals = strchr(text, '=');
    const HyperInfo *example = &manifest->hypers[0];
    if (!equals)
        return report_error("--%s expects NAME=VALUE, such as %s=%g, not '%s'", manifest->conditions[example->condition].word,
                            example->name, example->init, text);
    const HyperInfo *hyper = find_hyper(manifest, text, (size_t)(equals - text));
    if (!hyper)
        return false;
    const ConditionInfo *condition = &manifest->conditions[hyper->condition];
    if (!argument_of(g, condition) && !manifest->train)
        return report_error("'%s' takes no %s: it was fixed when this program was made", g->export, hyper->name);
    if (!argument_of(g, condition))
        return report_error(
            "'%s' keeps %s as it was trained; to choose it, the model makes '%s' an argument: 'export %s(..., %s)'", g->export,
            hyper->name, condition->name, g->export, condition->name);
    bool *given = &g->given[manifest->condition_count + (size_t)(hyper - manifest->hypers)];
    if (*given)
        return report_error("--%s gives %s twice", condition->word, hyper->name);
    *given = true;
    return write_values(g, hyper, equals + 1);
}

/* The values that the weights' file holds or, where the train does not move them, the first ones. */
static bool keep_trained(const Giving *g, size_t number)
{
    const ConditionInfo *condition = &g->manifest->conditions[number];
    double *values = calloc(condition->width, sizeof *values);
    if (!values)
        return report_error("out of memory");
    for (size_t i = 0; condition->state == NONE && i < g->manifest->hyper_count; i++) {
        const HyperInfo *hyper = &g->manifest->hypers[i];
        for (size_t k = 0; hyper->condition == number && k < hyper_elements(hyper); k++)
            values[hyper->offset + k] = hyper_kind_raw(hyper->kind, hyper->low, hyper->high, hyper->init, hyper->init);
    }
    if (condition->state != NONE)
        program_read_reals(g->program, &g->manifest->states[condition->state], values);
    write_argument(g, condition, 0, condition->width, values);
    free(values);
    return true;
}

/* ---- all of them ---- */

static bool check_arguments(const Giving *g)
{
    for (size_t i = 0; i < g->manifest->condition_count; i++) {
        const ConditionInfo *condition = &g->manifest->conditions[i];
        const TensorInfo *argument = argument_of(g, condition);
        DType dtype = domain_is_index[condition->domain] ? DTYPE_I32 : g->manifest->real;
        if (argument && (argument->elements != (int64_t)condition->width || argument->dtype != dtype))
            return report_internal("the argument '%s' of '%s' does not hold %zu numbers", condition->name, g->export,
                                   condition->width);
    }
    return true;
}

static bool give_all(const Giving *g, const Options *options)
{
    const ConditionInfo *conditions = g->manifest->conditions;
    bool fine = check_arguments(g);
    for (size_t i = 0; fine && i < g->manifest->condition_count; i++)
        if (conditions[i].standing && argument_of(g, &conditions[i]))
            fine = keep_trained(g, i);
    for (size_t i = 0; fine && i < options->condition_count; i++) {
        const ConditionFlag *flag = &options->conditions[i];
        fine = flag->standing ? give_hyper(g, flag->text) : give_value(g, flag);
    }
    for (size_t i = 0; fine && i < g->manifest->condition_count; i++)
        if (!conditions[i].standing && argument_of(g, &conditions[i]) && !g->given[i])
            fine = needs_value(g, &conditions[i]);
    return fine;
}

/* Where each point of the sweep has a net of its own, the weights must be those of the point that is given. */
static bool check_net(const Giving *g, const char *weights)
{
    const SweepInfo *sweep = manifest_sweep(g->manifest);
    const ConditionInfo *condition = sweep ? &g->manifest->conditions[sweep->condition] : NULL;
    if (condition && g->exported->info->spans && sweep_keeps_nets(g->manifest->train))
        return report_error("'%s' runs over all values of '%s', but each %s has a net of its own, and %s holds one", g->export,
                            condition->name, condition->word, weights);
    if (!condition || !domain_is_index[condition->domain] || !argument_of(g, condition))
        return true;
    const int32_t *point = exported_condition(g->exported, sweep->condition);
    return sweep_check_net(g->program, weights, *point);
}

bool give_conditions(const Program *program, const Exported *exported, const char *weights, const Options *options)
{
    const Manifest *manifest = program->manifest;
    Giving giving = {.program = program, .manifest = manifest, .exported = exported, .export = exported->info->name};
    giving.given = calloc(manifest->condition_count + manifest->hyper_count + 1, sizeof *giving.given);
    bool fine = giving.given ? give_all(&giving, options) && check_net(&giving, weights) : report_error("out of memory");
    free(giving.given);
    return fine;
}

bool give_sweep_point(const Manifest *manifest, const Options *options, int *point)
{
    const ConditionInfo *condition = manifest_sweep(manifest) ? &manifest->conditions[manifest_sweep(manifest)->condition] : NULL;
    *point = NONE;
    for (size_t i = 0; i < options->condition_count; i++) {
        const char *word = options->conditions[i].word, *text = options->conditions[i].text, *equals = strchr(text, '=');
        double value;
        if (!condition || strcmp(condition->word, word))
            return report_error("the metrics of this program are not measured for each %s: leave --%s out", word, word);
        if (equals && (strlen(condition->name) != (size_t)(equals - text) || strncmp(condition->name, text, strlen(condition->name))))
            return report_error("--%s %s: the metrics are measured for each %s '%s'", word, text, word, condition->name);
        if (*point != NONE)
            return report_error("--%s is given twice", word);
        char name[FLAG_NAME];
        if (!domain_of(condition)->parse(flag_name(word, name), condition, equals ? equals + 1 : text, &value))
            return false;
        *point = (int)value;
    }
    return true;
}
