/* What weights are made of: `weights NET = free + stn(lam)`, an expression whose words are the forms of ir/forms.def. It is
 * evaluated once per weight, and every form in it is a value of that weight's shape; + and *, functions and layers mean what they
 * mean elsewhere. */
#include <string.h>

#include "frontend/lower/kit.h"

/* ---- uses of forms ---- */

static const char *const later_forms[] = {"chunked", "delta_stn"};

static int form_row(const char *name)
{
    for (int row = 0; row < FORM_COUNT; row++)
        if (strcmp(form_rows[row].name, name) == 0)
            return row;
    return -1;
}

static Construct form_construct(const FormRow *row)
{
    static const Parameter taken[] = {
        [FORM_TAKES_NOTHING] = {NULL, TAKES_NOTHING, ANY_NUMBER, 0},
        [FORM_TAKES_CONDITION] = {"condition", TAKES_EXPRESSION, ANY_NUMBER, 0},
        [FORM_TAKES_NET] = {"generator", TAKES_EXPRESSION, ANY_NUMBER, 0},
        [FORM_TAKES_FILE] = {"file", TAKES_STRING, ANY_NUMBER, 0},
    };
    Construct construct = {.name = row->name, .example = row->example};
    uint32_t count = 0;
    if (row->takes != FORM_TAKES_NOTHING)
        construct.parameters[count++] = taken[row->takes];
    if (row->setting)
        construct.parameters[count++] = (Parameter){row->setting, TAKES_WHOLE, {(double)row->least, 1e6, false, false}, NAN};
    return construct;
}

/* The arguments of a use of a form. */
typedef struct FormArguments {
    const FormRow *row;
    Symbol *condition;     /* CONDITION */
    const Expr *generator; /* NET: its call */
    const char *file;      /* FILE */
    int64_t setting;
} FormArguments;

static bool read_condition(Session *s, const Expr *use, const Expr *name, FormArguments *arguments)
{
    const char *form = arguments->row->name;
    if (!name) {
        fail(s, use->span, "%s takes the hyperparameters that the weights respond to, as in %s", form, arguments->row->example);
        return false;
    }
    arguments->condition =
        choose_declared(s, condition_declarations(), name, "%s takes the name of a %s declaration", form, condition_words(s));
    return arguments->condition != NULL;
}

static bool read_generator(Session *s, const Expr *use, const Expr *generator, FormArguments *arguments)
{
    arguments->generator = generator;
    if (generator && generator->kind == EXPR_CALL && find_symbol_of(s->file, head_name(generator), DECL_NET))
        return true;
    fail(s, use->span, "%s takes the call of a net that makes the weights, as in %s", arguments->row->name,
         arguments->row->example);
    return false;
}

static bool read_file(Session *s, const Expr *use, const Argument *file, FormArguments *arguments)
{
    arguments->file = file->text;
    if (file->expr)
        return true;
    fail(s, use->span, "%s takes the file that holds the weights, as in %s", arguments->row->name, arguments->row->example);
    return false;
}

/* Returns false after an error. */
static bool read_form(Session *s, const Expr *use, FormArguments *arguments)
{
    Construct constructs[FORM_COUNT];
    Argument given[MOST_PARAMETERS];
    for (int row = 0; row < FORM_COUNT; row++)
        constructs[row] = form_construct(&form_rows[row]);
    int row = read_construct(s, use, CONSTRUCTS(constructs), "a form of weights", given);
    if (row < 0)
        return false;
    *arguments = (FormArguments){.row = &form_rows[row]};
    FormTakes takes = form_rows[row].takes;
    if (form_rows[row].setting)
        arguments->setting = (int64_t)given[takes != FORM_TAKES_NOTHING].number;
    switch (takes) {
    case FORM_TAKES_CONDITION:
        return read_condition(s, use, given[0].expr, arguments);
    case FORM_TAKES_NET:
        return read_generator(s, use, given[0].expr, arguments);
    case FORM_TAKES_FILE:
        return read_file(s, use, &given[0], arguments);
    case FORM_TAKES_NOTHING:
        break;
    }
    return true;
}

/* ---- expressions ---- */

