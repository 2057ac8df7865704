/* Values of conditions: in `E given z = V` the weights that E reads are made at V, and the name z means V. */
#include <string.h>

#include "frontend/lower/form_use.h"
#include "frontend/lower/kit.h"

enum { MOST_GIVEN = MAX_RANK }; /* conditions that have values at a time */

Value given_value(const Given *given, const Symbol *condition)
{
    while (given && given->condition != condition)
        given = given->outer;
    return given ? given->value : NO_VALUE;
}

Value weight_given(Session *s, uint32_t weight, const Given *given)
{
    Dims conditions = {0};
    Value values[MOST_GIVEN];
    if (is_moving(s, weight))
        return moving_weight(s, weight);
    for (uint32_t c = 0; c < s->module->conditions.len && given; c++) {
        Value value = given_value(given, condition_symbol(s, c));
        if (value == NO_VALUE)
            continue;
        values[conditions.n] = value;
        conditions.v[conditions.n++] = c;
    }
    return build_param(&s->builder, weight, conditions, values);
}

static uint32_t count_given(const Given *given)
{
    uint32_t count = 0;
    for (; given; given = given->outer) {
        const Given *inner = given->outer; /* a condition that has two values counts once */
        while (inner && inner->condition != given->condition)
            inner = inner->outer;
        count += inner == NULL;
    }
    return count;
}

static Symbol *find_given_condition(Session *s, Name name)
{
    Expr expr = {.kind = EXPR_NAME, .span = name.span, .name = name};
    Symbol *symbol =
        choose_declared(s, condition_declarations(), &expr, "'given' takes the name of a %s declaration, and '%s' is none",
                        condition_words(s, condition_declarations()), name.text);
    if (symbol)
        return symbol;
    if (!find_symbol(s->file, false, name.text) && !find_local(s->frame, name.text))
        add_help(s, "declare it, as in 'given %s[16]'", name.text);
    return NULL;
}

/* The value of a condition that is an index: a number, a label or an i32. */
static Val read_index_value(Session *s, const Symbol *condition, Val value, Span span)
{
    int64_t number;
    if (value.kind == VAL_CONDITION && is_index(value.symbol))
        value = condition_number(s, value, span);
    if (value.kind != VAL_NUMBER)
        return as_tensor(s, value, span);
    if (!can_build(s, span) || !as_integer(s, value, span, arena_printf(&s->file->arena, "'%s'", condition->decl->name.text), 0,
                                           condition->extent - 1, &number))
        return val_poison();
    return val_tensor(build_const(&s->builder, type_scalar(DTYPE_I32), (double)number));
}

/* The value of a condition, converted to its type; NO_VALUE after an error. */
static Value read_value(Session *s, const Symbol *condition, const Expr *expr)
{
    Val value = evaluate(s, expr);
    Type wanted = s->module->conditions.data[condition->condition].type;
    if (!condition->extent)
        return NO_VALUE;
    value = is_index(condition) ? read_index_value(s, condition, value, expr->span) : as_real(s, value, expr->span);
    if (is_poison(value))
        return NO_VALUE;
    bool fits = type_equal(val_type(s, value), wanted);
    if (fits && (!is_index(condition) || !value.classes || value.classes == condition->extent))
        return value.ir;
    const char *is = is_index(condition) ? arena_printf(&s->file->arena, "one of %lld", (long long)condition->extent)
                                         : describe_type(s, wanted);
    fail(s, expr->span, "'%s' is %s, but this is %s", condition->decl->name.text, is, describe(s, value));
    add_note(s, condition->decl->name.span, "declared here");
    return NO_VALUE;
}

/* Reads the bindings, all of which see what holds outside, into `given`. */
static bool read_bindings(Session *s, const Expr *expr, Given *given)
{
    bool fine = true;
    uint32_t i = 0;
    for (const Binding *binding = expr->bindings.first; binding; binding = binding->next, i++) {
        given[i].condition = find_given_condition(s, binding->name);
        given[i].outer = i ? &given[i - 1] : s->given;
        for (uint32_t k = 0; k < i; k++)
            if (given[i].condition && given[k].condition == given[i].condition) {
                fail(s, binding->name.span, "'%s' is given twice", binding->name.text);
                fine = false;
            }
        given[i].value = given[i].condition ? read_value(s, given[i].condition, binding->init) : NO_VALUE;
        fine &= given[i].value != NO_VALUE;
    }
    return fine;
}

Val evaluate_with(Session *s, const Expr *expr, const Given *innermost)
{
    const Given *outer = s->given;
    if (count_given(innermost) > MOST_GIVEN)
        return fail(s, expr->span, "more than %d conditions have values here", MOST_GIVEN);
    s->given = innermost;
    Val value = evaluate(s, expr);
    if (value.kind == VAL_CONDITION || value.kind == VAL_WEIGHTS)
        value = as_tensor(s, value, expr->span);
    s->given = outer;
    return value;
}

Val evaluate_given(Session *s, const Expr *expr)
{
    Given *given = ARENA_ARRAY(&s->file->arena, Given, expr->bindings.count);
    if (!read_bindings(s, expr, given))
        return val_poison();
    return evaluate_with(s, expr->left, &given[expr->bindings.count - 1]);
}
