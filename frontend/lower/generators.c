/* Nets that make numbers for weights: one call per use of a form that takes a net, for all weights of the declaration. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "frontend/lower/form_use.h"
#include "ir/map.h"

int64_t count_numbers(const Module *module, const FormArguments *arguments, uint32_t form, uint32_t end, uint32_t *weights)
{
    int64_t numbers = 0;
    *weights = 0;
    for (uint32_t i = 0; i < end; i++) {
        const Weight *weight = &module->weights.data[i];
        if (weight->form != form || weight->net == NO_NET)
            continue;
        numbers += arguments->row->form->numbers(weight, arguments->settings);
        ++*weights;
    }
    return numbers;
}

/* The vector of a generator: a weight without a net, whose value is the generator. A form that joins rows adds numbers to it,
 * which have its name before theirs. */
static uint32_t add_generated(Session *s, uint32_t form, const FormRow *row, Type type, const char *function)
{
    const char *target = s->model->forms.data[form].target;
    Weight weight = {.type = type, .net = NO_NET, .form = form, .output_axis = -1, .value = function};
    unsigned number = 1;
    for (uint32_t i = 0; i < s->generators.len; i++)
        number += s->generators.data[i].form == form && s->generators.data[i].row == row;
    weight.name = !row->form->join ? arena_printf(&s->module->arena, "%s/generated%u", target, s->generators.len + 1)
                  : number == 1    ? arena_printf(&s->module->arena, "%s/%s", target, row->name)
                                   : arena_printf(&s->module->arena, "%s/%s%u", target, row->name, number);
    vec_push(&s->module->weights, weight);
    return s->module->weights.len - 1;
}

/* What the net makes must be a vector: the numbers themselves, or a hidden vector of any other length. A result type with an open
 * size, '-> f32[n]', asks for exactly the numbers, and the call has checked that. */
static bool check_made(Session *s, const FormArguments *arguments, Val made, int64_t wanted, NumbersKind *kind)
{
    const Expr *call = arguments->generator;
    if (is_poison(made))
        return false;
    Type type = val_type(s, made);
    if (type.rank != 1) {
        fail(s, call->span, "this makes %s, but a form of weights takes a vector: %lld numbers, or a hidden vector",
             describe(s, made), (long long)wanted);
        add_help(s, "a result type such as '-> f32[n]' takes the number from here");
        return false;
    }
    *kind = type.dims[0] == wanted ? NUMBERS_MADE : NUMBERS_HEADED;
    if (*kind == NUMBERS_HEADED || arguments->start == START_USUAL)
        return true;
    fail(s, arguments->start_span, "'%s' makes exactly the %lld numbers, so there is no head that '%s' could begin with",
         head_name(call), (long long)wanted, form_starts[arguments->start]);
    add_help(s,
             "the layers of '%s' say how its weights begin; a head is added to a hidden vector of another length, '-> f32[32]'",
             head_name(call));
    return false;
}

/* What `hnc explain` says of the form; several uses, one after the other. */
__attribute__((format(printf, 3, 4))) static void note_use(Session *s, uint32_t form, const char *format, ...)
{
    Form *noted = &s->model->forms.data[form];
    va_list args;
    va_start(args, format);
    char text[128];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    noted->note =
        noted->note ? arena_printf(&s->module->arena, "%s; %s", noted->note, text) : arena_printf(&s->module->arena, "%s", text);
}

/* ---- calls ---- */

static Val call_net(Session *s, const Expr *call, int64_t wanted)
{
    return as_real(s, evaluate_call(s, call, NULL, wanted), call->span);
}

/* The call with a local variable, which holds `value`, as its first argument. */
static Expr *with_first_argument(Session *s, const Expr *call, Val value)
{
    Arena *arena = &s->file->arena;
    Expr *copy = arena_alloc(arena, sizeof *copy), *name = arena_alloc(arena, sizeof *name);
    Arg *first = arena_alloc(arena, sizeof *first);
    *copy = *call;
    *first = *call->args.first;
    *name = *first->value;
    name->kind = EXPR_NAME;
    name->name = (Name){.text = "the first argument and a chunk", .span = first->value->span};
    first->value = name;
    copy->args.first = first;
    set_local(s->frame, name->name, value);
    return copy;
}

/* Of the call of a net, the first argument as a vector. */
static Val first_argument(Session *s, const FormArguments *arguments)
{
    const Expr *call = arguments->generator;
    const Arg *first = call->args.first;
    if (!first || first->kind != ARG_VALUE || first->condition)
        return fail(s, call->span, "%s calls a net whose first argument is a vector, as in %s", arguments->row->name,
                    arguments->row->example);
    Val argument = as_real(s, evaluate(s, first->value), first->span);
    if (!is_poison(argument) && val_type(s, argument).rank != 1)
        return fail(s, first->span, "%s puts a trained vector behind the first argument of the net, which is %s and not a vector",
                    arguments->row->name, describe(s, argument));
    return argument;
}

