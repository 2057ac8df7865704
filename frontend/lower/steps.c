/* `weights f = after(fit(xs, ys), sgd(0.01), steps: 5)`: weights that have been moved by steps of an optimizer on a loss (MAML:
 * Finn, Abbeel and Levine, ICML 2017). The loss sees the weights at each step; all weights of the declaration are one vector,
 * which the steps move. */
#include "frontend/lower/form_use.h"

/* The vector at a step, which the weights of `form` are pieces of meanwhile. */
typedef struct Moving {
    const FormArguments *arguments;
    uint32_t form;
    Value at;
} Moving;

/* ---- the weights while they move ---- */

bool is_moving(const Session *s, uint32_t weight)
{
    const Weight *w = &s->module->weights.data[weight];
    return s->moving && w->form == s->moving->form && w->net != NO_NET;
}

Value moving_weight(Session *s, uint32_t weight)
{
    const Moving *moving = s->moving;
    Type type = s->module->weights.data[weight].type;
    uint32_t before;
    int64_t first = count_numbers(s->module, moving->arguments, moving->form, weight, &before);
    return build_reshape(&s->builder, part_of(&s->builder, moving->at, first, type_elements(type)), type);
}

/* ---- where the steps begin ---- */

/* The trained numbers of all weights of the form, one behind the other. In checkpoints they have the names of the weights, so
 * that a net that was trained without steps can begin them. */
static Value first_vector(Session *s, uint32_t form)
{
    Builder *b = &s->builder;
    VEC(Value) pieces = {0};
    uint32_t end = s->module->weights.len;
    for (uint32_t i = 0; i < end; i++) {
        Weight weight = s->module->weights.data[i];
        if (weight.form != form || weight.net == NO_NET)
            continue;
        FormUse use = {.b = b, .weight = i};
        int64_t elements = type_elements(weight.type);
        Value start = form_part(&use, "start", weight.type, weight.init);
        vec_last(&s->module->weights).state = weight.name;
        vec_push(&pieces, build_reshape(b, start, type_of(weight.type.dtype, 1, &elements)));
    }
    Value vector = pieces.len == 1 ? pieces.data[0] : build_concat(b, pieces.len, pieces.data, 0);
    vec_free(&pieces);
    return vector;
}

/* ---- the optimizer ---- */

static const Construct optimizers[] = {
    {"sgd", "sgd(0.01)", {{"rate", TAKES_EXPRESSION, ANY_NUMBER, 0}, {"momentum", TAKES_EXPRESSION, ANY_NUMBER, 0}}, 1},
};
enum { OF_RATE, OF_MOMENTUM };

/* A number, or one for each of the `n` numbers that move; a net may make them. `range` holds where the number is known. */
static bool read_setting(Session *s, const Expr *expr, const char *what, Range range, Type vector, Value *setting)
{
    bool call = expr->kind == EXPR_CALL && expr->left->kind == EXPR_NAME && find_symbol_of(s->file, head_name(expr), DECL_NET);
    Val value = call ? evaluate_call(s, expr, NULL, vector.dims[0]) : evaluate(s, expr);
    double known;
    if (value.kind == VAL_NUMBER && !read_number(s, expr, what, range, &known))
        return false;
    value = as_real(s, value, expr->span);
    if (is_poison(value))
        return false;
    Type type = val_type(s, value);
    if (type.rank == 0)
        *setting = build_splat(&s->builder, value.ir, vector);
    else if (type_equal(type, vector))
        *setting = value.ir;
    else
        fail(s, expr->span, "%s is one number, or one for each of the %lld numbers that move, but this is %s", what,
             (long long)vector.dims[0], describe(s, value));
    return type.rank == 0 || type_equal(type, vector);
}

/* ---- steps ---- */

/* Whether the first of the two values depends on the second. */
static bool depends(const Function *function, Value value, Value on)
{
    bool *reached = support_malloc(function->ops.len + 1), found;
    for (Value v = 0; v <= value; v++) {
        const Op *op = OP_AT(function, v);
        reached[v] = v == on;
        for (uint32_t i = 0; i < op->nargs; i++)
            reached[v] |= reached[op->args[i]];
    }
    found = reached[value];
    support_free(reached);
    return found;
}

/* The loss with the weights as they are at `at`; NO_VALUE after an error. The first step tells whether it depends on them. */
static Value loss_at(Session *s, const FormArguments *arguments, uint32_t form, Value at, bool first)
{
    Moving moving = {arguments, form, at};
    s->moving = &moving;
    Val loss = as_real(s, evaluate(s, arguments->loss), arguments->loss->span);
    s->moving = NULL;
    if (is_poison(loss))
        return NO_VALUE;
    if (val_type(s, loss).rank != 0) {
        fail(s, arguments->loss->span, "the loss on which 'after' takes steps is one number, but this is %s", describe(s, loss));
        return NO_VALUE;
    }
    if (!first || depends(s->builder.function, loss.ir, at))
        return loss.ir;
    fail(s, arguments->loss->span, "the loss on which 'after' takes steps does not depend on the weights of '%s'",
         s->model->forms.data[form].target);
    return NO_VALUE;
}

Val take_steps(Session *s, const FormArguments *arguments, uint32_t form)
{
    Builder *b = &s->builder;
    Argument settings[MOST_PARAMETERS];
    Value rate, momentum = NO_VALUE, velocity = NO_VALUE, at = first_vector(s, form);
    Type vector = value_type(b, at);
    if (read_construct(s, arguments->optimizer, CONSTRUCTS(optimizers), "an optimizer that 'after' takes", settings) < 0)
        return val_poison();
    if (!settings[OF_RATE].expr)
        return fail(s, arguments->optimizer->span, "'sgd' needs 'rate', as in sgd(0.01)");
    if (!read_setting(s, settings[OF_RATE].expr, "'rate' of 'sgd'", (Range)ABOVE(0), vector, &rate))
        return val_poison();
    if (settings[OF_MOMENTUM].expr &&
        !read_setting(s, settings[OF_MOMENTUM].expr, "'momentum' of 'sgd'", (Range)FROM_BELOW(0, 1), vector, &momentum))
        return val_poison();
    for (int64_t step = 0; step < arguments->settings[0]; step++) {
        Value loss = loss_at(s, arguments, form, at, step == 0);
        if (loss == NO_VALUE || s->exhausted)
            return val_poison();
        Value gradient = build_grad(b, loss, at);
        if (arguments->order == 1)
            gradient = build_unary(b, OP_STOP, gradient);
        if (velocity != NO_VALUE)
            gradient = build_binary(b, OP_ADD, build_binary(b, OP_MUL, momentum, velocity), gradient);
        velocity = momentum != NO_VALUE ? gradient : NO_VALUE;
        at = build_binary(b, OP_SUB, at, build_binary(b, OP_MUL, rate, gradient));
    }
    return val_tensor(at);
}
