/* Feature-wise linear modulation (Perez et al., AAAI 2018) as a form: trained weights whose rows are scaled by 1 plus a number of
 * the net per output unit; a vector, which is what a layer adds, is shifted, too. */
#include "ir/forms/forms.h"

static int64_t numbers(const Weight *weight, int64_t setting)
{
    (void)setting;
    return weight_units(weight) * (weight->type.rank > 1 ? 1 : 2);
}

static Value make(FormUse *use)
{
    Builder *b = use->b;
    Weight weight = b->module->weights.data[use->weight];
    int64_t units = weight_units(&weight);
    Value scale = build_with_const(b, OP_ADD, part_of(b, use->input, 0, units), 1);
    Value w = form_part(use, "film", weight.type, weight.init);
    w = build_binary(b, OP_MUL, w, per_unit(b, &weight, scale));
    if (weight.type.rank > 1)
        return w;
    return build_binary(b, OP_ADD, w, per_unit(b, &weight, part_of(b, use->input, units, units)));
}

const WeightForm form_film = {make, numbers};
