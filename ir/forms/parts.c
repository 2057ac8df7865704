/* Building blocks of forms. */
#include "ir/forms/forms.h"

Value form_part(FormUse *use, const char *part, Type type, Init init)
{
    Module *module = use->b->module;
    Weight whole = module->weights.data[use->weight];
    Weight added = {.type = type, .net = NO_NET, .form = whole.form, .output_axis = -1, .init = init};
    added.name = use->number ? arena_printf(&module->arena, "%s/%s%u", whole.name, part, use->number + 1)
                             : arena_printf(&module->arena, "%s/%s", whole.name, part);
    vec_push(&module->weights, added);
    return build_source(use->b, OP_PARAM, module->weights.len - 1);
}

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
