/* What weights are made of: `weights NET = free + stn(lam)`, an expression whose words are the forms of ir/forms.def. It is
 * evaluated once per weight, and every form in it is a value of that weight's shape; + and *, functions and layers mean what they
 * mean elsewhere. */
#include <string.h>

#include "frontend/lower/form_use.h"

/* ---- cycles ---- */

/* Whether the weights of `net` are made, at any remove, by a generator that uses weights of `from`. */
static bool generated_from(const Session *s, const Symbol *net, const char *from, bool *visited)
{
    for (uint32_t i = 0; i < s->generators.len; i++) {
        const GeneratorPlan *plan = &s->generators.data[i];
        const Function *generator = weight_value_function(s->module, plan->weight);
        if (s->forms.data[plan->form].net != net || !generator || visited[i])
            continue;
        visited[i] = true;
        for (uint32_t v = 0; v < generator->ops.len; v++) {
            if (generator->ops.data[v].code != OP_PARAM)
                continue;
            const Weight *weight = &s->module->weights.data[generator->ops.data[v].symbol];
            if (weight_in_part(weight->name, from) || generated_from(s, s->forms.data[weight->form].net, from, visited))
                return true;
        }
    }
    return false;
}

static void report_cycle(Session *s, uint32_t form)
{
    const Decl *decl = s->forms.data[form].decl;
    fail(s, decl ? decl->value->span : s->forms.data[form].net->decl->name.span,
         "the weights of '%s' would be made from themselves", s->model->forms.data[form].target);
}

static bool *new_flags(uint32_t count)
{
    bool *flags = support_malloc(count + 1);
    memset(flags, 0, count + 1);
    return flags;
}

bool made_from_itself(Session *s, const Symbol *net)
{
    if (!s->generating)
        return false;
    uint32_t form = s->generating - 1;
    const char *target = s->model->forms.data[form].target;
    bool *visited = new_flags(s->generators.len), *again = new_flags(s->generators.len);
    bool cycle = s->forms.data[form].net == net || generated_from(s, net, target, visited) ||
                 generated_from(s, s->forms.data[form].net, target, again);
    support_free(visited);
    support_free(again);
    if (cycle)
        report_cycle(s, form);
    return cycle;
}

/* Depth first: a weight that is met again while its own parts are searched is made of itself. */
static bool find_cycle(Session *s, uint32_t weight, bool *open, bool *done)
{
    const Function *value = weight_value_function(s->module, weight);
    bool cycle = open[weight];
    if (done[weight] || !value || cycle)
        return cycle;
    open[weight] = true;
    for (Value v = 0; v < value->ops.len && !cycle; v++)
        cycle = OP_AT(value, v)->code == OP_PARAM && find_cycle(s, OP_AT(value, v)->symbol, open, done);
    open[weight] = false;
    done[weight] = true;
    return cycle;
}

static void check_cycles(Session *s)
{
    bool *open = new_flags(s->module->weights.len), *done = new_flags(s->module->weights.len);
    for (uint32_t i = 0; i < s->module->weights.len; i++)
        if (find_cycle(s, i, open, done))
            report_cycle(s, s->module->weights.data[i].form);
    support_free(open);
    support_free(done);
}

/* ---- values ---- */

/* The numbers that a generator makes for the weight: its piece of them, or the hidden vector. */
static bool numbers_of(Session *s, const Expr *expr, const FormArguments *arguments, FormUse *use)
{
    uint32_t form = s->module->weights.data[use->weight].form, count;
    for (uint32_t i = 0; i < s->generators.len; i++) {
        const GeneratorPlan *plan = &s->generators.data[i];
        if (plan->form != form || plan->use != expr)
            continue;
        if (!weight_value_function(s->module, plan->weight)->outputs.len)
            break; /* its generator has an error */
        use->kind = plan->kind;
        use->input = build_source(&s->builder, OP_PARAM, plan->weight);
        if (plan->kind == NUMBERS_HEADED)
            return true;
        int64_t first = count_numbers(s->module, arguments, form, use->weight, &count);
        use->first = first;
        use->joined_head = plan->head;
        use->joined_rows = plan->rows == NO_VALUE ? NO_VALUE : build_source(&s->builder, OP_PARAM, plan->rows);
        int64_t numbers = arguments->row->form->numbers(&s->module->weights.data[use->weight], arguments->settings);
        use->input = part_of(&s->builder, use->input, first, numbers);
        return true;
    }
    return false;
}

