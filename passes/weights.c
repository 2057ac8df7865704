/* Weight forms: what a `param` becomes. One function a form; a new form is one more case here. */

#include "passes/passes.h"
#include "passes/rewrite.h"

typedef struct Forms {
    Rewrite rewrite;
    Model *model;
    Value *generated; /* form -> output of its generator, inlined once a function; NO_VALUE until then */
} Forms;

/* A part of the weight that is trained: a state, made on first use. */
static Value read_part(Forms *forms, const Weight *weight, const char *part, Type type, Init init)
{
    const char *name = arena_printf(&forms->model->module->arena, "%s%s", weight->name, part);
    return build_read(&forms->rewrite.b, find_or_add_state(forms->model->module, name, type, STATE_WEIGHT, init));
}

static Value form_free(Forms *forms, const Weight *weight)
{
    return read_part(forms, weight, "", weight->type, weight->init);
}

/* Best response of MacKay et al. 2019 (arXiv 1903.03088, equation 10): W(c) = W_elem + (V c) row-wise W_hyper, one scale an
 * output unit; V starts at N(0, 0.01^2), as in the authors' code. */
static Value form_stn(Forms *forms, const Weight *weight, uint32_t condition)
{
    Builder *b = &forms->rewrite.b;
    Type type = weight->type, vector = b->module->conditions.data[condition].type;
    Value elem = read_part(forms, weight, "/elem", type, weight->init);
    Value hyper = read_part(forms, weight, "/hyper", type, weight->init);
    bool per_unit = weight->output_axis >= 0;
    Type scale_type = {.dtype = type.dtype, .rank = 2, .dims = {vector.dims[0], per_unit ? type.dims[weight->output_axis] : 1}};
    Value v = read_part(forms, weight, "/scale", scale_type, (Init){INIT_NORMAL, 0.01});
    Value c = build_source(b, OP_CONDITION, condition);
    Value scale = build_dot(b, c, v, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
    if (per_unit)
        scale = build_broadcast(b, scale, type, dims_of(1, weight->output_axis));
    else
        scale = build_splat(b, build_reshape(b, scale, type_scalar(type.dtype)), type);
    return build_binary(b, OP_ADD, elem, build_binary(b, OP_MUL, scale, hyper));
}

static Value form_weight(Forms *forms, uint32_t index);

/* The generator's ops, its own weights replaced by their forms. */
static Value generate(Forms *forms, uint32_t form)
{
    if (forms->generated[form] != NO_VALUE)
        return forms->generated[form];
    const Function *generator = forms->model->forms.data[form].generator;
    Value *map = support_malloc(generator->ops.len * sizeof *map);
    for (Value v = 0; v < generator->ops.len; v++) {
        const Op *op = OP_AT(generator, v);
        map[v] = op->code == OP_PARAM ? form_weight(forms, op->symbol) : build_copy(&forms->rewrite.b, generator, v, map);
    }
    forms->generated[form] = map[generator->outputs.data[0].value];
    support_free(map);
    return forms->generated[form];
}

/* The weight's place in the generator's output: weights of one form follow each other in order of declaration. */
static Value form_dense(Forms *forms, uint32_t index)
{
    Builder *b = &forms->rewrite.b;
    const Module *module = b->module;
    const Weight weight = module->weights.data[index];
    int64_t offset = 0, count = type_elements(weight.type);
    for (uint32_t i = 0; i < index; i++)
        if (module->weights.data[i].form == weight.form)
            offset += type_elements(module->weights.data[i].type);
    Value all = generate(forms, weight.form);
    Value part = build_slice(b, all, (Dims){1, {offset}}, type_of(weight.type.dtype, 1, &count));
    return build_reshape(b, part, weight.type);
}

static Value form_weight(Forms *forms, uint32_t index)
{
    const Weight *weight = &forms->model->module->weights.data[index];
    const Form *form = &forms->model->forms.data[weight->form];
    switch (form->kind) {
    case FORM_STN:
        return form_stn(forms, weight, form->condition);
    case FORM_DENSE:
        return form_dense(forms, index);
    case FORM_FREE:
        break;
    }
    return form_free(forms, weight);
}

void pass_weights(Model *model, Function *function)
{
    Forms forms = {.model = model};
    forms.generated = support_malloc((model->forms.len + 1) * sizeof *forms.generated);
    for (uint32_t i = 0; i < model->forms.len; i++)
        forms.generated[i] = NO_VALUE;
    rewrite_begin(&forms.rewrite, model->module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        forms.rewrite.b.line = op->line;
        if (op->code == OP_PARAM)
            forms.rewrite.map[v] = form_weight(&forms, op->symbol);
        else
            rewrite_copy(&forms.rewrite, v);
    }
    rewrite_end(&forms.rewrite);
    support_free(forms.generated);
}
