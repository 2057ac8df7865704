/* Weights: their declarations in layers, and reaching them by name from objectives. Where they come from: forms.c. */
#include <math.h>
#include <string.h>

#include "frontend/lower/kit.h"
#include "support/fnv.h"

/* A net may have thousands of weights, each of which is looked up. */
static KnownWeight *find_known(const ModelFile *file, const char *name)
{
    uint64_t hash = fnv_text(FNV_EMPTY, name);
    for (uint32_t i = 0; i < file->weights.len; i++)
        if (file->weights.data[i].hash == hash && strcmp(file->weights.data[i].name, name) == 0)
            return &file->weights.data[i];
    return NULL;
}

int64_t find_weight(const Module *module, const char *name)
{
    for (uint32_t i = module->weights.len; i-- > 0;) /* most often the newest */
        if (strcmp(module->weights.data[i].name, name) == 0)
            return i;
    return -1;
}

static void add_weight(Session *s, const KnownWeight *known, uint32_t net)
{
    Weight weight = {.name = arena_copy(&s->module->arena, known->name),
                     .type = known->type,
                     .net = net,
                     .output_axis = known->output_axis,
                     .fan_in = known->fan_in,
                     .fan_out = known->fan_out,
                     .init = known->init};
    if (known->running) {
        weight.net = NO_NET;
        weight.fixed = true;
    }
    weight.form = form_of_weight(s, known);
    vec_push(&s->module->weights, weight);
}

/* The net's place in the model. A net that enters it brings all its known weights, in the order of the first walk. */
static uint32_t net_index(Session *s, const Symbol *net)
{
    Model *model = s->model;
    for (uint32_t i = 0; i < model->nets.len; i++)
        if (strcmp(model->nets.data[i].name, net->decl->name.text) == 0)
            return i;
    unsigned line, column;
    span_place(net->decl->name.span, &line, &column);
    vec_push(&model->nets, (Net){arena_copy(&s->module->arena, net->decl->name.text), line});
    uint32_t index = model->nets.len - 1;
    for (uint32_t i = 0; i < s->file->weights.len; i++)
        if (s->file->weights.data[i].net == net)
            add_weight(s, &s->file->weights.data[i], index);
    return index;
}

/* ---- declarations ---- */

static bool read_random_init(Session *s, const Binding *binding, Init *init)
{
    static const Construct rows[] = {
        CALLED("uniform", "uniform(0.1)", {"bound", TAKES_NUMBER, AT_LEAST(0), NAN}),
        CALLED("normal", "normal(0.1)", {"deviation", TAKES_NUMBER, AT_LEAST(0), NAN}),
    };
    Argument arguments[MOST_PARAMETERS];
    if (binding->init->kind == EXPR_ERROR)
        return false;
    int row = read_construct(s, binding->init, (Constructs){rows, COUNT_OF(rows), FOREIGN_INIT},
                             "a distribution of first weights", arguments);
    if (row < 0)
        return false;
    *init = (Init){row == 0 ? INIT_UNIFORM : INIT_NORMAL, arguments[0].number};
    return true;
}

/* `weight w: f32[n] = normal(0.1)`, which reads as a number that is drawn. */
static bool is_random_constant(Session *s, const Binding *binding)
{
    const char *head = head_name(binding->init);
    if (binding->random || binding->init->kind != EXPR_CALL || (strcmp(head, "uniform") != 0 && strcmp(head, "normal") != 0))
        return false;
    fail(s, binding->init->span, "a weight whose first value is drawn has '~', not '='");
    add_help(s, "as in 'weight %s: %s ~ %s(0.1)'", binding->name.text, type_expr_text(s, binding->type), head);
    return true;
}

static bool read_output_axis(Session *s, const Binding *binding, Type type, int *axis)
{
    *axis = type.rank == 0 ? -1 : 0;
    if (!binding->output_axis)
        return true;
    int64_t given;
    if (type.rank == 0) {
        fail(s, binding->output_axis->span, "a scalar weight has no output axis");
        return false;
    }
    if (!as_integer(s, evaluate(s, binding->output_axis), binding->output_axis->span, "the output axis", 0, type.rank - 1,
                    &given))
        return false;
    *axis = (int)given;
    return true;
}

static bool read_weight(Session *s, const Binding *binding, KnownWeight *weight)
{
    int64_t classes;
    if (!make_type(s, binding->type, &weight->type, &classes))
        return false;
    if (weight->type.dtype != s->module->real) {
        fail(s, binding->type->span, "a weight must be f32, not %s", type_expr_text(s, binding->type));
        return false;
    }
    weight->init.kind = INIT_CONSTANT;
    if (is_random_constant(s, binding))
        return false;
    if (binding->random
            ? !read_random_init(s, binding, &weight->init)
            : !as_number(s, evaluate(s, binding->init), binding->init->span, "the first value of a weight", &weight->init.value))
        return false;
    if (!read_output_axis(s, binding, weight->type, &weight->output_axis))
        return false;
    int64_t elements = type_elements(weight->type);
    weight->fan_out = weight->output_axis < 0 ? 1 : weight->type.dims[weight->output_axis];
    weight->fan_in = elements / weight->fan_out;
    return true;
}

