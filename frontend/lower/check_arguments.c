/* Checks of standard layers' arguments beyond their types: numbers in range, and no probabilities where logits are meant. */
#include <math.h>
#include <string.h>

#include "frontend/lower/at_hypers.h"

/* Numbers known at compile time that the layer can do nothing with. */
static const struct {
    const char *layer, *param;
    double least, most;
} limits[] = {
    {"dropout", "p", 0, 1},
    {"layernorm", "epsilon", 0, INFINITY},
    {"huber", "delta", 0, INFINITY},
};

/* Layers that make probabilities of logits, and losses that take logits. */
static const char *const makers[] = {"softmax", "sigmoid"};
static const struct {
    const char *loss, *param;
} takers[] = {{"cross_entropy", "logits"}, {"binary_cross_entropy", "logit"}};

bool check_standard_argument(Session *s, const Decl *layer, const Param *param, Val value, Span span)
{
    const char *name = layer->name.text;
    if (strcmp(name, "dropout") == 0 && strcmp(param->name.text, "p") == 0 && !check_rate(s, value, span, "'p' of 'dropout'"))
        return false;
    for (size_t i = 0; i < COUNT_OF(limits) && value.kind == VAL_NUMBER; i++) {
        if (strcmp(limits[i].layer, name) != 0 || strcmp(limits[i].param, param->name.text) != 0)
            continue;
        if (value.number >= limits[i].least && value.number <= limits[i].most)
            continue;
        if (limits[i].most < INFINITY)
            fail(s, span, "'%s' of '%s' lies between %g and %g, but this is %.6g", param->name.text, name, limits[i].least,
                 limits[i].most, value.number);
        else
            fail(s, span, "'%s' of '%s' is at least %g, but this is %.6g", param->name.text, name, limits[i].least, value.number);
        if (limits[i].most == 1 && value.number >= 5 && value.number <= 100)
            add_help(s, "a rate of %.6g %% is %.6g", value.number, value.number / 100);
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(takers) && value.probabilities; i++)
        if (strcmp(takers[i].loss, name) == 0 && strcmp(takers[i].param, param->name.text) == 0) {
            warn(s, WARNING_PROBABILITIES, span, "'%s' takes logits, but these are probabilities", name);
            add_help(s, "pass the argument of 'softmax' or 'sigmoid': the loss applies that function itself, without its "
                        "rounding errors");
        }
    return true;
}

bool makes_probabilities(const Decl *layer)
{
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(makers); i++)
        found |= strcmp(makers[i], layer->name.text) == 0;
    return found;
}