/* The net called once per row, on its first argument with a trained vector behind it: real[rows, n]. */
static Val call_rows(Session *s, const FormArguments *arguments, const GeneratorPlan *plan, FormUse *use, int64_t count)
{
    Builder *b = &s->builder;
    Val argument = first_argument(s, arguments);
    if (is_poison(argument))
        return argument;
    int64_t numbers = use->settings[0];
    Type one = type_of(s->module->real, 1, &use->settings[1]);
    Type all = type_of(s->module->real, 2, (int64_t[]){count, use->settings[1]});
    if (!check_type(s, all, plan->use->span))
        return val_poison();
    Value vectors = form_part(use, "embedding", all, (Init){INIT_NORMAL, 1}), element = build_const(b, one, 0);
    Val row = val_tensor(build_concat(b, 2, (Value[]){argument.ir, element}, 0));
    unsigned errors = s->file->diags->errors;
    Val made = call_net(s, with_first_argument(s, arguments->generator, row), numbers);
    if (is_poison(made) && s->file->diags->errors == errors + 1)
        add_help(s, "'%s' gets %lld numbers: those of its argument, and then the %lld of a chunk",
                 head_name(arguments->generator), (long long)val_type(s, row).dims[0], (long long)use->settings[1]);
    if (!check_made(s, arguments, made, numbers, &use->kind))
        return val_poison();
    Type joined = type_of(s->module->real, 2, (int64_t[]){count, numbers});
    if (!check_type(s, joined, plan->use->span))
        return val_poison();
    Placeholder rows = {element, vectors};
    build_mapped(b, element, count, 1, &rows, 1, &made.ir);
    return made;
}

/* What the net makes of the rows, as a weight, and then what the form makes of these, the `total` numbers, in a function of its
 * own, which stays open with that frame. */
static Val join_rows(Session *s, const FormArguments *arguments, GeneratorPlan *plan, int64_t total, Frame *frame)
{
    unsigned heads = 0;
    FormUse use = {.b = &s->builder, .weight = plan->weight, .heads = &heads, .start = arguments->start, .joined_head = NO_VALUE};
    memcpy(use.settings, arguments->settings, sizeof use.settings);
    int64_t count = arguments->row->form->row_count(use.settings, total);
    Val made = call_rows(s, arguments, plan, &use, count);
    if (is_poison(made))
        return made;
    const Weight *whole = &s->module->weights.data[plan->weight];
    Weight rows = {.type = val_type(s, made), .net = NO_NET, .form = plan->form, .output_axis = -1, .value = whole->value};
    rows.name = arena_printf(&s->module->arena, "%s/hidden", whole->name);
    vec_push(&s->module->weights, rows);
    plan->rows = s->module->weights.len - 1;
    build_output(&s->builder, "rows", made.ir);
    close_function(s);

    const char *target = s->model->forms.data[plan->form].target;
    Function *function = open_function(s, arena_printf(&s->file->arena, "%s.joined", target), frame, false, false);
    s->module->weights.data[plan->weight].value = function->name;
    use.joined_rows = build_source(&s->builder, OP_PARAM, plan->rows);
    made = val_tensor(arguments->row->form->join(&use, total));
    plan->head = use.joined_head;
    measure_later(s, &use, made.ir);
    note_use(s, plan->form, "%lld chunk%s of %lld numbers", (long long)count, count == 1 ? "" : "s", (long long)use.settings[0]);
    return made;
}

static bool check_rows(Session *s, const Expr *use, const FormArguments *arguments, uint32_t form, int64_t total)
{
    int64_t size = arguments->settings[0];
    if (!arguments->row->form->join || size <= total)
        return true;
    fail(s, use->span, "a chunk of %lld numbers is larger than '%s', whose weights are %lld numbers in all", (long long)size,
         s->model->forms.data[form].target, (long long)total);
    return false;
}

/* Steps move the weights that the loss sees, so nothing may change them behind the steps. */
static bool check_whole(Session *s, const Expr *use, uint32_t form)
{
    if (s->forms.data[form].decl->value == use)
        return true;
    fail(s, use->span, "'%s' makes whole weights: it stands alone behind '='", head_name(use));
    return false;
}

void lower_generator(Session *s, const Expr *use, void *data)
{
    uint32_t form = *(const uint32_t *)data, count;
    FormArguments arguments;
    FormTakes takes = form_rows[form_row_of(head_name(use))].takes;
    if ((takes != FORM_TAKES_NET && takes != FORM_TAKES_LOSS) || !read_form(s, use, &arguments) || arguments.index)
        return;
    if (takes == FORM_TAKES_LOSS && !check_whole(s, use, form))
        return;
    const char *target = s->model->forms.data[form].target;
    int64_t n = count_numbers(s->module, &arguments, form, s->module->weights.len, &count);
    Type wanted = type_of(s->module->real, 1, &n);
    if (!check_type(s, wanted, use->span) || !check_rows(s, use, &arguments, form, n))
        return;
    Frame frame = {0}, joined = {0};
    Function *function = open_function(s, arena_printf(&s->file->arena, "%s.generator", target), &frame, false, false);
    s->generating = form + 1;
    GeneratorPlan plan = {.form = form, .use = use, .row = arguments.row, .rows = NO_VALUE, .head = NO_VALUE};
    plan.weight = add_generated(s, form, arguments.row, wanted, function->name);
    vec_push(&s->generators, plan);
    bool joins = arguments.row->form->join;
    Val made = joins            ? join_rows(s, &arguments, &plan, n, &joined)
               : arguments.loss ? take_steps(s, &arguments, form)
                                : call_net(s, arguments.generator, n);
    if (joins || arguments.loss ? !is_poison(made) : check_made(s, &arguments, made, n, &plan.kind)) {
        s->module->weights.data[plan.weight].type = val_type(s, made);
        if (plan.kind == NUMBERS_HEADED)
            note_use(s, form, "a linear head per weight, from %lld hidden numbers", (long long)val_type(s, made).dims[0]);
        build_output(&s->builder, "weights", made.ir);
    }
    vec_last(&s->generators) = plan;
    s->generating = 0;
    function = s->builder.function;
    close_function(s);
    finish_measures(s, function);
}
