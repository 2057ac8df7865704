/* The table of the primitives that the language can call. Everything else is written in std.hn. */
#include "frontend/lower/builtins.h"
#include "frontend/lower/kit.h"

#include <math.h>
#include <string.h>

static double fold_sign(double x)
{
    return (x > 0) - (x < 0);
}

static const Primitive primitives[] = {
    {"abs", 1, 1, builtin_unary, 0, OP_ABS, fabs},
    {"argmax", 1, 1, builtin_argmax, TAKES_AXIS | TAKES_OVER | TAKES_VALUES, OP_ARGMAX, NULL},
    {"argmin", 1, 1, builtin_argmax, TAKES_AXIS | TAKES_OVER | TAKES_VALUES, OP_NEG, NULL},
    {"argsort", 1, 1, builtin_argsort, TAKES_AXIS | TAKES_OVER, OP_SORT, NULL},
    {"bernoulli", 2, 2, builtin_bernoulli, 0, OP_RANDOM, NULL},
    {"concat", 1, ANY_NUMBER_OF, builtin_concat, TAKES_AXIS, OP_CONCAT, NULL},
    {"cos", 1, 1, builtin_unary, 0, OP_COS, cos},
    {"dot", 2, 2, builtin_dot, 0, OP_DOT, NULL},
    {"einsum", 1, 2, builtin_einsum, TAKES_TEXT, OP_DOT, NULL},
    {"elements", 1, 1, builtin_elements, 0, OP_COUNT, NULL},
    {"erf", 1, 1, builtin_unary, 0, OP_ERF, erf},
    {"exp", 1, 1, builtin_unary, 0, OP_EXP, exp},
    {"expm1", 1, 1, builtin_unary, 0, OP_EXPM1, expm1},
    {"f32", 1, 1, builtin_cast_real, 0, OP_CAST, NULL},
    {"flat", 1, 1, builtin_flat, 0, OP_CONCAT, NULL},
    {"floor", 1, 1, builtin_unary, 0, OP_FLOOR, floor},
    {"i32", 1, 1, builtin_cast_i32, 0, OP_CAST, NULL},
    {"iota", 1, 1, builtin_iota, 0, OP_IOTA, NULL},
    {"log", 1, 1, builtin_unary, 0, OP_LOG, log},
    {"log1p", 1, 1, builtin_unary, 0, OP_LOG1P, log1p},
    {"max", 1, 2, builtin_extremum, TAKES_ALL, OP_MAX, NULL},
    {"mean", 1, 1, builtin_mean, TAKES_ALL, OP_REDUCE_SUM, NULL},
    {"min", 1, 2, builtin_extremum, TAKES_ALL, OP_MIN, NULL},
    {"normal", 0, 1, builtin_normal, 0, OP_RANDOM, NULL},
    {"onehot", 2, 2, builtin_onehot, 0, OP_EQ, NULL},
    {"ones", 1, 1, builtin_ones, 0, OP_CONST, NULL},
    {"pad", 2, 2, builtin_pad, 0, OP_PAD, NULL},
    {"pow", 2, 2, builtin_binary, 0, OP_POW, NULL},
    {"quantile", 2, 2, builtin_quantile, TAKES_AXIS | TAKES_OVER | TAKES_VALUES, OP_REDUCE_MAX, NULL},
    {"rank", 1, 1, builtin_rank, 0, OP_COUNT, NULL},
    {"ranks", 1, 1, builtin_ranks, TAKES_AXIS | TAKES_OVER, OP_SORT, NULL},
    {"reshape", 2, 2, builtin_reshape, 0, OP_RESHAPE, NULL},
    {"rows", 1, 1, builtin_rows, OF_DATA, OP_COUNT, NULL},
    {"shape", 1, 1, builtin_shape, 0, OP_COUNT, NULL},
    {"sign", 1, 1, builtin_unary, 0, OP_SIGN, fold_sign},
    {"sin", 1, 1, builtin_unary, 0, OP_SIN, sin},
    {"slice", 3, 3, builtin_slice, TAKES_AXIS | TAKES_OVER, OP_GATHER, NULL},
    {"sort", 1, 1, builtin_sort, TAKES_AXIS | TAKES_OVER, OP_SORT, NULL},
    {"sqrt", 1, 1, builtin_unary, 0, OP_SQRT, sqrt},
    {"stack", 1, ANY_NUMBER_OF, builtin_stack, TAKES_AXIS | TAKES_VALUES, OP_CONCAT, NULL},
    {"stop", 1, 1, builtin_stop, 0, OP_STOP, NULL},
    {"sum", 1, 1, builtin_sum, TAKES_ALL, OP_REDUCE_SUM, NULL},
    {"sumsq", 1, 1, builtin_sumsq, 0, OP_DOT, NULL},
    {"tanh", 1, 1, builtin_unary, 0, OP_TANH, tanh},
    {"top_k", 2, 2, builtin_top_k, TAKES_AXIS | TAKES_OVER, OP_SORT, NULL},
    {"transpose", 1, 2, builtin_transpose, 0, OP_TRANSPOSE, NULL},
    {"u8", 1, 1, builtin_cast_u8, 0, OP_CAST, NULL},
    {"uniform", 0, 1, builtin_uniform, 0, OP_RANDOM, NULL},
    {"var", 1, 1, builtin_var, TAKES_ALL, OP_REDUCE_SUM, NULL},
    {"where", 3, 3, builtin_where, 0, OP_SELECT, NULL},
    {"width", 1, 1, builtin_width, OF_DATA, OP_COUNT, NULL},
    {"windows", 2, 4, builtin_windows, 0, OP_WINDOW, NULL},
    {"zeros", 1, 1, builtin_zeros, 0, OP_CONST, NULL},
};

