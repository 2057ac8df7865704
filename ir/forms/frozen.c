/* The numbers that a file holds under the weight's name. Training does not move them. */
#include "ir/forms/forms.h"

static Value make(FormUse *use)
{
    Weight weight = use->b->module->weights.data[use->weight];
    Value numbers = form_part(use, "frozen", weight.type, (Init){0});
    vec_last(&use->b->module->weights).file = use->file;
    return numbers;
}

const WeightForm form_frozen = {.make = make};
