/* Best response of MacKay et al. 2019 (arXiv 1903.03088, equation 10): W(c) = W_elem + (V c) row-wise W_hyper, one scale per
 * output unit; V starts at N(0, 0.01^2), as in the authors' code. */
#include "ir/forms/forms.h"

static Value make(FormUse *use)
{
    Builder *b = use->b;
    Weight weight = b->module->weights.data[use->weight];
    Type scales = type_of(weight.type.dtype, 2, (int64_t[]){value_type(b, use->input).dims[0], weight_units(&weight)});
    Value elem = form_part(use, "elem", weight.type, weight.init);
    Value hyper = form_part(use, "hyper", weight.type, weight.init);
    Value v = form_part(use, "scale", scales, (Init){INIT_NORMAL, 0.01});
    Value scale = build_dot(b, use->input, v, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
    return build_binary(b, OP_ADD, elem, build_binary(b, OP_MUL, per_unit(b, &weight, scale), hyper));
}

const WeightForm form_stn = {.make = make};
