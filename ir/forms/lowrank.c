/* A product of two thin matrices that the net makes, A B with A of rank columns and B of rank rows (LoRA: Hu et al., ICLR 2022,
 * equation 3, with generated factors). No matrix has a higher rank than it has rows or columns. A vector or a scalar has no rank:
 * the net makes it whole. */
#include "ir/forms/forms.h"

static int64_t rank_of(const Weight *weight, int64_t setting)
{
    int64_t units = weight_units(weight), inputs = weight_inputs(weight), most = units < inputs ? units : inputs;
    return setting < most ? setting : most;
}

static int64_t numbers(const Weight *weight, int64_t setting)
{
    return weight->type.rank < 2 ? type_elements(weight->type)
                                 : rank_of(weight, setting) * (weight_units(weight) + weight_inputs(weight));
}

static Value matrix(Builder *b, Value vector, int64_t rows, int64_t columns)
{
    return build_reshape(b, vector, type_of(value_type(b, vector).dtype, 2, (int64_t[]){rows, columns}));
}

static Value make(FormUse *use)
{
    Builder *b = use->b;
    Weight weight = b->module->weights.data[use->weight];
    int64_t units = weight_units(&weight), inputs = weight_inputs(&weight), rank = rank_of(&weight, use->setting);
    if (weight.type.rank < 2)
        return build_reshape(b, use->input, weight.type);
    Value left = matrix(b, part_of(b, use->input, 0, units * rank), units, rank);
    Value right = matrix(b, part_of(b, use->input, units * rank, rank * inputs), rank, inputs);
    if (weight.type.rank == 2 && weight.output_axis == 1) /* the axis of the inputs comes first */
        return build_dot(b, right, left, dims_of(1, 0), dims_of(1, 1), (Dims){0}, (Dims){0});
    Value product = build_dot(b, left, right, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    if (weight.type.rank == 2 || weight.output_axis == 0)
        return build_reshape(b, product, weight.type);
    Type turned = weight.type; /* the axis of the units comes first */
    Dims order = {.n = weight.type.rank};
    int64_t next = 1;
    turned.dims[0] = units;
    for (int axis = 0; axis < (int)weight.type.rank; axis++) {
        if (axis != weight.output_axis)
            turned.dims[next] = weight.type.dims[axis];
        order.v[axis] = axis == weight.output_axis ? 0 : next++;
    }
    return build_transpose(b, build_reshape(b, product, turned), order);
}

const WeightForm form_lowrank = {make, numbers};
