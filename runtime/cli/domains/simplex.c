/* Numbers that are not negative, which are scaled to the sum 1: "3,1,1". */
#include <math.h>
#include <stdio.h>

#include "runtime/cli/domains/domains.h"
#include "runtime/core/report.h"

static bool parse(const char *flag, const ConditionInfo *condition, const char *text, double *values)
{
    const char *word = condition->word;
    double sum = 0;
    if (!parse_numbers(text, condition->width, values))
        return refuse_numbers(flag, "", condition->width, text);
    for (size_t i = 0; i < condition->width; i++) {
        if (values[i] < 0)
            return report_error("%s %s: a %s has no negative numbers", flag, text, word);
        sum += values[i];
    }
    if (!(sum > 0 && isfinite(sum)))
        return report_error("%s %s: the numbers must have a sum above 0", flag, text);
    for (size_t i = 0; i < condition->width; i++)
        values[i] /= sum;
    return true;
}

/* The sweep over this condition, whose outputs its numbers weigh; NULL: there is none. */
static const SweepInfo *sweep_over(const Manifest *manifest, const ConditionInfo *condition)
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    return sweep && &manifest->conditions[sweep->condition] == condition ? sweep : NULL;
}

static void wanted(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT])
{
    const SweepInfo *sweep = sweep_over(manifest, condition);
    NameList names = {""};
    for (size_t i = 0; sweep && i < sweep->output_count; i++)
        name_list_add(&names, sweep->outputs[i]);
    if (sweep)
        snprintf(text, DOMAIN_TEXT, "how much each of %s matters", names.text);
    else
        wanted_numbers(manifest, condition, text);
}

static void help(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT])
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    (void)condition;
    snprintf(text, DOMAIN_TEXT, "how much each %.30s matters, scaled to the sum 1", sweep ? sweep->output_word : "entry");
}

const Domain domain_simplex = {parse, wanted, help};
