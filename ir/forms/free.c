/* Plain trained numbers. Alone in an expression, or the first of several, they have the weight's own name in checkpoints. */
#include "ir/forms/forms.h"

static Value make(FormUse *use)
{
    Weight weight = use->b->module->weights.data[use->weight];
    Value numbers = form_part(use, "free", weight.type, weight.init);
    if (use->number == 0)
        vec_last(&use->b->module->weights).state = weight.name;
    return numbers;
}

const WeightForm form_free = {make, NULL};
