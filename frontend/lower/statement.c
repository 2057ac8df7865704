/* Statements: assignments, compile-time `if`, `for` and `require`, `return`, and weight declarations. */
#include "frontend/lower/at_hypers.h"

static void assign(Session *s, const Statement *statement)
{
    Val value = evaluate(s, statement->value);
    uint32_t names = statement->names.count, count = value.kind == VAL_RESULTS ? value.results->count : 1, i = 0;
    if (!is_poison(value) && count != names) {
        fail(s, statement->span, names > count ? "%u names for %s" : "%u name%s for %s", names,
             names > count ? (count == 1 ? "one result" : describe(s, value))
             : names == 1  ? ""
                           : "s",
             describe(s, value));
        value = val_poison();
    }
    for (const NameNode *node = statement->names.first; node; node = node->next, i++)
        set_local(s->frame, node->name, value.kind == VAL_RESULTS ? value.results->values[i] : value);
}

static void give_result(Session *s, const Statement *statement)
{
    VEC(Val) values = {0};
    for (const Expr *expr = statement->values.first; expr; expr = expr->next) {
        Val value = evaluate(s, expr);
        if (value.kind == VAL_RESULTS && statement->values.count > 1)
            value = as_tensor(s, value, expr->span); /* says that it is none */
        vec_push(&values, value);
    }
    s->frame->result = values.len == 1 ? values.data[0] : val_results(s, values.len, values.data);
    s->frame->returned = true;
    vec_free(&values);
}

/* A condition that is known at compile time; otherwise false, having said so. */
static bool known_condition(Session *s, const Expr *expr, Val condition, const char *statement, bool *holds)
{
    if (condition.kind == VAL_NUMBER && condition.boolean) {
        *holds = condition.number != 0;
        return true;
    }
    if (is_poison(condition))
        return false;
    fail(s, expr->span, "the condition of '%s' must be known at compile time, but this is %s", statement, describe(s, condition));
    if (condition.kind == VAL_TENSOR)
        add_help(s, "'where(condition, a, b)' chooses between values");
    return false;
}

static void give_nothing(Session *s)
{
    s->frame->result = val_poison();
    s->frame->returned = true;
}

/* What does not hold is the only error of the call. */
static void require(Session *s, const Statement *statement)
{
    Val condition = evaluate(s, statement->value);
    Truth truth = truth_at_hypers(s, condition);
    bool holds = truth == TRUTH_HOLDS || (truth == TRUTH_UNKNOWN && condition.kind == VAL_TENSOR && s->frame->standard);
    if (holds || (truth == TRUTH_UNKNOWN && (!known_condition(s, statement->value, condition, "require", &holds) || holds)))
        return;
    fail(s, statement->span, "%s", statement->message.text);
    if (truth == TRUTH_FAILS_FIRST)
        add_help(s, "the first values of the hyperparameters do not allow it");
    if (truth == TRUTH_FAILS_IN_REACH)
        add_help(s, "tuning can take the hyperparameters to where it does not hold: give them other bounds");
    give_nothing(s);
}

/* The branch not taken is not evaluated, so its types need not fit. */
static void choose(Session *s, const Statement *statement)
{
    bool holds;
    if (known_condition(s, statement->value, evaluate(s, statement->value), "if", &holds)) {
        run_block(s, holds ? &statement->body : &statement->otherwise);
        return;
    }
    /* names assigned in either branch are known from here on, so that they are not reported as undefined */
    for (const Block *block = &statement->body; block; block = block == &statement->body ? &statement->otherwise : NULL)
        for (const Statement *inner = block->first; inner; inner = inner->next)
            for (const NameNode *node = inner->kind == STATEMENT_ASSIGN ? inner->names.first : NULL; node; node = node->next)
                set_local(s->frame, node->name, val_poison());
    for (const Block *block = &statement->body; block; block = block == &statement->body ? &statement->otherwise : NULL)
        if (block->last && block->last->kind == STATEMENT_RETURN)
            give_nothing(s);
}

bool count_evaluations(Session *s, Span span, uint32_t count)
{
    if (s->exhausted)
        return false;
    s->evaluations += count;
    if (s->evaluations <= LIMIT_EVALUATIONS)
        return true;
    s->exhausted = true;
    fail(s, span, "too much to unroll: more than %d statements", LIMIT_EVALUATIONS);
    return false;
}

static void repeat(Session *s, const Statement *statement)
{
    int64_t from, to;
    Val first = evaluate(s, statement->value), last = evaluate(s, statement->limit);
    bool known = as_integer(s, first, statement->value->span, "the begin of a range", -MAX_ELEMENTS, MAX_ELEMENTS, &from);
    known &= as_integer(s, last, statement->limit->span, "the end of a range", -MAX_ELEMENTS, MAX_ELEMENTS, &to);
    Name counter = statement->names.first->name;
    if (!known) {
        set_local(s->frame, counter, val_poison());
        return;
    }
    for (int64_t i = from; i < to && !s->frame->returned && count_evaluations(s, statement->span, 1); i++) {
        set_local(s->frame, counter, val_number((double)i));
        run_block(s, &statement->body);
    }
}

static void run(Session *s, const Statement *statement)
{
    switch (statement->kind) {
    case STATEMENT_ASSIGN:
        assign(s, statement);
        break;
    case STATEMENT_RETURN:
        give_result(s, statement);
        break;
    case STATEMENT_IF:
        choose(s, statement);
        break;
    case STATEMENT_FOR:
        repeat(s, statement);
        break;
    case STATEMENT_WEIGHT:
        declare_weights(s, &statement->bindings, false);
        break;
    case STATEMENT_RUNNING:
        declare_weights(s, &statement->bindings, true);
        break;
    case STATEMENT_CARRIED:
        declare_carried(s, &statement->bindings);
        break;
    case STATEMENT_UPDATE:
        run_updates(s, &statement->bindings);
        break;
    case STATEMENT_SCAN:
        run_scan(s, statement);
        break;
    case STATEMENT_REMAT:
        run_remat(s, statement);
        break;
    case STATEMENT_YIELD:
        run_yield(s, statement);
        break;
    case STATEMENT_REQUIRE:
        require(s, statement);
        break;
    }
}

void run_block(Session *s, const Block *block)
{
    for (const Statement *statement = block->first; statement && !s->frame->returned; statement = statement->next) {
        if (!count_evaluations(s, statement->span, 1))
            return;
        run(s, statement);
    }
}
