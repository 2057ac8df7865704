/* The centred best response of Bae & Grosse 2020 (Delta-STN, arXiv 2010.13514): W(c) = W_elem + (V (c - c0)) row-wise W_hyper,
 * where c0 is the value of the condition at hand. There the weight is W_elem, whatever V and W_hyper are; V starts at 0. */
#include "ir/forms/forms.h"

/* As the weight does, but where that is at 0, as biases are: V is at 0, too, and neither factor would move. */
static Init first_hyper(const Weight *weight)
{
    bool zero = weight->init.kind == INIT_CONSTANT && weight->init.value == 0;
    return zero ? (Init){INIT_CONSTANT, 1} : weight->init;
}

static Value make(FormUse *use)
{
    Builder *b = use->b;
    Weight weight = b->module->weights.data[use->weight];
    Type scales = type_of(weight.type.dtype, 2, (int64_t[]){value_type(b, use->input).dims[0], weight_units(&weight)});
    Value elem = form_part(use, "elem", weight.type, weight.init);
    Value hyper = form_response(use, "hyper", weight.type, first_hyper(&weight));
    Value v = form_response(use, "scale", scales, (Init){0});
    Value scale = build_dot(b, use->input, v, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
    return build_binary(b, OP_RESPOND, elem, build_binary(b, OP_MUL, per_unit(b, &weight, scale), hyper));
}

const WeightForm form_delta_stn = {.make = make};