static bool is_function(const Session *s, const char *name)
{
    const Symbol *symbol = find_symbol(s->file, false, name);
    return (symbol && symbol->decl->kind == DECL_LAYER) || is_builtin(name);
}

static bool is_constant(const Session *s, const Expr *expr)
{
    return expr->kind == EXPR_NUMBER ||
           (expr->kind == EXPR_NAME && (find_symbol_of(s->file, expr->name.text, DECL_CONST) || !strcmp(expr->name.text, "pi")));
}

/* Calls `visit` once per use of a form. */
static void for_each_use(Session *s, const Expr *expr, void (*visit)(Session *s, const Expr *use, void *data), void *data)
{
    if (!expr)
        return;
    if (form_row(head_name(expr)) >= 0) {
        visit(s, expr, data);
        return;
    }
    if (expr->kind != EXPR_CALL)
        for_each_use(s, expr->left, visit, data);
    for_each_use(s, expr->right, visit, data);
    for (const Arg *arg = expr->args.first; arg; arg = arg->next)
        for_each_use(s, arg->value, visit, data);
}

static void count_use(Session *s, const Expr *use, void *data)
{
    (void)s;
    (void)use;
    ++*(unsigned *)data;
}

static bool refuse_net(Session *s, const Expr *call)
{
    fail(s, call->span, "the net '%s' makes weights through a form, as in dense(%s)", head_name(call),
         span_text(&s->file->arena, call->span));
    return false;
}

static bool check_part(Session *s, const Expr *expr);

static bool check_arguments(Session *s, const Expr *call)
{
    bool fine = true;
    for (const Arg *arg = call->args.first; arg; arg = arg->next)
        if (arg->value && arg->value->kind != EXPR_LIST)
            fine &= check_part(s, arg->value);
    return fine;
}

/* Checks both operands, whatever the first check says. */
static bool check_operands(Session *s, const Expr *expr)
{
    bool left = check_part(s, expr->left), right = check_part(s, expr->right);
    return left && right;
}

static bool check_part(Session *s, const Expr *expr)
{
    FormArguments ignored;
    const char *name = head_name(expr);
    if (expr->kind == EXPR_ERROR || is_constant(s, expr))
        return expr->kind != EXPR_ERROR;
    if (find_word(WORDS(later_forms), name) >= 0) {
        refuse(s, expr->span, arena_printf(&s->file->arena, "the weight form '%s'", name));
        return false;
    }
    if (expr->kind == EXPR_UNARY)
        return check_part(s, expr->left);
    if (expr->kind == EXPR_BINARY)
        return check_operands(s, expr);
    if (expr->kind == EXPR_CALL && form_row(name) < 0 && is_function(s, name))
        return check_arguments(s, expr);
    if (expr->kind == EXPR_CALL && find_symbol_of(s->file, name, DECL_NET))
        return refuse_net(s, expr);
    return read_form(s, expr, &ignored);
}

bool check_form_expression(Session *s, const Expr *expr)
{
    unsigned uses = 0;
    if (!check_part(s, expr))
        return false;
    for_each_use(s, expr, count_use, &uses);
    if (uses > 0)
        return true;
    fail(s, expr->span, "this holds no form of weights");
    add_help(s, "'free' are plain trained numbers, as in 'free + 1'");
    return false;
}

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

/* ---- generators ---- */

/* How many numbers a net makes for the weights of a form that come before `end`; and how many weights these are. */
static int64_t count_numbers(const Module *module, const FormRow *row, int64_t setting, uint32_t form, uint32_t end,
                             uint32_t *weights)
{
    int64_t numbers = 0;
    *weights = 0;
    for (uint32_t i = 0; i < end; i++) {
        const Weight *weight = &module->weights.data[i];
        if (weight->form != form || weight->net == NO_NET)
            continue;
        numbers += row->form->numbers(weight, setting);
        ++*weights;
    }
    return numbers;
}

/* The vector of a generator: a weight without a net, whose value is the generator. */
static uint32_t add_generated(Session *s, uint32_t form, Type type, const char *function)
{
    const char *target = s->model->forms.data[form].target;
    Weight weight = {.type = type, .net = NO_NET, .form = form, .output_axis = -1, .value = function};
    weight.name = arena_printf(&s->module->arena, "%s/generated%u", target, s->generators.len);
    vec_push(&s->module->weights, weight);
    return s->module->weights.len - 1;
}

