/* Chunked generation (von Oswald et al., ICLR 2020, section 3; the chunks of hypercl): the weights of the target, laid one behind the other, are
 * cut into chunks of `size` numbers. One net makes each chunk, from its first argument with a trained vector of `embed` numbers
 * per chunk behind it; what the last chunk makes too much is dropped. All chunks are rows of one product. Chunks know nothing of
 * tensors, so each tensor is its piece times a number of its own, which is measured when a run begins and then stays: the tensor
 * begins with the deviation that its layer gives it, whatever the size. */
#include "ir/forms/forms.h"

enum { SIZE, EMBED };

static int64_t numbers(const Weight *weight, const int64_t *settings)
{
    (void)settings;
    return type_elements(weight->type);
}

static int64_t row_count(const int64_t *settings, int64_t total)
{
    return (total + settings[SIZE] - 1) / settings[SIZE];
}

static Value join(FormUse *use, Value rows, int64_t total)
{
    Builder *b = use->b;
    Init unit = {INIT_NORMAL, 1};
    use->wanted = 1;
    if (use->kind == NUMBERS_HEADED)
        rows = form_head(use, rows, use->settings[SIZE], unit);
    int64_t all = type_elements(value_type(b, rows));
    Value vector = build_reshape(b, rows, type_of(b->module->real, 1, &all));
    return all == total ? vector : part_of(b, vector, 0, total);
}

/* The fixed factor of the weight. A weight that begins at a constant has no scale: its numbers begin around the constant. */
static Value scale_of(FormUse *use, const Weight *weight)
{
    enum { PART = 10 }; /* around a constant: a tenth */
    double deviation = init_deviation(first_numbers(use));
    Init first = {INIT_CONSTANT, deviation > 0 ? deviation : 1.0 / PART};
    Value scale = form_part(use, "scale", type_scalar(weight->type.dtype), first);
    Weight *part = &vec_last(&use->b->module->weights);
    part->fixed = true;
    if (use->start != START_ZERO)
        use->measured[use->measured_count++] = use->b->module->weights.len - 1;
    return scale;
}

static Value make(FormUse *use)
{
    Builder *b = use->b;
    Weight weight = b->module->weights.data[use->weight];
    Value piece = build_reshape(b, use->input, weight.type);
    use->generated = piece;
    use->wanted = 1;
    if (use->start != START_XAVIER)
        piece = build_binary(b, OP_MUL, build_splat(b, scale_of(use, &weight), weight.type), piece);
    if (weight.init.kind == INIT_CONSTANT && weight.init.value != 0 && use->start != START_ZERO)
        piece = build_with_const(b, OP_ADD, piece, weight.init.value);
    return piece;
}

const WeightForm form_chunked = {
    .make = make, .numbers = numbers, .makes_all = true, .row_count = row_count, .join = join};
