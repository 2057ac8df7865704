/* Loops: what the block of a `scan` computes in one step is built once, with placeholders for the carries and the entries, and
 * then becomes the body of a loop over all entries (ir/scan.h). */
#include <string.h>

#include "frontend/lower/along.h"
#include "ir/scan.h"

static const char all_yields[] = "yields"; /* the name of what the steps yield, behind the loop */

typedef struct Loop {
    const Statement *statement;
    Along along;
    VEC(Carry) carries;
    VEC(Val) yields;
    int64_t segment; /* steps after which the derivative keeps the carries; 0: after each, with its products */
} Loop;

/* Evaluates what the carries begin with; false after an error. */
static bool read_carries(Session *s, Loop *loop)
{
    bool fine = true;
    for (const Binding *binding = loop->statement->bindings.first; binding; binding = binding->next) {
        for (const Binding *other = loop->statement->alongs.first; other; other = other->next)
            if (strcmp(other->name.text, binding->name.text) == 0)
                fail(s, binding->name.span, "'%s' is an entry and a carry of this 'scan'", binding->name.text);
        Val first = as_tensor(s, evaluate(s, binding->init), binding->init->span);
        fine &= !is_poison(first);
        vec_push(&loop->carries, (Carry){.first = is_poison(first) ? NO_VALUE : first.ir});
    }
    return fine;
}

/* Placeholders for the carries, and their names in the block. */
static void name_carries(Session *s, Loop *loop)
{
    uint32_t i = 0;
    for (const Binding *binding = loop->statement->bindings.first; binding; binding = binding->next, i++) {
        Carry *carry = &loop->carries.data[i];
        if (carry->first != NO_VALUE)
            carry->element = build_const(&s->builder, value_type(&s->builder, carry->first), 0);
        set_local(s->frame, binding->name, carry->first != NO_VALUE ? val_tensor(carry->element) : val_poison());
    }
}

static bool read_next(Session *s, const Binding *binding, Carry *carry)
{
    Val next = as_tensor(s, *find_local(s->frame, binding->name.text), binding->span);
    if (is_poison(next))
        return false;
    Type before = value_type(&s->builder, carry->first), after = val_type(s, next);
    carry->next = next.ir;
    if (type_equal(before, after))
        return true;
    fail(s, binding->span, "the carry '%s' begins as %s, and a step leaves %s", binding->name.text,
         describe(s, val_tensor(carry->first)), describe(s, next));
    return false;
}

/* Whether an op of the block cannot be part of a loop; says so. */
static bool has_foreign_op(Session *s, const Loop *loop)
{
    const Function *f = s->builder.function;
    bool *inside = support_malloc(f->ops.len + 1), found = false;
    memset(inside, 0, f->ops.len + 1);
    for (uint32_t i = 0; i < loop->carries.len; i++)
        inside[loop->carries.data[i].element] = true;
    for (uint32_t i = 0; i < loop->along.placeholders.len; i++)
        inside[loop->along.placeholders.data[i].element] = true;
    for (Value v = loop->along.first; v < f->ops.len && !found; v++) {
        const Op *op = OP_AT(f, v);
        for (uint32_t i = 0; i < op->nargs; i++)
            inside[v] |= inside[op->args[i]];
        found = inside[v] && (op->code == OP_PARAM || op->code == OP_FETCH || op->code == OP_MARK || is_across(op->code));
        if (found)
            fail(s, loop->statement->span, "%s in 'scan'",
                 op->code == OP_PARAM   ? "weights at values that change from step to step are not supported"
                 : op->code == OP_FETCH ? "rows of data chosen step by step are not supported"
                 : op->code == OP_MARK  ? "calls of nets whose weights are those of delta_stn are not supported"
                                        : "a reduction across the batch is not supported");
    }
    support_free(inside);
    return found;
}

