/* Uses of forms in the expression of a `weights` declaration: their words and arguments. What they make: weight_values.c. */
#include <string.h>

#include "frontend/lower/form_use.h"

/* ---- the words and arguments of one use ---- */

int form_row_of(const char *name)
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
        [FORM_TAKES_EACH] = {"each", TAKES_EXPRESSION, ANY_NUMBER, 0},
        [FORM_TAKES_CONDITION] = {"condition", TAKES_EXPRESSION, ANY_NUMBER, 0},
        [FORM_TAKES_SHIFT] = {"condition", TAKES_EXPRESSION, ANY_NUMBER, 0},
        [FORM_TAKES_NET] = {"generator", TAKES_EXPRESSION, ANY_NUMBER, 0},
        [FORM_TAKES_FILE] = {"file", TAKES_STRING, ANY_NUMBER, 0},
        [FORM_TAKES_LOSS] = {"loss", TAKES_EXPRESSION, ANY_NUMBER, 0},
    };
    Construct construct = {.name = row->name, .example = row->example};
    uint32_t count = 0;
    if (row->takes != FORM_TAKES_NOTHING)
        construct.parameters[count++] = taken[row->takes];
    if (row->takes == FORM_TAKES_LOSS)
        construct.parameters[count++] = (Parameter){"optimizer", TAKES_EXPRESSION, ANY_NUMBER, 0};
    for (int i = 0; i < MOST_FORM_SETTINGS && row->settings[i].name; i++)
        construct.parameters[count++] =
            (Parameter){row->settings[i].name, TAKES_WHOLE, WITHIN((double)row->settings[i].least, 1e9), NAN};
    construct.positional = row->takes == FORM_TAKES_EACH ? 0 : count;
    if (row->takes == FORM_TAKES_NET)
        construct.parameters[count] = (Parameter){"init", TAKES_EXPRESSION, ANY_NUMBER, 0};
    if (row->takes == FORM_TAKES_LOSS)
        construct.parameters[count] = (Parameter){"order", TAKES_WHOLE, WITHIN(1, 2), 2};
    return construct;
}

static void count_use(Session *s, const Expr *use, void *data)
{
    (void)s;
    (void)use;
    ++*(unsigned *)data;
}

/* A condition, or an expression of conditions. */
static bool read_vector(Session *s, const Expr *vector, FormArguments *arguments)
{
    const char *form = arguments->row->name;
    unsigned forms = 0;
    arguments->vector = vector;
    if (vector->kind == EXPR_NAME && !find_symbol_of(s->file, vector->name.text, DECL_CONST))
        return choose_declared(s, condition_declarations(), vector, "%s takes the name of a %s declaration", form,
                               condition_words(s, condition_declarations()));
    for_each_use(s, vector, count_use, &forms);
    if (forms)
        fail(s, vector->span, "weights respond to a vector, in which no weights are made");
    return !forms;
}

/* A condition that has a value where it stands. */
static bool read_standing(Session *s, const Expr *name, FormArguments *arguments)
{
    const char *form = arguments->row->name;
    arguments->standing = choose_declared(s, 1u << DECL_HYPER, name, "%s takes the name of a hyper declaration", form);
    return arguments->standing != NULL;
}

static bool read_each(Session *s, const Expr *name, FormArguments *arguments)
{
    if (!name)
        return true;
    arguments->index = choose_declared(s, index_declarations(), name, "'each' takes the name of a %s declaration",
                                       condition_words(s, index_declarations()));
    return arguments->index != NULL;
}

/* A task or a member that stands where a net's call may stand. */
static Symbol *index_named(Session *s, const Expr *expr)
{
    for (uint32_t i = 0; expr && expr->kind == EXPR_NAME && i < s->file->symbols.len; i++) {
        Symbol *symbol = s->file->symbols.data[i];
        if (is_index(symbol) && strcmp(symbol->decl->name.text, expr->name.text) == 0)
            return symbol;
    }
    return NULL;
}