bool is_builtin(const char *name)
{
    return find_word(WORDS(primitives), name) >= 0;
}

bool is_builtin_of_data(const char *name)
{
    int row = find_word(WORDS(primitives), name);
    return row >= 0 && primitives[row].takes & OF_DATA;
}

void builtin_names(Candidates *candidates)
{
    for (size_t i = 0; i < COUNT_OF(primitives); i++)
        vec_push(&candidates->names, primitives[i].name);
}

static bool poisoned(const Call *call)
{
    for (unsigned i = 0; i < call->n; i++)
        if (is_poison(call->args[i]))
            return true;
    return is_poison(call->condition);
}

static bool add_axis(Session *s, Call *call, Val value, Span span)
{
    int64_t axis;
    if (!as_integer(s, value, span, "an axis", -MAX_RANK, MAX_RANK, &axis))
        return false;
    if (call->axes.n == MAX_RANK) {
        fail(s, span, "too many axes (limit is %d)", MAX_RANK);
        return false;
    }
    call->axes.v[call->axes.n++] = axis;
    return true;
}

/* `axis: 1`, or `axis: [0, -1]`. */
static bool read_axis(Session *s, Call *call, const Arg *arg)
{
    call->has_axis = true;
    call->axis_span = arg->span;
    if (arg->value->kind != EXPR_LIST)
        return add_axis(s, call, evaluate(s, arg->value), arg->span);
    bool fine = true;
    for (const Arg *entry = arg->value->args.first; entry && fine; entry = entry->next)
        fine = add_axis(s, call, evaluate(s, entry->value), entry->span);
    return fine;
}

/* Whether the primitive takes the label or condition of the argument; reports otherwise. */
static bool takes(Session *s, const Primitive *primitive, const Call *call, const Arg *arg, bool axis)
{
    bool over = arg->kind == ARG_OVER || arg->over;
    if ((axis || over) && (call->has_axis || call->over)) {
        fail(s, arg->span, "the axes of '%s' are given twice", primitive->name);
        return false;
    }
    unsigned given = (axis ? TAKES_AXIS : 0u) | (arg->kind == ARG_OVER ? TAKES_OVER : 0u) | (arg->over ? TAKES_VALUES : 0u) |
                     (arg->condition ? TAKES_WHERE : 0u);
    unsigned foreign = given & ~primitive->takes;
    if (!foreign)
        return true;
    fail(s, arg->span, "'%s' takes no '%s'", primitive->name,
         foreign & TAKES_AXIS    ? "axis:"
         : foreign & TAKES_WHERE ? "where"
                                 : "over");
    return false;
}

/* Tensors in brackets, concat([x, y]) or stack([x, y]), where they stand side by side. */
static bool is_list_of_tensors(Session *s, const Primitive *primitive, const Expr *call)
{
    const Arg *arg = call->args.first;
    if (primitive->most != ANY_NUMBER_OF || !arg || arg->label.text || arg->value->kind != EXPR_LIST ||
        (arg->next && !arg->next->label.text))
        return false;
    const Expr *list = arg->value;
    fail(s, list->span, "'%s' takes its tensors one by one, without brackets", primitive->name);
    if (list->args.count && list->span.end - list->span.begin <= 60)
        add_help(s, "write '%s(%s%s)'", primitive->name,
                 span_text(&s->file->arena, span_join(list->args.first->span, list->args.last->span)), arg->next ? ", ..." : "");
    return true;
}

