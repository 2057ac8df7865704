/* Plain trained numbers. Alone in an expression, or the first of several, they have the weight's own name in checkpoints. `free
 * each t` has such numbers for each value of a task or a member: rows of one table. */
#include "ir/forms/forms.h"

static Value make(FormUse *use)
{
    Weight weight = use->b->module->weights.data[use->weight];
    Value numbers =
        use->rows ? form_row(use, "free", weight.type, weight.init) : form_part(use, "free", weight.type, weight.init);
    if (use->number == 0)
        vec_last(&use->b->module->weights).state = weight.name;
    return numbers;
}

const WeightForm form_free = {.make = make};
