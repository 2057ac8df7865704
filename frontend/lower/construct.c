/* Constructs: name(label: value, ...). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "frontend/lower/kit.h"

/* ---- numbers with a range ---- */

static const char *range_text(Session *s, Range range)
{
    Text text = {0};
    if (range.low > -INFINITY)
        text_printf(&text, "%s %.6g", range.above ? "above" : "at least", range.low);
    if (range.high < INFINITY)
        text_printf(&text, "%s%s %.6g", text.len ? " and " : "", range.below ? "below" : "at most", range.high);
    const char *kept = arena_text(&s->file->arena, text.data ? text.data : "", text.len);
    text_free(&text);
    return kept;
}

static bool in_range(Range range, double number)
{
    return (range.above ? number > range.low : number >= range.low) && (range.below ? number < range.high : number <= range.high);
}

/* A rate of 1e-50 would be 0 in the program, and train nothing; so would one of 1e-40, since programs flush denormals. */
static bool check_precision(Session *s, Span span, const char *what, Range range, double number)
{
    double held = s->module->real == DTYPE_F32 ? (double)(float)number : number;
    held = fabs(held) < (s->module->real == DTYPE_F32 ? (double)FLT_MIN : DBL_MIN) ? 0 : held;
    if (isfinite(held) && (held != 0 || number == 0 || !range.above))
        return true;
    fail(s, span, "%s is %.6g, which a number of f32 holds as %s", what, number, held == 0 ? "0" : "infinity");
    return false;
}

static bool check_range(Session *s, Span span, const char *what, Range range, double number)
{
    if (in_range(range, number))
        return check_precision(s, span, what, range, number);
    fail(s, span, "%s must be %s, but this is %.6g", what, range_text(s, range), number);
    if (range.low == 0 && range.high == 1 && number >= 5 && number <= 100)
        add_help(s, "a share of %.6g %% is written %.6g", number, number / 100);
    return false;
}

static Words range_words(Range range)
{
    Words words = {range.words, 0, sizeof *range.words};
    while (range.words && range.words[words.count])
        words.count++;
    return words;
}

bool read_number(Session *s, const Expr *expr, const char *what, Range range, double *number)
{
    return as_number(s, evaluate(s, expr), expr->span, what, number) && check_range(s, expr->span, what, range, *number);
}

bool read_numbers(Session *s, const Expr *expr, const char *what, Range range, uint32_t count, double *numbers)
{
    if (expr->kind != EXPR_LIST) {
        double number;
        if (!read_number(s, expr, what, range, &number))
            return false;
        for (uint32_t i = 0; i < count; i++)
            numbers[i] = number;
        return true;
    }
    if (expr->args.count != count) {
        fail(s, expr->span, "%s has %u entries, but there are %u objectives", what, expr->args.count, count);
        return false;
    }
    uint32_t i = 0;
    for (const Arg *arg = expr->args.first; arg; arg = arg->next, i++)
        if (arg->kind != ARG_VALUE || !read_number(s, arg->value, what, range, &numbers[i]))
            return false;
    return true;
}

/* ---- constructs ---- */

static bool is_hyper(const Session *s, const Expr *expr)
{
    return expr->kind == EXPR_NAME && find_symbol_of(s->file, expr->name.text, DECL_HYPER);
}

const Expr *find_hyper_in(const Session *s, const Expr *expr)
{
    if (!expr || is_hyper(s, expr) || (expr->kind == EXPR_MEMBER && is_hyper(s, expr->left)))
        return expr;
    bool callee = expr->kind == EXPR_CALL && expr->left->kind == EXPR_NAME;
    const Expr *found = callee ? NULL : find_hyper_in(s, expr->left);
    for (const Arg *arg = expr->args.first; arg && !found; arg = arg->next)
        found = find_hyper_in(s, arg->value);
    return found ? found : find_hyper_in(s, expr->right);
}

static uint32_t parameter_count(const Construct *construct)
{
    uint32_t n = 0;
    while (n < MOST_PARAMETERS && construct->parameters[n].takes != TAKES_NOTHING)
        n++;
    return n;
}

static int choose_parameter(Session *s, const Construct *construct, const Arg *arg)
{
    Words labels = {construct->parameters, parameter_count(construct), sizeof construct->parameters[0]};
    const char *label = arg->label.text;
    int row = find_word(labels, label);
    if (row >= 0)
        return row;
    fail(s, arg->label.span, "'%s' has no option '%s'", construct->name, label);
    if (!answer_foreign(s, FOREIGN_LABEL, label))
        add_choices(s, label, labels, labels);
    return -1;
}

