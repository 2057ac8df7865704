/* Hyperparameters in natural units, by their names. */
#include <stdlib.h>
#include <string.h>

#include "runtime/abi/hyper_kinds.h"
#include "runtime/cli/domains/domains.h"
#include "runtime/core/report.h"

const HyperInfo *find_hyper(const Manifest *manifest, const char *name, size_t length)
{
    NameList names = {""};
    for (size_t i = 0; i < manifest->hyper_count; i++) {
        const HyperInfo *hyper = &manifest->hypers[i];
        if (strlen(hyper->name) == length && !strncmp(hyper->name, name, length))
            return hyper;
        name_list_add(&names, hyper->name);
    }
    report_error("'%.*s' is no hyperparameter of this model, which has %s", (int)length, name, names.text);
    return NULL;
}

static bool refuse_value(const char *flag, const HyperInfo *hyper, double value)
{
    const char *name = hyper->name;
    switch (hyper->kind) {
    case HYPER_INTEGER:
        return report_error("%s: %s must be a whole number from %g to %g, but %g is not", flag, name, hyper->low, hyper->high,
                            value);
    case HYPER_POSITIVE:
    case HYPER_LOG:
        return report_error("%s: %s must be above 0, but %g is not", flag, name, value);
    default:
        return report_error("%s: %s must lie strictly between %g and %g, but %g does not", flag, name, hyper->low, hyper->high,
                            value);
    }
}

bool parse_hyper(const char *flag, const HyperInfo *hyper, const char *text, double *raw)
{
    size_t count = hyper_elements(hyper);
    if (!parse_numbers(text, count, raw))
        return refuse_numbers(flag, hyper->name, count, text);
    for (size_t i = 0; i < count; i++) {
        if (!hyper_kind_holds(hyper->kind, hyper->low, hyper->high, raw[i]))
            return refuse_value(flag, hyper, raw[i]);
        raw[i] = hyper_kind_raw(hyper->kind, hyper->low, hyper->high, hyper->init, raw[i]);
    }
    return true;
}
