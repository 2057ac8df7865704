/* A hypernetwork in its first form (Ha, Dai and Le, "HyperNetworks", ICLR 2017): the net makes every element. */
#include "ir/forms/forms.h"

static int64_t numbers(const Weight *weight, const int64_t *settings)
{
    (void)settings;
    return type_elements(weight->type);
}

static Value make(FormUse *use)
{
    Type type = use->b->module->weights.data[use->weight].type;
    Value all = form_numbers(use, 0, type_elements(type), use->start == START_ZERO ? (Init){0} : first_numbers(use));
    if (use->measured_count)
        use->generated = form_sample(use->b, all, MEASURED_NUMBERS);
    return build_reshape(use->b, all, type);
}

const WeightForm form_dense = {.make = make, .numbers = numbers, .makes_all = true};
