/* Calls of layers, nets and objectives: arguments are matched with parameters, then the body is evaluated in place. */
#include "frontend/lower/form_use.h"
#include "frontend/lower/lower.h"

#include <string.h>

static bool recursive(Session *s, const Symbol *callee, Span span)
{
    int depth = 0;
    for (const Frame *frame = s->frame; frame; frame = frame->caller, depth++)
        if (frame->decl == callee->decl) {
            fail(s, span, "'%s' calls itself", callee->decl->name.text);
            add_note(s, callee->decl->name.span, "declared here");
            return true;
        }
    if (depth < LIMIT_CALL_DEPTH)
        return false;
    fail(s, span, "calls are nested too deeply (limit is %d)", LIMIT_CALL_DEPTH);
    return true;
}

/* ---- arguments ---- */

const Arg *labelled(const ArgList *args, const char *name)
{
    for (const Arg *arg = args->first; arg; arg = arg->next)
        if (arg->label.text && strcmp(arg->label.text, name) == 0)
            return arg;
    return NULL;
}

static const Param *find_param(const Decl *decl, const char *name)
{
    for (const Param *param = decl->params.first; param; param = param->next)
        if (strcmp(param->name.text, name) == 0)
            return param;
    return NULL;
}

static void unknown_label(Session *s, const Decl *decl, const Arg *arg)
{
    fail(s, arg->label.span, "'%s' has no parameter '%s'", decl->name.text, arg->label.text);
    Candidates candidates = {0};
    for (const Param *param = decl->params.first; param; param = param->next)
        vec_push(&candidates.names, param->name.text);
    add_note(s, decl->name.span, "declared here");
    if (decl->span.source == &std_source && answer_foreign(s, FOREIGN_LABEL, arg->label.text))
        vec_free(&candidates.names);
    else
        choose_name(s, arg->label.text, &candidates, "its parameters");
}

/* "linear(x, m)" */
static const char *call_text(Session *s, const Decl *decl)
{
    const char *text = arena_printf(&s->file->arena, "%s(", decl->name.text);
    for (const Param *param = decl->params.first; param; param = param->next)
        text = arena_printf(&s->file->arena, "%s%s%s", text, param->name.text, param->next ? ", " : "");
    return arena_printf(&s->file->arena, "%s)", text);
}

/* Whether labels exist, come once and after all positions, and there are not too many arguments. */
static bool arguments_fit(Session *s, const Decl *decl, const Expr *call)
{
    uint32_t positional = 0;
    for (const Arg *arg = call->args.first; arg; arg = arg->next) {
        if (arg->kind != ARG_VALUE || arg->condition || arg->over) {
            fail(s, arg->span, "'%s' is only understood by reductions such as mean and sum", arg->condition ? "where" : "over");
            return false;
        }
        if (!arg->label.text) {
            positional++;
            continue;
        }
        const Param *param = find_param(decl, arg->label.text);
        if (!param) {
            unknown_label(s, decl, arg);
            return false;
        }
        uint32_t place = 0;
        for (const Param *p = decl->params.first; p != param; p = p->next)
            place++;
        if (labelled(&call->args, arg->label.text) != arg || place < positional) {
            fail(s, arg->span, "the parameter '%s' of '%s' is given twice", param->name.text, decl->name.text);
            return false;
        }
    }
    if (positional <= decl->params.count)
        return true;
    fail(s, call->span, "'%s' takes %u argument%s, but %u are given", decl->name.text, decl->params.count,
         decl->params.count == 1 ? "" : "s", positional);
    add_note(s, decl->name.span, "declared here");
    add_help(s, "the order is %s", call_text(s, decl));
    return false;
}

/* The argument of a parameter: by position or by label. */
static const Arg *argument_of(const Expr *call, const Param *param, uint32_t place)
{
    const Arg *arg = call->args.first;
    for (uint32_t i = 0; arg && !arg->label.text; i++, arg = arg->next)
        if (i == place)
            return arg;
    return labelled(&call->args, param->name.text);
}

/* *mismatch: the type of an earlier argument was wrong, so that those of later ones, which may be in its place, are no news. */
static bool bind_param(Session *s, Frame *callee, const Expr *call, const Param *param, uint32_t place, bool *mismatch)
{
    const Decl *decl = callee->decl;
    const Arg *arg = argument_of(call, param, place);
    Val value;
    if (arg) {
        value = evaluate(s, arg->value); /* in the caller's frame */
    } else {
        s->frame = callee;
        value = evaluate(s, param->init);
        s->frame = callee->caller;
    }
    if (*mismatch)
        value = val_poison();
    if (param->type && !is_poison(value)) {
        const char *what = arena_printf(&s->file->arena, "argument '%s' of '%s'", param->name.text, decl->name.text);
        Span span = arg ? arg->span : param->span;
        Frame *caller = callee->caller;
        s->frame = callee;
        value = match_type(s, param->type, value, span, what);
        s->frame = caller;
        *mismatch = is_poison(value);
    }
    set_local(callee, param->name, value);
    if (is_poison(value))
        return false;
    return !callee->standard || check_standard_argument(s, decl, param, value, arg ? arg->span : param->span);
}