/* The value of `e over k`: along the first axis, which the reduction then runs over. `over` may also stand for a size of the
 * shape, as in `sum(x, over n)`. */
static Val evaluate_over_name(Session *s, Call *call, const Arg *arg)
{
    const Name name = arg->over->name;
    Symbol *symbol = find_local(s->frame, name.text) ? NULL : find_symbol(s->file, false, name.text);
    if (!symbol || condition_kind(symbol->decl->kind) == CONDITION_NOTHING || !is_index(symbol)) {
        fail(s, arg->over->span, "'over' runs over the values of a task or a member, but '%s' is none", name.text);
        if (find_local(s->frame, name.text))
            add_help(s, "over an axis that has the size '%s': '%s(%s, over %s)'", name.text, call->primitive->name,
                     span_text(&s->file->arena, arg->value->span), name.text);
        return val_poison();
    }
    call->has_axis = true;
    call->axis_span = arg->span;
    call->axes = (Dims){1, {0}};
    return evaluate_over(s, arg->value, symbol);
}

/* The text in front of the other arguments, which *first then is; if the primitive takes one. */
static bool read_text(Session *s, const Primitive *primitive, Call *call, const Arg **first)
{
    const Arg *arg = *first;
    if (!(primitive->takes & TAKES_TEXT))
        return true;
    if (!arg || arg->label.text || arg->kind != ARG_VALUE || arg->value->kind != EXPR_STRING) {
        fail(s, arg ? arg->span : call->expr->span, "'%s' takes a text first, as in %s", primitive->name,
             "einsum(\"ij,jk->ik\", x, y)");
        return false;
    }
    call->text = arg->value->name.text;
    call->text_span = arg->span;
    *first = arg->next;
    return true;
}

static bool read_arguments(Session *s, const Primitive *primitive, Call *call)
{
    const char *name = primitive->name;
    const Arg *first = call->expr->args.first;
    if (is_list_of_tensors(s, primitive, call->expr) || !read_text(s, primitive, call, &first))
        return false;
    bool fine = true;
    for (const Arg *arg = first; arg; arg = arg->next) {
        bool axis = arg->label.text && strcmp(arg->label.text, "axis") == 0;
        if (!takes(s, primitive, call, arg, axis))
            return false;
        if (arg->label.text && !axis) {
            fail(s, arg->label.span, "'%s' has no parameter '%s'", name, arg->label.text);
            if (!answer_foreign(s, FOREIGN_LABEL, arg->label.text))
                answer_foreign(s, FOREIGN_USAGE, name);
            return false;
        }
        if (arg->kind == ARG_OVER) {
            call->over = arg->value;
            call->axis_span = arg->span;
        } else if (axis) {
            fine &= read_axis(s, call, arg);
        } else if (call->n < primitive->most) {
            call->spans[call->n] = arg->span;
            call->args[call->n++] = arg->over ? evaluate_over_name(s, call, arg) : evaluate(s, arg->value);
            if (arg->condition) {
                call->condition = evaluate(s, arg->condition);
                call->condition_span = arg->condition->span;
            }
        } else {
            call->n++;
            break;
        }
    }
    if (call->n >= primitive->least && call->n <= primitive->most)
        return fine;
    unsigned wanted = call->n < primitive->least ? primitive->least : primitive->most;
    fail(s, call->expr->span, "'%s' takes %s%u argument%s, but %s given", name,
         primitive->least == primitive->most ? ""
         : call->n < primitive->least        ? "at least "
                                             : "at most ",
         wanted, wanted == 1 ? "" : "s",
         call->n > primitive->most ? "more are"
         : call->n == 0            ? "none is"
         : call->n == 1            ? "1 is"
                                   : "fewer are");
    answer_foreign(s, FOREIGN_USAGE, name);
    return false;
}

Val evaluate_builtin(Session *s, const Expr *expr, bool *known)
{
    for (size_t i = 0; i < COUNT_OF(primitives); i++) {
        if (strcmp(primitives[i].name, expr->left->name.text) != 0)
            continue;
        *known = true;
        Call call = {.expr = expr, .primitive = &primitives[i], .condition.kind = VAL_NONE};
        call.args = support_malloc((expr->args.count + 1) * sizeof *call.args);
        call.spans = support_malloc((expr->args.count + 1) * sizeof *call.spans);
        bool fine = read_arguments(s, &primitives[i], &call) && !poisoned(&call);
        Val result = fine ? primitives[i].evaluate(s, &call) : val_poison();
        support_free(call.args);
        support_free(call.spans);
        return result;
    }
    return val_poison();
}