/* The block becomes a loop; `values` gets the last carries, and then what the steps yield. */
static bool build_loop(Session *s, Loop *loop, Value *values)
{
    bool fine = true;
    uint32_t carries = loop->carries.len, yielded = loop->yields.len, i = 0;
    for (const Binding *binding = loop->statement->bindings.first; binding; binding = binding->next)
        fine &= read_next(s, binding, &loop->carries.data[i++]);
    for (i = 0; i < yielded; i++) {
        fine &= !is_poison(loop->yields.data[i]);
        values[carries + i] = fine ? loop->yields.data[i].ir : NO_VALUE;
        Type type = fine ? val_type(s, loop->yields.data[i]) : type_scalar(DTYPE_F32);
        if (type.rank == MAX_RANK || type_elements(type) > MAX_ELEMENTS / loop->along.size) {
            fail(s, loop->statement->span,
                 "%s, yielded by %lld steps, has too many axes or elements (limits are %d axes and %lld elements)",
                 type_text(type), (long long)loop->along.size, MAX_RANK, (long long)MAX_ELEMENTS);
            fine = false;
        }
    }
    if (!fine || s->exhausted || has_foreign_op(s, loop) || !check_no_update(s, &loop->along, loop->statement->span))
        return false;
    s->builder.line = loop->statement->alongs.first->init->line;
    build_scan_of_part(&s->builder, loop->along.first, loop->along.size, loop->segment, carries, loop->carries.data,
                       loop->along.placeholders.len, loop->along.placeholders.data, yielded, values + carries, values);
    return true;
}

/* Behind the loop, the carries' names are their last values, and `yields` is what the steps yielded. */
static void name_results(Session *s, const Loop *loop, bool fine, const Value *values)
{
    uint32_t i = 0;
    VEC(Val) yields = {0};
    for (const Binding *binding = loop->statement->bindings.first; binding; binding = binding->next, i++)
        set_local(s->frame, binding->name, fine ? val_tensor(values[i]) : val_poison());
    for (uint32_t k = 0; k < loop->yields.len && fine; k++)
        vec_push(&yields, val_tensor(values[i + k]));
    Name name = {.text = all_yields, .span = loop->statement->span};
    if (loop->yields.len)
        set_local(s->frame, name,
                  !fine             ? val_poison()
                  : yields.len == 1 ? yields.data[0]
                                    : val_results(s, yields.len, yields.data));
    vec_free(&yields);
}

void run_scan(Session *s, const Statement *statement)
{
    Loop loop = {.statement = statement};
    bool fine = read_alongs(s, &statement->alongs, "scan", &loop.along);
    if (loop.along.entries.len == statement->alongs.count && s->builder.function) {
        fine &= read_carries(s, &loop);
        BlockRun run = begin_run(s, &loop.along);
        struct Loop *around = s->frame->loop;
        s->frame->loop = &loop;
        name_carries(s, &loop);
        name_entries(s, &statement->alongs, &loop.along);
        run_block(s, &statement->body);
        if (s->frame->returned && !s->exhausted)
            fail(s, statement->span, "the block of a 'scan' has no 'return': 'yield x' gives what a step makes");
        Value *values = support_malloc((loop.carries.len + loop.yields.len + 1) * sizeof *values);
        fine = fine && !s->frame->returned && build_loop(s, &loop, values);
        s->frame->loop = around;
        end_run(s, &run);
        name_results(s, &loop, fine, values);
        support_free(values);
    }
    along_free(&loop.along);
    vec_free(&loop.carries);
    vec_free(&loop.yields);
}

void run_remat(Session *s, const Statement *statement)
{
    struct Loop *loop = s->frame->loop;
    int64_t segment;
    Val value = evaluate(s, statement->value);
    if (!loop) {
        fail(s, statement->span, "'remat' stands in the block of a 'scan'");
        return;
    }
    if (!as_integer(s, value, statement->value->span, "the steps between two carries that are kept", 1, loop->along.size,
                    &segment))
        return;
    if (loop->segment)
        fail(s, statement->span, "this 'scan' says 'remat' twice");
    else if (loop->along.size % segment)
        fail(s, statement->value->span, "%lld steps cannot be divided into segments of %lld", (long long)loop->along.size,
             (long long)segment);
    else
        loop->segment = segment;
}

void run_yield(Session *s, const Statement *statement)
{
    struct Loop *loop = s->frame->loop;
    Val value = as_tensor(s, evaluate(s, statement->value), statement->value->span);
    if (loop)
        vec_push(&loop->yields, value);
    else
        fail(s, statement->span, "'yield' stands in the block of a 'scan'");
}