/* Reports the first parameter without an argument. The arguments that are there may then be meant for other parameters. */
static bool lacks_argument(Session *s, const Decl *decl, const Expr *call)
{
    uint32_t place = 0;
    for (const Param *param = decl->params.first; param; param = param->next, place++) {
        if (argument_of(call, param, place) || param->init)
            continue;
        fail(s, call->span, "'%s' needs an argument for '%s', as in %s", decl->name.text, param->name.text, call_text(s, decl));
        add_note(s, param->span, "the parameter is here");
        if (decl->kind == DECL_LAYER && place == 1 && call->args.first && call->args.first->value->kind == EXPR_NUMBER)
            add_help(s, "a layer is called on its input, which stands first: '%s(x, %s)'", decl->name.text,
                     span_text(&s->file->arena, call->args.first->value->span));
        if (decl->kind == DECL_OBJECTIVE)
            add_help(s, "each parameter of an objective stands for a split; fields are members of it, as in 'd.label'");
        return true;
    }
    return false;
}

static bool bind_params(Session *s, Frame *callee, const Expr *call)
{
    uint32_t place = 0;
    if (lacks_argument(s, callee->decl, call))
        return false;
    bool fine = true, mismatch = false;
    for (const Param *param = callee->decl->params.first; param; param = param->next, place++)
        fine &= bind_param(s, callee, call, param, place, &mismatch);
    return fine;
}

/* ---- names of weights ---- */

static LayerCount *find_count(Frame *frame, const char *name, bool label)
{
    for (uint32_t i = 0; i < frame->counts.len; i++)
        if (frame->counts.data[i].label == label && strcmp(frame->counts.data[i].name, name) == 0)
            return &frame->counts.data[i];
    return NULL;
}

/* "linear3": the next number of the layer that is not taken by a label. */
static const char *numbered_name(Session *s, Frame *frame, const Decl *decl)
{
    const char *name = decl->name.text, *numbered;
    if (!find_count(frame, name, false))
        vec_push(&frame->counts, (LayerCount){name, 0, false, decl->name.span});
    LayerCount *entry = find_count(frame, name, false);
    do
        numbered = arena_printf(&s->file->arena, "%s%u", name, ++entry->count);
    while (find_count(frame, numbered, true));
    return numbered;
}

/* Whether a label is the numbered name of a call before it. */
static bool is_numbered(Session *s, const Frame *frame, const char *label)
{
    for (uint32_t i = 0; i < frame->counts.len; i++) {
        const LayerCount *entry = &frame->counts.data[i];
        for (unsigned number = 1; !entry->label && number <= entry->count; number++)
            if (strcmp(arena_printf(&s->file->arena, "%s%u", entry->name, number), label) == 0)
                return true;
    }
    return false;
}

/* The prefix of a layer's weights: the caller's, then the label or the layer's name and the number of the call. */
static const char *layer_prefix(Session *s, const Decl *decl, const Name *label)
{
    Frame *caller = s->frame;
    if (!caller || !caller->prefix)
        return NULL;
    const char *name = label ? label->text : numbered_name(s, caller, decl);
    const LayerCount *first = label ? find_count(caller, name, true) : NULL;
    if (first || (label && is_numbered(s, caller, name))) {
        fail(s, label->span,
             first ? "the label '%s' is used twice in '%s'" : "the label '%s' is the name of an earlier call in '%s'", name,
             caller->prefix);
        if (first)
            add_note(s, first->span, "first used here");
        return NULL;
    }
    if (label)
        vec_push(&caller->counts, (LayerCount){name, 0, true, label->span});
    return arena_printf(&s->file->arena, "%s.%s", caller->prefix, name);
}

/* ---- the call ---- */

/* An unbound size in a generator's result type stands for the number of weights it has to make. */
static void bind_result_size(Session *s, Frame *frame)
{
    const TypeExpr *type = frame->decl->results.first;
    if (frame->result_size == 0 || !type || type->dims.count != 1)
        return;
    const Expr *extent = type->dims.first->value;
    if (extent->kind == EXPR_NAME && !find_local(frame, extent->name.text) && !find_symbol(s->file, false, extent->name.text))
        set_local(frame, extent->name, val_number((double)frame->result_size));
}

static const char *ordinal(Session *s, uint32_t number)
{
    static const char *const words[] = {"first", "second", "third"};
    return number < COUNT_OF(words) ? words[number] : arena_printf(&s->file->arena, "%uth", number + 1);
}

