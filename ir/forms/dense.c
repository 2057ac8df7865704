/* A hypernetwork in its first form (Ha, Dai and Le, "HyperNetworks", ICLR 2017): the net makes every element. */
#include "ir/forms/forms.h"

static int64_t numbers(const Weight *weight, int64_t setting)
{
    (void)setting;
    return type_elements(weight->type);
}

static Value make(FormUse *use)
{
    return build_reshape(use->b, use->input, use->b->module->weights.data[use->weight].type);
}

const WeightForm form_dense = {make, numbers};
