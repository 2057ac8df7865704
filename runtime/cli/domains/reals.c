/* A vector of any numbers: "0.1,-2,3". */
#include <stdio.h>

#include "runtime/cli/domains/domains.h"

static bool parse(const char *flag, const ConditionInfo *condition, const char *text, double *values)
{
    return parse_numbers(text, condition->width, values) || refuse_numbers(flag, "", condition->width, text);
}

static void help(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT])
{
    (void)manifest;
    snprintf(text, DOMAIN_TEXT, "the numbers of '%.80s'", condition->name);
}

const Domain domain_reals = {parse, wanted_numbers, help};