/* Matches each result with its declared type. */
static Val match_results(Session *s, Frame *frame)
{
    const Decl *decl = frame->decl;
    const Statement *last = decl->body.last && decl->body.last->kind == STATEMENT_RETURN ? decl->body.last : NULL;
    bool several = frame->result.kind == VAL_RESULTS;
    uint32_t count = several ? frame->result.results->count : 1, i = 0;
    if (count != decl->results.count) {
        fail(s, last ? last->span : decl->name.span, "'%s' returns %u result%s, but %u type%s behind '->'", decl->name.text,
             count, count == 1 ? "" : "s", decl->results.count, decl->results.count == 1 ? " stands" : "s stand");
        return val_poison();
    }
    const Expr *expr = last && last->values.count == count ? last->values.first : NULL;
    Val *values = support_malloc(count * sizeof *values);
    for (const TypeExpr *type = decl->results.first; type; type = type->next, i++) {
        const char *of = several ? arena_printf(&s->file->arena, "%s result", ordinal(s, i)) : "result";
        const char *what = arena_printf(&s->file->arena, "the %s of '%s'", of, decl->name.text);
        values[i] = match_type(s, type, several ? frame->result.results->values[i] : frame->result,
                               expr ? expr->span : decl->name.span, what);
        expr = expr ? expr->next : NULL;
    }
    Val result = several ? val_results(s, count, values) : values[0];
    support_free(values);
    return result;
}

Val run_body(Session *s, Frame *frame)
{
    const Decl *decl = frame->decl;
    bind_result_size(s, frame);
    run_block(s, &decl->body);
    if (s->exhausted)
        return val_poison();
    if (!frame->returned)
        return fail(s, decl->name.span, "'%s' does not return a value", decl->name.text);
    return decl->results.count == 0 || is_poison(frame->result) ? frame->result : match_results(s, frame);
}

static bool count_layer(Session *s, Frame *frame, Span span)
{
    if (!frame->layers || ++*frame->layers <= LIMIT_LAYERS)
        return true;
    s->exhausted = true;
    fail(s, span, "more than %d layers in the net '%s'", LIMIT_LAYERS, frame->net->decl->name.text);
    return false;
}

/* The result of a net that no other net calls, marked: it is what is linear in the responses of centred weights. */
static Val mark_result(Session *s, Val result)
{
    if (result.kind == VAL_RESULTS) {
        Val *values = support_malloc((result.results->count + 1) * sizeof *values);
        for (uint32_t i = 0; i < result.results->count; i++)
            values[i] = mark_result(s, result.results->values[i]);
        Val marked = val_results(s, result.results->count, values);
        support_free(values);
        return marked;
    }
    if (result.kind == VAL_TENSOR && dtype_is_float(val_type(s, result).dtype))
        result.ir = build_unary(&s->builder, OP_MARK, result.ir);
    return result;
}

static bool is_outermost_net(const Session *s, const Symbol *callee)
{
    return callee->decl->kind == DECL_NET && !(s->frame && s->frame->net) && !s->making && !s->generating && s->builder.function;
}

static Val call_declared(Session *s, Symbol *callee, const Expr *call, const Name *label, int64_t result_size)
{
    const Decl *decl = callee->decl;
    Frame *caller = s->frame, frame = {.caller = caller, .decl = decl, .call = call->span, .result_size = result_size};
    unsigned layers = 0;
    if (recursive(s, callee, call->span) || !arguments_fit(s, decl, call))
        return val_poison();
    frame.standard = decl->span.source == &std_source;
    frame.objective = decl->kind == DECL_OBJECTIVE;
    if (label && decl->kind != DECL_LAYER)
        return fail(s, label->span, "'as' names the weights of a layer, and '%s' is %s %s", decl->name.text,
                    decl->kind == DECL_NET ? "a" : "an", decl_text[decl->kind]);
    Val result = val_poison();
    bool fine = bind_params(s, &frame, call); /* before the layer is numbered: those in its arguments come first */
    if (decl->kind == DECL_NET) {
        frame.prefix = decl->name.text;
        frame.net = callee;
        frame.layers = &layers;
    } else if (decl->kind == DECL_LAYER && caller) {
        frame.prefix = layer_prefix(s, decl, label);
        frame.net = caller->net;
        frame.layers = caller->layers;
    }
    if (fine && count_layer(s, &frame, call->span)) {
        uint32_t line = s->builder.line;
        callee->used = true;
        s->frame = &frame;
        result = run_body(s, &frame);
        callee->broken |= is_poison(result);
        result.probabilities |= frame.standard && makes_probabilities(decl);
        s->frame = caller;
        s->builder.line = line;
    }
    frame_free(&frame);
    return is_outermost_net(s, callee) && has_centred_responses(s) ? mark_result(s, result) : result;
}

Val evaluate_call(Session *s, const Expr *expr, const Name *label, int64_t result_size)
{
    if (expr->left->kind == EXPR_ERROR)
        return val_poison();
    if (expr->left->kind != EXPR_NAME)
        return refuse_callee(s, expr);
    Name name = expr->left->name;
    Symbol *callee = find_symbol(s->file, s->frame && s->frame->standard, name.text);
    bool known = false;
    if (!callee) {
        Val result = evaluate_builtin(s, expr, &known);
        if (known && label)
            return fail(s, label->span, "'as' names the weights of a layer, and '%s' is a function", name.text);
        if (known)
            return result;
    }
    callee = lookup_callee(s, name);
    return callee ? call_declared(s, callee, expr, label, result_size) : val_poison();
}