static bool read_generator(Session *s, const Expr *use, const Expr *generator, FormArguments *arguments)
{
    arguments->index = index_named(s, generator);
    if (arguments->index && !arguments->row->form->join)
        return true;
    arguments->generator = generator;
    if (generator && generator->kind == EXPR_CALL && find_symbol_of(s->file, head_name(generator), DECL_NET))
        return true;
    fail(s, use->span, "%s takes the call of a net that makes the weights, as in %s", arguments->row->name,
         arguments->row->example);
    if (arguments->index)
        add_help(s, "'%s' may be the argument of that net", arguments->index->decl->name.text);
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

/* The word behind `init:`. */
static bool read_start(Session *s, const Expr *word, FormArguments *arguments)
{
    static const Words words = {form_starts + 1, START_COUNT - 1, sizeof *form_starts};
    const FormRow *row = arguments->row;
    if (!word)
        return true;
    int start = choose_word(s, words, head_name(word), word->span, "'init' of '%s' says how the numbers begin that the net makes",
                            row->name);
    if (start < 0)
        return false;
    arguments->start = (FormStart)(start + 1);
    arguments->start_span = word->span;
    if (row->form->makes_all || arguments->start == START_ZERO || arguments->start == START_XAVIER)
        return true;
    fail(s, word->span, "%s changes trained numbers, and has no scale of weights to begin with", row->name);
    add_help(s, "it begins by changing nothing, unless 'init: xavier' is said");
    return false;
}

static bool read_loss(Session *s, const Expr *use, const Argument *given, FormArguments *arguments)
{
    unsigned forms = 0;
    arguments->loss = given[0].expr;
    arguments->optimizer = given[1].expr;
    if (!arguments->loss || !arguments->optimizer) {
        fail(s, use->span, "%s takes a loss and the optimizer that takes steps on it, as in %s", arguments->row->name,
             arguments->row->example);
        return false;
    }
    for_each_use(s, arguments->loss, count_use, &forms);
    if (forms)
        fail(s, arguments->loss->span, "%s takes steps on a loss, in which no weights are made", arguments->row->name);
    return !forms;
}

/* Of the construct, what depends on what the form takes. */
static bool read_taken(Session *s, const Expr *use, const Argument *given, FormArguments *arguments)
{
    FormTakes takes = arguments->row->takes;
    if ((takes == FORM_TAKES_CONDITION || takes == FORM_TAKES_SHIFT) && !given[0].expr) {
        fail(s, use->span, "%s takes the hyperparameters that the weights respond to, as in %s", arguments->row->name,
             arguments->row->example);
        return false;
    }
    switch (takes) {
    case FORM_TAKES_CONDITION:
        return read_vector(s, given[0].expr, arguments);
    case FORM_TAKES_SHIFT:
        return read_standing(s, given[0].expr, arguments);
    case FORM_TAKES_NET:
        return read_generator(s, use, given[0].expr, arguments);
    case FORM_TAKES_FILE:
        return read_file(s, use, &given[0], arguments);
    case FORM_TAKES_EACH:
        return read_each(s, given[0].expr, arguments);
    case FORM_TAKES_LOSS:
        return read_loss(s, use, given, arguments);
    case FORM_TAKES_NOTHING:
        break;
    }
    return true;
}

bool read_form(Session *s, const Expr *use, FormArguments *arguments)
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
    uint32_t place = takes == FORM_TAKES_LOSS ? 2 : takes != FORM_TAKES_NOTHING;
    for (int i = 0; i < MOST_FORM_SETTINGS && form_rows[row].settings[i].name; i++)
        arguments->settings[i] = (int64_t)given[place++].number;
    if (!read_taken(s, use, given, arguments))
        return false;
    arguments->order = takes == FORM_TAKES_LOSS ? (int)given[place].number : 0;
    return takes != FORM_TAKES_NET || read_start(s, given[place].expr, arguments);
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

void for_each_use(Session *s, const Expr *expr, void (*visit)(Session *s, const Expr *use, void *data), void *data)
{
    if (!expr)
        return;
    if (form_row_of(head_name(expr)) >= 0) {
        visit(s, expr, data);
        return;
    }
    if (expr->kind != EXPR_CALL)
        for_each_use(s, expr->left, visit, data);
    for_each_use(s, expr->right, visit, data);
    for (const Arg *arg = expr->args.first; arg; arg = arg->next)
        for_each_use(s, arg->value, visit, data);
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
    if (expr->kind == EXPR_UNARY)
        return check_part(s, expr->left);
    if (expr->kind == EXPR_BINARY)
        return check_operands(s, expr);
    if (expr->kind == EXPR_CALL && form_row_of(name) < 0 && is_function(s, name))
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
