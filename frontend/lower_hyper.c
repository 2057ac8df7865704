/* Hyperparameters: each group is one condition, a vector of unconstrained numbers; each entry is squashed into its range. */
#include "frontend/lower.h"

#include <string.h>

typedef struct KindName {
    const char *name;
    HyperKind plain, ranged; /* without and with (low, high) */
    bool needs_range, whole, ends_included;
} KindName;

static const KindName kinds[] = {
    {"real", HYPER_REAL, HYPER_REAL, false, false, false},    {"positive", HYPER_POSITIVE, HYPER_POSITIVE, false, false, false},
    {"rate", HYPER_RANGE, HYPER_RANGE, false, false, false},  {"range", HYPER_RANGE, HYPER_RANGE, true, false, false},
    {"log", HYPER_LOG, HYPER_LOG_RANGE, false, false, false}, {"integer", HYPER_INTEGER, HYPER_INTEGER, true, true, true},
};

static const KindName *find_kind(Session *s, Name name)
{
    Candidates candidates = {0};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i].name, name.text) == 0) {
            vec_free(&candidates.names);
            return &kinds[i];
        }
        vec_push(&candidates.names, kinds[i].name);
    }
    fail(s, name.span, "'%s' is not a kind of hyperparameter", name.text);
    if (!suggest(s, name.text, &candidates))
        add_help(s,
                 "the kinds are real, positive, rate(low, high), range(low, high), log, log(low, high) and integer(low, high)");
    return NULL;
}

/* The (low, high) of a kind. */
static bool read_range(Session *s, const Expr *call, const KindName *kind, Hyper *hyper)
{
    bool takes = kind->ranged != HYPER_REAL && kind->ranged != HYPER_POSITIVE;
    if (!takes || call->args.count != 2) {
        fail(s, call->span, takes ? "'%s' takes two bounds, as in %s(0, 1)" : "'%s' takes no bounds; range(0, 1) does",
             kind->name, kind->name);
        return false;
    }
    const Expr *low = call->args.first->value, *high = call->args.last->value;
    if (call->args.first->kind != ARG_VALUE || call->args.last->kind != ARG_VALUE ||
        !as_number(s, evaluate(s, low), low->span, "a bound", &hyper->low) ||
        !as_number(s, evaluate(s, high), high->span, "a bound", &hyper->high))
        return false;
    hyper->kind = kind->ranged;
    if (hyper->low >= hyper->high) {
        fail(s, call->span, "the range from %.6g to %.6g is empty", hyper->low, hyper->high);
        return false;
    }
    if (kind->ranged == HYPER_LOG_RANGE && hyper->low <= 0) {
        fail(s, low->span, "a logarithmic range lies above 0, but this is %.6g", hyper->low);
        return false;
    }
    if (strcmp(kind->name, "rate") == 0 && (hyper->low < 0 || hyper->high > 1)) {
        fail(s, call->span, "a rate lies between 0 and 1; 'range' may lie anywhere");
        return false;
    }
    return true;
}

/* kind, kind(low, high), either followed by [extent, ...] */
static bool read_kind(Session *s, const Expr *expr, Hyper *hyper, const KindName **kind)
{
    Dims dims = {0};
    hyper->shape = type_scalar(s->module->real);
    if (expr->kind == EXPR_INDEX) {
        if (!make_dims(s, expr->args, &dims))
            return false;
        for (unsigned i = 0; i < dims.n; i++)
            if (dims.v[i] < 1) {
                fail(s, expr->span, "an extent must be at least 1");
                return false;
            }
        hyper->shape = type_of(s->module->real, dims.n, dims.v);
        if (!check_type(s, hyper->shape, expr->span))
            return false;
        expr = expr->left;
    }
    const Expr *head = expr->kind == EXPR_CALL ? expr->left : expr;
    if (head->kind != EXPR_NAME) {
        fail(s, expr->span, "a kind of hyperparameter is needed here, such as real or rate(0, 0.9)");
        return false;
    }
    *kind = find_kind(s, head->name);
    if (!*kind)
        return false;
    hyper->kind = (*kind)->plain;
    hyper->high = 1; /* of a plain rate */
    if (expr->kind == EXPR_CALL)
        return read_range(s, expr, *kind, hyper);
    if (!(*kind)->needs_range)
        return true;
    fail(s, expr->span, "'%s' needs its bounds, as in %s(0, 10)", (*kind)->name, (*kind)->name);
    return false;
}