static void lower_generator(Session *s, const Expr *use, void *data)
{
    uint32_t form = *(const uint32_t *)data, count;
    FormArguments arguments;
    if (form_rows[form_row(head_name(use))].takes != FORM_TAKES_NET || !read_form(s, use, &arguments))
        return;
    const char *target = s->model->forms.data[form].target;
    int64_t n = count_numbers(s->module, arguments.row, arguments.setting, form, s->module->weights.len, &count);
    Type wanted = type_of(s->module->real, 1, &n);
    if (!check_type(s, wanted, use->span))
        return;
    Frame frame = {0};
    const Expr *call = arguments.generator;
    Function *function = open_function(s, arena_printf(&s->file->arena, "%s.generator", target), &frame, false, false);
    s->generating = form + 1;
    vec_push(&s->generators, (GeneratorPlan){form, use, add_generated(s, form, wanted, function->name)});
    Val made = as_real(s, evaluate_call(s, call, NULL, n), call->span);
    bool fine = !is_poison(made);
    if (fine && !type_equal(val_type(s, made), wanted)) {
        fail(s, call->span, "this makes %s, but '%s' has %u weights of %lld elements in all", describe(s, made), target, count,
             (long long)n);
        add_help(s, "a result type such as '-> f32[n]' takes the number from here");
        fine = false;
    }
    if (fine)
        build_output(&s->builder, "weights", made.ir);
    s->generating = 0;
    close_function(s);
}

/* ---- values ---- */

/* The piece of a generator's vector that belongs to the weight. */
static Value numbers_of(Session *s, const Expr *use, const FormArguments *arguments)
{
    uint32_t weight = s->making->weight, form = s->module->weights.data[weight].form, count;
    for (uint32_t i = 0; i < s->generators.len; i++) {
        const GeneratorPlan *plan = &s->generators.data[i];
        if (plan->form != form || plan->use != use)
            continue;
        if (!weight_value_function(s->module, plan->weight)->outputs.len)
            break; /* its generator has an error */
        int64_t first = count_numbers(s->module, arguments->row, arguments->setting, form, weight, &count);
        int64_t numbers = arguments->row->form->numbers(&s->module->weights.data[weight], arguments->setting);
        Value all = build_source(&s->builder, OP_PARAM, plan->weight);
        return part_of(&s->builder, all, first, numbers);
    }
    return NO_VALUE;
}

bool is_form(const Session *s, const Expr *expr)
{
    return s->frame == s->making->frame && form_row(head_name(expr)) >= 0;
}

Val evaluate_form(Session *s, const Expr *expr)
{
    FormArguments arguments;
    if (!read_form(s, expr, &arguments) || !can_build(s, expr->span))
        return val_poison();
    FormUse use = {.b = &s->builder, .weight = s->making->weight, .input = NO_VALUE};
    use.number = s->making->uses[arguments.row - form_rows]++;
    use.setting = arguments.setting;
    if (arguments.file)
        use.file = arena_text(&s->module->arena, arguments.file, strlen(arguments.file));
    if (arguments.condition) {
        Val vector = condition_vector(s, (Val){.kind = VAL_CONDITION, .symbol = arguments.condition}, expr->span);
        if (is_poison(vector))
            return vector;
        use.input = vector.ir;
    }
    if (arguments.generator && (use.input = numbers_of(s, expr, &arguments)) == NO_VALUE)
        return val_poison();
    return val_tensor(arguments.row->form->make(&use));
}

static void lower_value(Session *s, uint32_t index)
{
    const Weight weight = s->module->weights.data[index];
    const Decl *decl = weight.net == NO_NET ? NULL : s->forms.data[weight.form].decl;
    int row = decl ? form_row(head_name(decl->value)) : -1;
    if (!decl || (row >= 0 && form_rows[row].form == &form_free))
        return; /* plain trained numbers */
    if (!check_form_expression(s, decl->value))
        return;
    Frame frame = {0};
    Making making = {.weight = index, .frame = &frame};
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