/* Where the net was called to which the frame belongs. */
static Span call_of_net(const Frame *frame)
{
    while (frame && !(frame->decl && frame->decl->kind == DECL_NET))
        frame = frame->caller;
    return frame ? frame->call : (Span){0};
}

bool find_running(Session *s, const char *name, Type *type)
{
    const KnownWeight *known = find_known(s->file, name);
    if (known && known->running)
        *type = known->type;
    return known && known->running;
}

static Val declare_weight(Session *s, const Binding *binding, bool running)
{
    Frame *frame = s->frame;
    KnownWeight weight = {.net = frame->net, .running = running, .span = binding->name.span, .call = call_of_net(frame)};
    if (find_local(frame, binding->name.text))
        return fail(s, binding->name.span, "'%s' is already a variable here", binding->name.text);
    if (!frame->prefix) {
        if (!frame->net && frame->decl->kind == DECL_LAYER) {
            fail(s, binding->span, "the layer '%s' has weights, so it can only be called in a net", frame->decl->name.text);
            add_note(s, frame->call, "it is called here");
        } else if (!frame->net) {
            fail(s, binding->span, "weights can only be declared in layers and nets");
        }
        return val_poison();
    }
    if (!read_weight(s, binding, &weight) || !can_build(s, binding->span))
        return val_poison();
    weight.name = arena_printf(&s->file->arena, "%s.%s", frame->prefix, binding->name.text);
    weight.hash = fnv_text(FNV_EMPTY, weight.name);
    uint32_t net = net_index(s, frame->net);
    KnownWeight *known = find_known(s->file, weight.name);
    if (known && !type_equal(known->type, weight.type)) {
        if (made_from_itself(s, frame->net)) /* the net would have to be larger than itself */
            return val_poison();
        fail(s, binding->name.span, "the weight '%s' is %s here and %s in another call of the net", weight.name,
             describe_type(s, weight.type), describe_type(s, known->type));
        if (known->call.begin != weight.call.begin || known->call.source != weight.call.source)
            add_note(s, known->call, "the other call is here");
        if (s->generating)
            add_help(s, "'%s' makes weights in two places that want different numbers of them: give each place a net of its own",
                     frame->net->decl->name.text);
        return val_poison();
    }
    if (!known) {
        vec_push(&s->file->weights, weight);
        add_weight(s, &weight, net);
    }
    return val_tensor(weight_given(s, (uint32_t)find_weight(s->module, weight.name), s->given));
}

void declare_weights(Session *s, const BindingList *bindings, bool running)
{
    for (const Binding *binding = bindings->first; binding; binding = binding->next)
        set_local(s->frame, binding->name, declare_weight(s, binding, running));
}

/* ---- reaching weights ---- */

bool weight_in_part(const char *weight, const char *part)
{
    size_t length = strlen(part);
    return strncmp(weight, part, length) == 0 && (weight[length] == 0 || weight[length] == '.');
}

uint32_t weights_of(Session *s, Val weights, uint32_t **indices)
{
    VEC(uint32_t) found = {0};
    *indices = NULL;
    if (s->learning)
        return 0;
    net_index(s, weights.symbol);
    for (uint32_t i = 0; i < s->module->weights.len; i++)
        if (s->module->weights.data[i].net != NO_NET && weight_in_part(s->module->weights.data[i].name, weights.path))
            vec_push(&found, i);
    *indices = found.data;
    return found.len;
}

Val weight_value(Session *s, Val weights, Span span)
{
    if (!s->learning)
        net_index(s, weights.symbol);
    int64_t index = find_weight(s->module, weights.path);
    if (index >= 0)
        return val_tensor(weight_given(s, (uint32_t)index, weights.given));
    if (s->learning)
        return val_poison();
    Candidates candidates = {0};
    uint32_t parts = 0;
    for (uint32_t i = 0; i < s->module->weights.len; i++) {
        const char *name = s->module->weights.data[i].name;
        parts += weight_in_part(name, weights.path);
        if (weight_in_part(name, weights.symbol->decl->name.text))
            vec_push(&candidates.names, name);
    }
    if (parts > 0) {
        fail(s, span, "'%s' stands for %u weights and is not a tensor", weights.path, parts);
        add_help(s, "'sumsq(%s)' is the sum of their squares, 'flat(%s)' one vector of all", weights.path, weights.path);
        vec_free(&candidates.names);
        return val_poison();
    }
    fail(s, span, "there is no weight '%s'", weights.path);
    choose_name(s, weights.path, &candidates, "the weights of the net");
    return val_poison();
}