static bool check_first(Session *s, const HyperEntry *entry, const KindName *kind, const Hyper *hyper)
{
    double init = hyper->init;
    Span span = entry->init->span;
    bool bounded = hyper->kind == HYPER_RANGE || hyper->kind == HYPER_LOG_RANGE || hyper->kind == HYPER_INTEGER;
    int64_t whole;
    if ((hyper->kind == HYPER_POSITIVE || hyper->kind == HYPER_LOG) && init <= 0) {
        fail(s, span, "the first value of '%s' must be above 0, but this is %.6g", entry->name.text, init);
        return false;
    }
    if (kind->whole &&
        (!as_integer(s, val_number(hyper->low), entry->kind->span, "a bound", -MAX_ELEMENTS, MAX_ELEMENTS, &whole) ||
         !as_integer(s, val_number(hyper->high), entry->kind->span, "a bound", -MAX_ELEMENTS, MAX_ELEMENTS, &whole) ||
         !as_integer(s, val_number(init), span, "the first value", -MAX_ELEMENTS, MAX_ELEMENTS, &whole)))
        return false;
    bool inside = kind->ends_included ? init >= hyper->low && init <= hyper->high : init > hyper->low && init < hyper->high;
    if (!bounded || inside)
        return true;
    fail(s, span, "the first value of '%s' must lie %s %.6g and %.6g, but this is %.6g", entry->name.text,
         kind->ends_included ? "between" : "strictly between", hyper->low, hyper->high, init);
    return false;
}

static void read_entry(Session *s, const Symbol *symbol, const HyperEntry *entry, int64_t *offset)
{
    Hyper hyper = {.condition = symbol->index, .offset = *offset, .shared = entry->shared};
    const KindName *kind;
    if (!read_kind(s, entry->kind, &hyper, &kind))
        return;
    if (!entry->init) {
        fail(s, entry->span, "the hyperparameter '%s' needs a first value, as in '%s: %s = 0.1'", entry->name.text,
             entry->name.text, kind->name);
        return;
    }
    if (!as_number(s, evaluate(s, entry->init), entry->init->span, "the first value of a hyperparameter", &hyper.init) ||
        !check_first(s, entry, kind, &hyper))
        return;
    hyper.name = arena_printf(&s->module->arena, "%s.%s", symbol->decl->name.text, entry->name.text);
    for (uint32_t i = 0; i < s->model->hypers.len; i++)
        if (strcmp(s->model->hypers.data[i].name, hyper.name) == 0) {
            fail(s, entry->name.span, "the hyperparameter '%s' is declared twice", entry->name.text);
            return;
        }
    *offset += type_elements(hyper.shape);
    vec_push(&s->model->hypers, hyper);
}

/* Figures of every run have these names: "loss.lower" beside them in a file could be either. */
static bool is_figure(const char *name)
{
    static const char *const figures[] = {"loss", "grad_norm", "objective"};
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        found |= strcmp(figures[i], name) == 0;
    return found;
}

void lower_hyper(Session *s, Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    if (is_figure(decl->name.text))
        fail(s, decl->name.span, "hyperparameters cannot have the name '%s', under which a run reports figures of its own",
             decl->name.text);
    int64_t count = 0;
    for (const HyperEntry *entry = decl->hypers.first; entry; entry = entry->next)
        read_entry(s, symbol, entry, &count);
    if (decl->hypers.count == 0)
        fail(s, decl->name.span, "'%s' declares no hyperparameters", decl->name.text);
    Type type = type_of(s->module->real, 1, &count);
    if (count > MAX_ELEMENTS)
        check_type(s, type, decl->name.span);
    if (count == 0 || count > MAX_ELEMENTS)
        type.dims[0] = 1; /* after an error */
    const char *name = arena_text(&s->module->arena, decl->name.text, strlen(decl->name.text));
    vec_push(&s->module->conditions, (Condition){name, type});
}

Val hyper_vector(Session *s, const Symbol *symbol)
{
    return val_tensor(build_source(&s->builder, OP_CONDITION, symbol->index));
}

Val hyper_member(Session *s, Val group, Name name)
{
    const Decl *decl = group.symbol->decl;
    const char *wanted = arena_printf(&s->program->arena, "%s.%s", decl->name.text, name.text);
    Candidates candidates = {0};
    if (!can_build(s, name.span))
        return val_poison();
    for (uint32_t i = 0; i < s->model->hypers.len; i++) {
        const Hyper *hyper = &s->model->hypers.data[i];
        if (strcmp(hyper->name, wanted) != 0)
            continue;
        Builder *b = &s->builder;
        int64_t count = type_elements(hyper->shape);
        Value vector = hyper_vector(s, group.symbol).ir;
        Value slice = build_slice(b, vector, (Dims){.n = 1, .v = {hyper->offset}}, type_of(s->module->real, 1, &count));
        return val_tensor(build_natural(b, hyper, build_reshape(b, slice, hyper->shape)));
    }
    for (const HyperEntry *entry = decl->hypers.first; entry; entry = entry->next) {
        if (strcmp(entry->name.text, name.text) == 0) { /* its declaration has an error */
            vec_free(&candidates.names);
            return val_poison();
        }
        vec_push(&candidates.names, entry->name.text);
    }
    fail(s, name.span, "'%s' has no hyperparameter '%s'", decl->name.text, name.text);
    add_note(s, decl->name.span, "the group is here");
    suggest(s, name.text, &candidates);
    return val_poison();
}
