/* Where weights come from: `weights NET.part = free | stn(lam) | dense(respond(lam))`. */
#include <string.h>

#include "frontend/kit.h"

static const char *form_target(Session *s, const Decl *decl)
{
    Text text = {0};
    text_printf(&text, "%s", decl->name.text);
    for (const NameNode *part = decl->path.first; part; part = part->next)
        text_printf(&text, ".%s", part->name.text);
    const char *target = arena_text(&s->file->arena, text.data, text.len);
    text_free(&text);
    return target;
}

/* ---- reading a form ---- */

static const char *const later_forms[] = {"chunked", "delta_stn", "lowrank", "rank1", "film"};

/* ORDER FormKind */
static const Construct form_rows[] = {
    ALONE("free"),
    CALLED("dense", "dense(respond(lam))", {"generator", TAKES_EXPRESSION, ANY_NUMBER, 0}),
    CALLED("stn", "stn(lam)", {"condition", TAKES_EXPRESSION, ANY_NUMBER, 0}),
};

static bool read_stn(Session *s, const Expr *call, const Expr *name, Form *form)
{
    if (!name) {
        fail(s, call->span, "stn takes the hyperparameters that the weights respond to, as in stn(lam)");
        return false;
    }
    const Symbol *symbol = choose_declared(s, 1 << DECL_HYPER | 1 << DECL_PREFERENCE, name,
                                           "stn takes the name of a hyper declaration or of a preference");
    if (symbol)
        form->condition = symbol->decl->kind == DECL_HYPER ? symbol->index : symbol->condition;
    return symbol != NULL;
}

static bool read_dense(Session *s, const Expr *call, const Expr *generator)
{
    if (generator && generator->kind == EXPR_CALL && find_symbol_of(s->file, head_name(generator), DECL_NET))
        return true;
    fail(s, call->span, "dense takes the call of a net that makes the weights, as in dense(respond(lam))");
    return false;
}

/* Fills in kind and condition. Returns false after an error. */
static bool read_form(Session *s, const Decl *decl, Form *form)
{
    const Expr *expr = decl->value;
    Argument arguments[MOST_PARAMETERS];
    form->kind = FORM_FREE;
    if (expr->kind == EXPR_ERROR)
        return false;
    if (find_word(WORDS(later_forms), head_name(expr)) >= 0) {
        refuse(s, expr->span, arena_printf(&s->file->arena, "the weight form '%s'", head_name(expr)));
        return false;
    }
    int row = read_construct(s, expr, CONSTRUCTS(form_rows), "a form of weights", arguments);
    bool fine = row == FORM_FREE || (row == FORM_STN && read_stn(s, expr, arguments[0].expr, form)) ||
                (row == FORM_DENSE && read_dense(s, expr, arguments[0].expr));
    if (fine)
        form->kind = (FormKind)row;
    return fine;
}

/* ---- forms in use ---- */

static uint32_t use_form(Session *s, const Decl *decl, const Symbol *net)
{
    for (uint32_t i = 0; i < s->forms.len; i++)
        if (s->forms.data[i].decl == decl && s->forms.data[i].net == net)
            return i;
    const char *target = decl ? form_target(s, decl) : net->decl->name.text;
    unsigned line, column;
    span_place(decl ? decl->span : net->decl->name.span, &line, &column);
    Form form = {.target = arena_text(&s->module->arena, target, strlen(target)), .line = line};
    if (decl)
        read_form(s, decl, &form);
    vec_push(&s->model->forms, form);
    vec_push(&s->forms, (FormPlan){decl, net});
    return s->forms.len - 1;
}

/* The more specific one of `best` and a declaration for that weight; where both name the same part, the later one given counts.
 */
static void prefer(Session *s, const Decl *decl, const KnownWeight *weight, const Decl **best, size_t *length)
{
    if (decl->kind != DECL_WEIGHTS || strcmp(decl->name.text, weight->net->decl->name.text) != 0)
        return;
    const char *target = form_target(s, decl);
    if (weight_in_part(weight->name, target) && strlen(target) >= *length) {
        *best = decl;
        *length = strlen(target);
    }
}

