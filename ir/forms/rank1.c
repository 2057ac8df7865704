/* BatchEnsemble (Wen, Tran and Ba, ICLR 2020, equation 1): W * (s r'), one factor per output unit and one per input, here 1 plus
 * the numbers of the net, so that a net that makes zeros leaves W as it is. A vector has no inputs: b * s. */
#include "ir/forms/forms.h"

static int64_t numbers(const Weight *weight, const int64_t *settings)
{
    (void)settings;
    return weight_units(weight) + (weight->type.rank > 1 ? weight_inputs(weight) : 0);
}

/* One number per element of a unit, the same for every unit. */
static Value per_input(Builder *b, const Weight *weight, Value vector)
{
    Type one_unit = {.dtype = weight->type.dtype};
    Dims axes = {0};
    for (int axis = 0; axis < (int)weight->type.rank; axis++)
        if (axis != weight->output_axis) {
            one_unit.dims[one_unit.rank++] = weight->type.dims[axis];
            axes.v[axes.n++] = axis;
        }
    return build_broadcast(b, build_reshape(b, vector, one_unit), weight->type, axes);
}

/* Rows of tasks and members are the factors themselves. They begin at random signs, as in the paper: the weight
 * keeps its scale, and members differ from the start. */
static Value factors_of(FormUse *use, int64_t count)
{
    if (use->kind == NUMBERS_ROWS)
        return form_numbers(use, 0, count, (Init){use->start == START_ZERO ? INIT_CONSTANT : INIT_SIGNS, 1});
    return build_with_const(use->b, OP_ADD, form_numbers(use, 0, count, (Init){INIT_CONSTANT, 0}), 1);
}

static Value make(FormUse *use)
{
    Builder *b = use->b;
    Weight weight = b->module->weights.data[use->weight];
    Value factors = factors_of(use, numbers(&weight, use->settings));
    Value w = form_part(use, "rank1", weight.type, weight.init);
    int64_t units = weight_units(&weight);
    w = build_binary(b, OP_MUL, w, per_unit(b, &weight, part_of(b, factors, 0, units)));
    if (weight.type.rank < 2)
        return w;
    return build_binary(b, OP_MUL, w, per_input(b, &weight, part_of(b, factors, units, weight_inputs(&weight))));
}

const WeightForm form_rank1 = {.make = make, .numbers = numbers};
