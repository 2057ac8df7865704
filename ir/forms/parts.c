/* Building blocks of forms. */
#include <math.h>
#include <string.h>

#include "ir/forms/forms.h"

static bool has_weight(const Module *module, const char *name)
{
    for (uint32_t i = module->weights.len; i-- > 0;)
        if (strcmp(module->weights.data[i].name, name) == 0)
            return true;
    return false;
}

static Value numbered_part(FormUse *use, const char *part, unsigned number, Type type, Init init)
{
    Module *module = use->b->module;
    Weight whole = module->weights.data[use->weight];
    Weight added = {.type = type, .net = NO_NET, .form = whole.form, .output_axis = -1, .init = init};
    do /* another form may have a part of that name */
        added.name = number++ ? arena_printf(&module->arena, "%s/%s%u", whole.name, part, number)
                              : arena_printf(&module->arena, "%s/%s", whole.name, part);
    while (has_weight(module, added.name));
    vec_push(&module->weights, added);
    return build_source(use->b, OP_PARAM, module->weights.len - 1);
}

Value form_part(FormUse *use, const char *part, Type type, Init init)
{
    return numbered_part(use, part, use->number, type, init);
}

Value form_response(FormUse *use, const char *part, Type type, Init init)
{
    Value numbers = form_part(use, part, type, init);
    vec_last(&use->b->module->weights).responds = true;
    return numbers;
}

/* ---- numbers of a net, of a head, of a table ---- */

static Value row_of(FormUse *use, const char *part, unsigned number, Type type, Init init)
{
    Value table = numbered_part(use, part, number, type_of_many(use->rows, type), init);
    Weight *weight = &vec_last(&use->b->module->weights);
    weight->grows = true;
    weight->index = OP_AT(use->b->function, use->input)->symbol;
    return build_gather(use->b, table, use->input);
}

Value form_row(FormUse *use, const char *part, Type type, Init init)
{
    return row_of(use, part, use->number, type, init);
}

Init first_numbers(const FormUse *use)
{
    const Weight *weight = &use->b->module->weights.data[use->weight];
    Init init = weight->init;
    if (use->start == START_HYPERFAN_OUT && weight->type.rank > 1 && init.kind != INIT_CONSTANT)
        init.value *= sqrt((double)weight->fan_in / (double)weight->fan_out);
    return init;
}

/* How the matrix of a head begins. Of a hidden vector whose elements have the mean square 1, it makes numbers of the wanted
 * deviation; what the hidden vector really is, is measured. */
static Init first_matrix(const FormUse *use, Init wanted, int64_t hidden, int64_t count)
{
    double deviation = use->start == START_ZERO ? 0 : init_deviation(wanted) / sqrt((double)hidden);
    if (use->start == START_XAVIER)
        return (Init){INIT_UNIFORM, sqrt(6.0 / (double)(hidden + count))};
    return deviation > 0 ? (Init){INIT_UNIFORM, sqrt(3) * deviation} : (Init){INIT_CONSTANT, 0};
}

Value form_head(FormUse *use, Value hidden, int64_t count, Init init)
{
    Builder *b = use->b;
    Type of_hidden = value_type(b, hidden);
    int64_t width = of_hidden.dims[of_hidden.rank - 1];
    unsigned number = (*use->heads)++;
    Init matrix = first_matrix(use, init, width, count);
    Init constant = {INIT_CONSTANT, init.kind == INIT_CONSTANT && use->start != START_ZERO ? init.value : 0};
    Value head = numbered_part(use, "head", number, type_of(of_hidden.dtype, 2, (int64_t[]){count, width}), matrix);
    if (matrix.kind != INIT_CONSTANT && use->start != START_XAVIER)
        use->measured[use->measured_count++] = b->module->weights.len - 1;
    Value bias = numbered_part(use, "bias", number, type_of(of_hidden.dtype, 1, &count), constant);
    Value product = build_dot(b, hidden, head, dims_of(1, (int)of_hidden.rank - 1), dims_of(1, 1), (Dims){0}, (Dims){0});
    Type type = value_type(b, product);
    if (type.rank > 1)
        bias = build_broadcast(b, bias, type, dims_of(1, (int)type.rank - 1));
    return build_binary(b, OP_ADD, product, bias);
}

Value rows_of_matrix(Builder *b, Value matrix, int64_t first, int64_t count)
{
    Type type = value_type(b, matrix);
    if (count == type.dims[0])
        return matrix;
    type.dims[0] = count;
    return build_slice(b, matrix, (Dims){2, {first, 0}}, type);
}

Value form_sample(Builder *b, Value numbers, int64_t count)
{
    Op sum = *OP_AT(b->function, numbers);
    Type type = sum.type;
    if (count >= type.dims[type.rank - 1])
        return numbers;
    if (sum.code == OP_ADD &&
        OP_AT(b->function, sum.args[0])->code == OP_DOT) { /* of form_head(); what is measured has no bias */
        Op product = *OP_AT(b->function, sum.args[0]);
        Value head = rows_of_matrix(b, product.args[1], 0, count);
        return build_dot(b, product.args[0], head, product.a, product.b, product.c, product.d);
    }
    type.dims[type.rank - 1] = count;
    return build_slice(b, numbers, (Dims){.n = type.rank}, type);
}

Value form_numbers(FormUse *use, int64_t first, int64_t count, Init init)
{
    Builder *b = use->b;
    switch (use->kind) {
    case NUMBERS_MADE:
        return count == value_type(b, use->input).dims[0] ? use->input : part_of(b, use->input, first, count);
    case NUMBERS_HEADED:
        return form_head(use, use->input, count, init);
    case NUMBERS_ROWS:
        break;
    }
    Type row = type_of(b->module->real, 1, &count);
    return row_of(use, "rows", (*use->heads)++, row, init);
}

/* ---- shapes ---- */

int64_t weight_units(const Weight *weight)
{
    return weight->output_axis < 0 ? 1 : weight->type.dims[weight->output_axis];
}

int64_t weight_inputs(const Weight *weight)
{
    return type_elements(weight->type) / weight_units(weight);
}

Value per_unit(Builder *b, const Weight *weight, Value numbers)
{
    if (weight->output_axis >= 0)
        return build_broadcast(b, numbers, weight->type, dims_of(1, weight->output_axis));
    return build_splat(b, build_reshape(b, numbers, type_scalar(weight->type.dtype)), weight->type);
}

Value part_of(Builder *b, Value vector, int64_t first, int64_t count)
{
    return build_slice(b, vector, (Dims){1, {first}}, type_of(value_type(b, vector).dtype, 1, &count));
}
