/* Where steps of an optimizer on a loss lead (MAML: Finn, Abbeel and Levine, ICML 2017, section 2.2). The steps move all weights
 * of the declaration together (frontend/lower/steps.c); this is the weight's piece of where they end. */
#include "ir/forms/forms.h"

static int64_t numbers(const Weight *weight, const int64_t *settings)
{
    (void)settings;
    return type_elements(weight->type);
}

static Value make(FormUse *use)
{
    return build_reshape(use->b, use->input, use->b->module->weights.data[use->weight].type);
}

const WeightForm form_after = {.make = make, .numbers = numbers};
