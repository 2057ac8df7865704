#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/cli/domains/domains.h"
#include "runtime/core/report.h"

bool parse_numbers(const char *text, size_t count, double *numbers)
{
    for (size_t i = 0; i < count; i++) {
        char *end;
        numbers[i] = strtod(text, &end);
        if (end == text || !isfinite(numbers[i]) || *end != (i + 1 == count ? '\0' : ','))
            return false;
        text = end + 1;
    }
    return true;
}

bool refuse_numbers(const char *flag, const char *name, size_t count, const char *text)
{
    return count == 1 ? report_error("%s%s%s expects a number, not '%s'", flag, *name ? " " : "", name, text)
                      : report_error("%s%s%s expects %zu numbers with commas between them, not '%s'", flag, *name ? " " : "",
                                     name, count, text);
}

void wanted_numbers(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT])
{
    (void)manifest;
    snprintf(text, DOMAIN_TEXT, condition->width == 1 ? "its number" : "its %zu numbers", condition->width);
}
