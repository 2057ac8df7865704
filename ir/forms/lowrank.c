/* A product of two thin matrices that the net makes, A B with A of rank columns and B of rank rows (LoRA: Hu et al., ICLR 2022,
 * equation 3, with generated factors). No matrix has a higher rank than it has rows or columns. A vector or a scalar has no rank:
 * the net makes it whole. */
#include <math.h>

#include "ir/forms/forms.h"

static int64_t rank_of(const Weight *weight, const int64_t *settings)
{
    int64_t units = weight_units(weight), inputs = weight_inputs(weight), most = units < inputs ? units : inputs;
    return settings[0] < most ? settings[0] : most;
}

static int64_t numbers(const Weight *weight, const int64_t *settings)
{
    return weight->type.rank < 2 ? type_elements(weight->type)
                                 : rank_of(weight, settings) * (weight_units(weight) + weight_inputs(weight));
}

static Value matrix(Builder *b, Value vector, int64_t rows, int64_t columns)
{
    return build_reshape(b, vector, type_of(value_type(b, vector).dtype, 2, (int64_t[]){rows, columns}));
}

/* How the elements of both factors begin, so that those of the product have the deviation that is wanted: a sum of `rank`
 * products of two independent numbers of deviation a has the deviation a^2 sqrt(rank). A matrix that begins at a constant has no
 * scale. */
static Init first_factor(const FormUse *use, int64_t rank)
{
    double wanted = init_deviation(first_numbers(use));
    return (Init){INIT_NORMAL, sqrt((wanted > 0 ? wanted : 0.01) / sqrt((double)rank))};
}

static Value make(FormUse *use)
{
    Builder *b = use->b;
    Weight weight = b->module->weights.data[use->weight];
    int64_t units = weight_units(&weight), inputs = weight_inputs(&weight), rank = rank_of(&weight, use->settings);
    if (weight.type.rank < 2)
        return form_dense.make(use);
    Init factor = first_factor(use, rank), none = {INIT_CONSTANT, 0};
    Value made = form_numbers(use, 0, units * rank, use->start == START_ZERO ? none : factor);
    Value left = matrix(b, made, units, rank);
    if (use->start == START_ZERO) /* only the left factor */
        use->start = START_USUAL;
    Value right = matrix(b, form_numbers(use, units * rank, rank * inputs, factor), rank, inputs);
    if (use->measured_count) { /* some rows of the product */
        int64_t some = 1 + MEASURED_NUMBERS / inputs, rows = some < units ? some : units;
        Value sample = matrix(b, form_sample(b, made, rows * rank), rows, rank);
        use->generated = build_dot(b, sample, right, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    }
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

const WeightForm form_lowrank = {.make = make, .numbers = numbers, .makes_all = true};