/* The rows of a task or a member: one for each of its values. */
static bool rows_of(Session *s, Symbol *index, Span span, FormUse *use)
{
    Val number = condition_number(s, (Val){.kind = VAL_CONDITION, .symbol = index}, span);
    if (is_poison(number))
        return false;
    use->kind = NUMBERS_ROWS;
    use->rows = index->extent;
    use->input = number.ir;
    return true;
}

/* The vector to which the weight responds. */
static bool respond_to(Session *s, const FormArguments *arguments, FormUse *use)
{
    const Expr *expr = arguments->vector;
    Val vector = as_real(s, evaluate(s, expr), expr->span);
    if (is_poison(vector))
        return false;
    use->input = vector.ir;
    if (val_type(s, vector).rank == 1)
        return true;
    fail(s, expr->span, "%s takes a vector, and this is %s", arguments->row->name, describe(s, vector));
    if (expr->kind == EXPR_MEMBER)
        add_help(s, "it takes all of a declaration together, as in %s", arguments->row->example);
    return false;
}

/* Fills in where the use gets its numbers from. */
static bool read_input(Session *s, const Expr *expr, const FormArguments *arguments, FormUse *use)
{
    if (arguments->index)
        return rows_of(s, arguments->index, expr->span, use);
    if (arguments->generator || arguments->loss)
        return numbers_of(s, expr, arguments, use);
    if (arguments->standing)
        use->input = build_source(&s->builder, OP_SHIFT, arguments->standing->condition);
    return arguments->vector ? respond_to(s, arguments, use) : true;
}

bool is_form(const Session *s, const Expr *expr)
{
    return s->frame == s->making->frame && form_row_of(head_name(expr)) >= 0;
}

Val evaluate_form(Session *s, const Expr *expr)
{
    FormArguments arguments;
    if (!read_form(s, expr, &arguments) || !can_build(s, expr->span))
        return val_poison();
    FormUse use = {.b = &s->builder, .weight = s->making->weight, .heads = &s->making->heads, .input = NO_VALUE};
    use.number = s->making->uses[arguments.row - form_rows]++;
    use.start = arguments.start;
    memcpy(use.settings, arguments.settings, sizeof use.settings);
    if (arguments.file)
        use.file = arena_copy(&s->module->arena, arguments.file);
    if (!read_input(s, expr, &arguments, &use))
        return val_poison();
    Value made = arguments.row->form->make(&use);
    measure_later(s, &use, made);
    return val_tensor(made);
}

static void lower_value(Session *s, uint32_t index)
{
    const Weight weight = s->module->weights.data[index];
    const Decl *decl = weight.net == NO_NET ? NULL : s->forms.data[weight.form].decl;
    int row = decl ? form_row_of(head_name(decl->value)) : -1;
    if (!decl || (row >= 0 && form_rows[row].form == &form_free && !decl->value->args.count))
        return; /* plain trained numbers */
    if (!check_form_expression(s, decl->value))
        return;
    Frame frame = {0};
    WeightMaking making = {.weight = index, .frame = &frame};
    Function *function = open_function(s, arena_printf(&s->file->arena, "%s.value", weight.name), &frame, false, false);
    s->making = &making;
    Val value = as_real(s, evaluate(s, decl->value), decl->value->span);
    s->making = NULL;
    bool fine = !is_poison(value);
    if (fine && !type_equal(val_type(s, value), weight.type)) {
        fail(s, decl->value->span, "this makes %s of the weight '%s', which is %s", describe(s, value), weight.name,
             describe_type(s, weight.type));
        add_help(s, "a function that makes weights keeps their shape, as a layer 'mask(w: f32[..s]) -> f32[..s]' does");
        fine = false;
    }
    if (fine)
        build_output(&s->builder, "weight", value.ir);
    close_function(s);
    finish_measures(s, function);
    if (fine)
        s->module->weights.data[index].value = function->name;
}

void lower_weight_values(Session *s)
{
    uint32_t form = 0, weight = 0;
    while (!s->exhausted && (form < s->forms.len || weight < s->module->weights.len)) { /* both lists grow in the loop */
        for (; form < s->forms.len && !s->exhausted; form++)
            if (s->forms.data[form].decl && check_form_expression(s, s->forms.data[form].decl->value))
                for_each_use(s, s->forms.data[form].decl->value, lower_generator, &form);
        for (; weight < s->module->weights.len && form == s->forms.len && !s->exhausted; weight++)
            lower_value(s, weight);
    }
    check_cycles(s);
    find_sources(s->module);
    drop_needless_values(s->module);
}