uint32_t form_of_weight(Session *s, const KnownWeight *weight)
{
    const Decl *best = NULL;
    size_t length = 0;
    for (uint32_t i = 0; i < s->file->symbols.len; i++)
        prefer(s, s->file->symbols.data[i]->decl, weight, &best, &length);
    for (const Setting *setting = s->train ? s->train->settings.first : NULL; setting; setting = setting->next)
        if (setting->weights)
            prefer(s, setting->weights, weight, &best, &length);
    return use_form(s, best, weight->net);
}

static bool part_exists(const ModelFile *file, const Symbol *net, const char *target)
{
    for (uint32_t i = 0; i < file->weights.len; i++)
        if (file->weights.data[i].net == net && weight_in_part(file->weights.data[i].name, target))
            return true;
    return false;
}

/* The dotted parts of a net that a weights declaration can name. */
static void suggest_part(Session *s, const Symbol *net, const char *target)
{
    Candidates candidates = {0};
    for (uint32_t i = 0; i < s->file->weights.len; i++) {
        const KnownWeight *weight = &s->file->weights.data[i];
        if (weight->net != net)
            continue;
        for (const char *dot = strchr(weight->name, '.'); dot; dot = strchr(dot + 1, '.'))
            vec_push(&candidates.names, arena_text(&s->file->arena, weight->name, (size_t)(dot - weight->name)));
        vec_push(&candidates.names, weight->name);
    }
    suggest(s, target, &candidates);
}

/* One that follows another of the same target in the same place: `first`, or NULL. */
static void check_form(Session *s, const Decl *decl, const Decl *first)
{
    Form form;
    Symbol *net = find_symbol_of(s->file, decl->name.text, DECL_NET);
    if (!net) {
        fail(s, decl->name.span, "'%s' is not a net", decl->name.text);
        Candidates candidates = {0};
        add_declared(s, DECL_NET, &candidates);
        suggest(s, decl->name.text, &candidates);
        return;
    }
    read_form(s, decl, &form);
    const char *target = form_target(s, decl);
    if (first) {
        fail(s, decl->name.span, "the weights of '%s' are declared twice", target);
        add_note(s, first->name.span, "first declared here");
    }
    if (net->used && decl->path.count && !part_exists(s->file, net, target)) {
        fail(s, span_join(decl->name.span, decl->path.last->name.span), "'%s' has no part '%s'", decl->name.text, target);
        add_note(s, net->decl->name.span, "the net is here");
        suggest_part(s, net, target);
    }
}

static bool same_target(Session *s, const Decl *x, const Decl *y)
{
    return x->kind == DECL_WEIGHTS && y->kind == DECL_WEIGHTS && strcmp(form_target(s, x), form_target(s, y)) == 0;
}

/* Those that a train gives instead of the file's. */
static void check_forms_of_train(Session *s, const Decl *train)
{
    for (const Setting *setting = train->settings.first; setting; setting = setting->next) {
        const Decl *first = NULL;
        for (const Setting *other = train->settings.first; other != setting && !first; other = other->next)
            if (setting->weights && other->weights && same_target(s, setting->weights, other->weights))
                first = other->weights;
        if (setting->weights)
            check_form(s, setting->weights, first);
    }
}

void check_forms(Session *s)
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Decl *decl = s->file->symbols.data[i]->decl, *first = NULL;
        for (uint32_t k = 0; k < i && decl->kind == DECL_WEIGHTS && !first; k++)
            if (same_target(s, decl, s->file->symbols.data[k]->decl))
                first = s->file->symbols.data[k]->decl;
        if (decl->kind == DECL_WEIGHTS)
            check_form(s, decl, first);
        if (decl->kind == DECL_TRAIN)
            check_forms_of_train(s, decl);
    }
}

