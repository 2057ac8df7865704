/* Chunked generation (von Oswald et al., ICLR 2020, section 3; the chunks of hypercl): the weights of the target, laid one behind
 * the other, are cut into chunks of `size` numbers. One net makes each chunk, from its first argument with a trained vector of
 * `embed` numbers per chunk behind it; what the last chunk makes too much is dropped. All chunks are rows of one product. Chunks
 * know nothing of tensors, so each tensor is its piece times a number of its own, which is measured when a run begins and then
 * stays: the tensor begins with the deviation that its layer gives it, whatever the size. */
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

static Value join(FormUse *use, int64_t total)
{
    Builder *b = use->b;
    Value rows = use->joined_rows;
    int64_t chunks = value_type(b, rows).dims[0];
    use->wanted = 1;
    if (use->kind == NUMBERS_HEADED) {
        rows = form_head(use, rows, use->settings[SIZE], (Init){INIT_NORMAL, 1});
        use->joined_head = b->module->weights.len - 2; /* before its bias */
        use->generated = form_sample(b, rows, 1 + MEASURED_NUMBERS / chunks);
    }
    int64_t all = type_elements(value_type(b, rows));
    Value vector = build_reshape(b, rows, type_of(b->module->real, 1, &all));
    return all == total ? vector : part_of(b, vector, 0, total);
}

/* Some of the numbers from `from` on, of those before `to`, of each of `count` chunks, as one vector: a share of `share`. */
static Value sample_of(FormUse *use, int64_t first, int64_t count, int64_t from, int64_t to, double share)
{
    Builder *b = use->b;
    int64_t numbers = 1 + (int64_t)(share * (double)(to - from - 1)), all = count * numbers;
    Value rows = rows_of_matrix(b, use->joined_rows, first, count);
    if (use->joined_head != NO_VALUE) {
        Value head = rows_of_matrix(b, build_source(b, OP_PARAM, use->joined_head), from, numbers);
        rows = build_dot(b, rows, head, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0});
    } else {
        rows = build_slice(b, rows, (Dims){2, {0, from}}, type_of(b->module->real, 2, (int64_t[]){count, numbers}));
    }
    return build_reshape(b, rows, type_of(b->module->real, 1, &all));
}

/* Some of the numbers of the weight, evenly from all chunks that it lies in. */
static Value sample(FormUse *use, int64_t count)
{
    int64_t size = use->settings[SIZE], first = use->first / size, last = (use->first + count - 1) / size;
    int64_t from = use->first - first * size, to = use->first + count - last * size;
    double share = count > MEASURED_NUMBERS ? MEASURED_NUMBERS / (double)count : 1;
    Value parts[3];
    uint32_t n = 0;
    parts[n++] = sample_of(use, first, 1, from, first == last ? to : size, share);
    if (last > first + 1)
        parts[n++] = sample_of(use, first + 1, last - first - 1, 0, size, share);
    if (last > first)
        parts[n++] = sample_of(use, last, 1, 0, to, share);
    return build_concat(use->b, n, parts, 0);
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
    if (use->start != START_XAVIER) {
        piece = build_binary(b, OP_MUL, build_splat(b, scale_of(use, &weight), weight.type), piece);
        use->wanted = 1;
        use->generated = use->measured_count ? sample(use, type_elements(weight.type)) : 0;
    }
    if (weight.init.kind == INIT_CONSTANT && weight.init.value != 0 && use->start != START_ZERO)
        piece = build_with_const(b, OP_ADD, piece, weight.init.value);
    return piece;
}

const WeightForm form_chunked = {.make = make, .numbers = numbers, .makes_all = true, .row_count = row_count, .join = join};