/* An argument without a label that is a name or a call, but no constant, where a construct may stand: that parameter, or -1. */
static int construct_parameter(const Session *s, const Construct *construct, const Expr *value)
{
    bool word = value->kind == EXPR_NAME || value->kind == EXPR_CALL;
    if (word && !find_symbol_of(s->file, head_name(value), DECL_CONST))
        for (uint32_t i = 0; i < parameter_count(construct); i++)
            if (construct->parameters[i].takes == TAKES_CONSTRUCT)
                return (int)i;
    return -1;
}

/* The label that an argument without one may need: of the first parameter that is a share and can have this value, else all. */
static void show_label(Session *s, const Construct *construct, const Expr *value)
{
    const Parameter *parameters = construct->parameters;
    for (uint32_t i = construct->positional; i < parameter_count(construct) && value->kind == EXPR_NUMBER; i++)
        if ((parameters[i].takes == TAKES_NUMBER || parameters[i].takes == TAKES_TUNABLE) && parameters[i].range.high < INFINITY &&
            in_range(parameters[i].range, value->number)) {
            add_help(s, "write '%s: %s'", parameters[i].label, span_text(&s->file->arena, value->span));
            return;
        }
    Candidates labels = {0};
    for (uint32_t i = construct->positional; i < parameter_count(construct); i++)
        vec_push(&labels.names, parameters[i].label);
    choose_name(s, "", &labels, "its options");
}

/* Which parameter the argument is for, or -1 after an error. */
static int parameter_of(Session *s, const Construct *construct, const Arg *arg, uint32_t *place)
{
    uint32_t count = parameter_count(construct), positional = construct->positional ? construct->positional : count;
    if (arg->kind != ARG_VALUE || arg->condition) {
        fail(s, arg->span, "an argument of '%s' is a value, as in %s", construct->name, construct->example);
        return -1;
    }
    if (count == 0) {
        fail(s, arg->span, "'%s' takes no arguments", construct->name);
        return -1;
    }
    if (arg->label.text)
        return choose_parameter(s, construct, arg);
    bool expression = *place < positional && find_hyper_in(s, arg->value); /* exp(lam.rate) is a number, not a schedule */
    int word = expression ? -1 : construct_parameter(s, construct, arg->value);
    if (word >= 0)
        return word;
    if (*place < positional)
        return (int)(*place)++;
    fail(s, arg->span, "'%s' takes %u argument%s %s, as in %s", construct->name, positional, positional == 1 ? "" : "s",
         positional < count ? "by position; the others need their names" : "at most", construct->example);
    if (positional < count)
        show_label(s, construct, arg->value);
    return -1;
}

/* The constant that a bare name stands for, or NULL. */
static Symbol *bare_constant(const Session *s, const Expr *expr)
{
    bool local = expr->kind == EXPR_NAME && s->frame && find_local(s->frame, expr->name.text);
    return expr->kind == EXPR_NAME && !local ? find_symbol_of(s->file, expr->name.text, DECL_CONST) : NULL;
}

static bool read_changeable(Session *s, const Expr *expr, const char *what, Range range, Argument *argument)
{
    argument->constant = bare_constant(s, expr);
    if (!argument->constant)
        return read_number(s, expr, what, range, &argument->number);
    argument->constant->is_setting = true;
    return constant_number(s, argument->constant, &argument->number) && check_range(s, expr->span, what, range, argument->number);
}

static bool is_tunable(const Parameter *parameter)
{
    return parameter->takes == TAKES_TUNABLE || parameter->takes == TAKES_CHANGEABLE;
}