/* ---- generators ---- */

static int64_t form_elements(const Module *module, uint32_t form, uint32_t *count)
{
    int64_t elements = 0;
    *count = 0;
    for (uint32_t i = 0; i < module->weights.len; i++)
        if (module->weights.data[i].form == form) {
            elements += type_elements(module->weights.data[i].type);
            ++*count;
        }
    return elements;
}

/* Whether the weights of `net` are made, at any remove, from weights of `from`. */
static bool generated_from(const Session *s, const Symbol *net, const char *from, bool *visited)
{
    for (uint32_t i = 0; i < s->forms.len; i++) {
        const Function *generator = s->model->forms.data[i].generator;
        if (s->forms.data[i].net != net || !generator || visited[i])
            continue;
        visited[i] = true;
        for (uint32_t v = 0; v < generator->ops.len; v++) {
            if (generator->ops.data[v].code != OP_PARAM)
                continue;
            const Weight *weight = &s->module->weights.data[generator->ops.data[v].symbol];
            const Symbol *source = s->forms.data[weight->form].net;
            if (weight_in_part(weight->name, from) || generated_from(s, source, from, visited))
                return true;
        }
    }
    return false;
}

static void report_cycle(Session *s, uint32_t form)
{
    fail(s, s->forms.data[form].decl->value->span, "the weights of '%s' would be made from themselves",
         s->model->forms.data[form].target);
}

static bool *no_form_visited(const Session *s)
{
    bool *visited = support_malloc(s->forms.len * sizeof *visited);
    memset(visited, 0, s->forms.len * sizeof *visited);
    return visited;
}

bool made_from_itself(Session *s, const Symbol *net)
{
    if (!s->generating)
        return false;
    uint32_t form = s->generating - 1;
    const char *target = s->model->forms.data[form].target;
    bool *visited = no_form_visited(s), *again = no_form_visited(s);
    bool cycle = s->forms.data[form].net == net || generated_from(s, net, target, visited) ||
                 generated_from(s, s->forms.data[form].net, target, again);
    support_free(visited);
    support_free(again);
    if (cycle)
        report_cycle(s, form);
    return cycle;
}

static void lower_generator(Session *s, uint32_t index)
{
    const Decl *decl = s->forms.data[index].decl;
    const Expr *call = decl->value->args.first->value;
    const char *target = form_target(s, decl);
    uint32_t count;
    int64_t n = form_elements(s->module, index, &count);
    if (!check_type(s, type_of(s->module->real, 1, &n), decl->value->span))
        return;
    Frame frame = {0};
    Function *function = open_function(s, arena_printf(&s->file->arena, "%s.generator", target), &frame, false, false);
    s->model->forms.data[index].generator = function;
    s->generating = index + 1;
    Val weights = as_real(s, evaluate_call(s, call, NULL, n), call->span);
    if (!is_poison(weights)) {
        Type type = val_type(s, weights);
        if (type.rank != 1 || type.dims[0] != n) {
            fail(s, call->span, "this makes %s, but '%s' has %u weights of %lld elements in all", describe(s, weights), target,
                 count, (long long)n);
            add_help(s, "a result type such as '-> f32[n]' takes the number from here");
        } else {
            build_output(&s->builder, "weights", weights.ir);
        }
    }
    s->generating = 0;
    close_function(s);
}

void lower_generators(Session *s)
{
    for (uint32_t i = 0; i < s->forms.len && !s->exhausted; i++) /* grows: generators use nets, which have forms */
        if (s->model->forms.data[i].kind == FORM_DENSE)
            lower_generator(s, i);
    for (uint32_t i = 0; i < s->forms.len; i++) {
        const Form *form = &s->model->forms.data[i];
        bool *visited = no_form_visited(s);
        if (form->generator && generated_from(s, s->forms.data[i].net, form->target, visited))
            report_cycle(s, i);
        support_free(visited);
    }
}
