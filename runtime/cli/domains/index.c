/* A whole number from 0 on: "3". */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/cli/domains/domains.h"
#include "runtime/core/report.h"

static bool parse(const char *flag, const ConditionInfo *condition, const char *text, double *values)
{
    const char *word = condition->word;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || (errno && errno != ERANGE))
        return report_error("%s expects a whole number from 0 to %" PRId64 ", not '%s'", flag, condition->count - 1, text);
    if (errno || number < 0 || number >= condition->count)
        return report_error("%s %s is out of range: the model has %ss 0 to %" PRId64, word, text, word, condition->count - 1);
    *values = (double)number;
    return true;
}

static void wanted(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT])
{
    (void)manifest;
    snprintf(text, DOMAIN_TEXT, "which one, from 0 to %" PRId64, condition->count - 1);
}

static void help(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT])
{
    (void)manifest;
    snprintf(text, DOMAIN_TEXT, "which %.60s, from 0 to %" PRId64, condition->word, condition->count - 1);
}

const Domain domain_index = {parse, wanted, help};