static bool read_argument(Session *s, const Construct *construct, const Parameter *parameter, Argument *argument)
{
    const Expr *value = argument->expr;
    const char *what = arena_printf(&s->file->arena, "'%s' of '%s'", parameter->label, construct->name);
    Words words = range_words(parameter->range);
    int64_t whole;
    int row;
    argument->tuned = is_tunable(parameter) && s->tuning && find_hyper_in(s, value);
    if (argument->tuned) {
        argument->number = NAN;
        return true;
    }
    switch (parameter->takes) {
    case TAKES_CHANGEABLE:
        return read_changeable(s, value, what, parameter->range, argument);
    case TAKES_TUNABLE:
    case TAKES_NUMBER:
        return read_number(s, value, what, parameter->range, &argument->number);
    case TAKES_WORD:
        row = choose_word(s, words, head_name(value), value->span, "%s is a word, as in %s", what, construct->example);
        argument->number = row;
        return row >= 0;
    case TAKES_WHOLE:
        row = named_word(words, value);
        if (row >= 0) {
            argument->number = row;
            return true;
        }
        if (!as_integer(s, evaluate(s, value), value->span, what, (int64_t)parameter->range.low, (int64_t)parameter->range.high,
                        &whole))
            return false;
        argument->number = (double)whole;
        return true;
    case TAKES_STRING:
        if (value->kind != EXPR_STRING) {
            fail(s, value->span, "%s is a string, as in %s", what, construct->example);
            return false;
        }
        argument->text = value->name.text;
        return true;
    case TAKES_CONSTRUCT:
    case TAKES_EXPRESSION:
    case TAKES_NOTHING:
        break;
    }
    return true;
}

static bool read_arguments(Session *s, const Expr *expr, const Construct *construct, Argument *arguments)
{
    uint32_t place = 0, count = parameter_count(construct);
    for (const Arg *arg = expr->kind == EXPR_CALL ? expr->args.first : NULL; arg; arg = arg->next) {
        int i = parameter_of(s, construct, arg, &place);
        if (i < 0)
            return false;
        if (arguments[i].expr) {
            fail(s, arg->span, "'%s' of '%s' is given twice", construct->parameters[i].label, construct->name);
            return false;
        }
        arguments[i].expr = arg->value;
        if (!read_argument(s, construct, &construct->parameters[i], &arguments[i]))
            return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const Parameter *parameter = &construct->parameters[i];
        bool number = parameter->takes == TAKES_NUMBER || parameter->takes == TAKES_WHOLE || is_tunable(parameter);
        if (!arguments[i].expr && number && isnan(parameter->standard)) {
            fail(s, expr->span, "'%s' needs '%s', as in %s", construct->name, parameter->label, construct->example);
            return false;
        }
        if (!arguments[i].expr)
            arguments[i].number = parameter->standard;
    }
    return true;
}

static void refuse_construct(Session *s, const Expr *expr, Constructs constructs, const char *what)
{
    const char *name = head_name(expr);
    if (*name)
        fail(s, expr->kind == EXPR_CALL ? expr->left->span : expr->span, "'%s' is not %s", name, what);
    else
        fail(s, expr->span, "%s is expected here", what);
    if (constructs.foreign && answer_foreign(s, constructs.foreign, name))
        return;
    Words names = {&constructs.rows->name, constructs.count, sizeof *constructs.rows};
    Words examples = {&constructs.rows->example, constructs.count, sizeof *constructs.rows};
    add_choices(s, name, names, examples);
}

int read_construct(Session *s, const Expr *expr, Constructs constructs, const char *what,
                   Argument arguments[static MOST_PARAMETERS])
{
    Words words = {constructs.rows, constructs.count, sizeof *constructs.rows};
    int row = find_word(words, head_name(expr));
    memset(arguments, 0, MOST_PARAMETERS * sizeof *arguments);
    if (row < 0)
        refuse_construct(s, expr, constructs, what);
    return row >= 0 && read_arguments(s, expr, &constructs.rows[row], arguments) ? row : -1;
}

/* The word of the range that stands for the number; NULL: none does. */
static const char *word_of(const Range *range, double number)
{
    for (int i = 0; range->words && range->words[i]; i++)
        if (number == i)
            return range->words[i];
    return NULL;
}

static void append_argument(const Parameter *parameter, const Argument *argument, Text *text)
{
    const char *word = word_of(&parameter->range, argument->number);
    if (parameter->takes == TAKES_EXPRESSION && argument->expr)
        text_append(text, argument->expr->span.source->text + argument->expr->span.begin,
                    argument->expr->span.end - argument->expr->span.begin);
    else if (word)
        text_printf(text, "%s: %s", parameter->label, word);
    else
        text_printf(text, "%s: %.6g", parameter->label, argument->number);
}

const char *construct_text(Arena *arena, const Construct *construct, const Argument *arguments)
{
    Text text = {0};
    text_printf(&text, "%s", construct->name);
    for (uint32_t i = 0; i < parameter_count(construct); i++) {
        text_printf(&text, i == 0 ? "(" : ", ");
        append_argument(&construct->parameters[i], &arguments[i], &text);
    }
    if (parameter_count(construct))
        text_printf(&text, ")");
    const char *kept = arena_text(arena, text.data, text.len);
    text_free(&text);
    return kept;
}
