/* Packing: lines of a matrix, copied side by side in the order in which a tile reads them. */
#include <stdio.h>

#include "backend/blocks.h"

enum { MOST_RUNS = 3 /* that are copied at once */ };

typedef struct Gather {
    Emitter *e;
    DType dtype;
    unsigned width;
    bool tables;
    LLVMValueRef arg[GATHER_PARAMETERS], lines[MOST_LANES];
} Gather;

/* The largest side of a square of lines [first, end). */
static unsigned square_at(unsigned first, unsigned end)
{
    unsigned side = SIDE;
    while (first + side > end)
        side /= 2;
    return side;
}

static LLVMValueRef place_of(const Gather *g, LLVMValueRef k, LLVMValueRef line)
{
    return emit_advance(g->e, g->dtype, advance_by(g->e, g->dtype, g->arg[TO], k, g->width), line);
}

static LLVMValueRef line_at(const Gather *g, LLVMValueRef line)
{
    return emit_advance(g->e, g->dtype, g->arg[FROM], offset_along(g->e, g->tables, g->arg[FROM_LINE], line));
}

static LLVMValueRef offset_of_k(const Gather *g, LLVMValueRef k)
{
    return offset_along(g->e, g->tables, g->arg[FROM_K], k);
}

/* Where the lines from `first` on begin. */
static void find_lines(Gather *g, unsigned first, unsigned count)
{
    Emitter *e = g->e;
    LLVMValueRef last = LLVMBuildSub(e->builder, g->arg[GATHER_COUNT], const_i64(e, 1), "");
    for (unsigned i = first; i < first + count; i++)
        g->lines[i] = line_at(g, emit_less(e, const_i64(e, i), last));
}

/* `count` lines from `first` on exist and lie side by side: for each k they are a run of memory. */
static void gather_runs(Gather *g, LLVMValueRef first, unsigned count)
{
    Emitter *e = g->e;
    LLVMValueRef begin = line_at(g, first);
    Counter k = loop_begin(e, const_i64(e, 0), g->arg[GATHER_K], 1);
    LLVMValueRef from = emit_advance(e, g->dtype, begin, offset_of_k(g, k.index)), to = place_of(g, k.index, first);
    for (unsigned line = 0, side; line < count; line += side) {
        side = square_at(line, count);
        LLVMValueRef run = read_vector(e, g->dtype, advance_const(e, g->dtype, from, line), side, NULL);
        write_vector(e, g->dtype, run, advance_const(e, g->dtype, to, line), NULL);
    }
    if (!g->tables)
        prefetch(e, advance_const(e, g->dtype, from, count), false);
    loop_end(e, &k);
}

/* Steps [begin, end) of k, number by number. */
static void gather_numbers(Gather *g, unsigned first, unsigned count, LLVMValueRef begin, LLVMValueRef end)
{
    Emitter *e = g->e;
    Counter k = loop_begin(e, begin, end, 1);
    LLVMValueRef offset = offset_of_k(g, k.index);
    for (unsigned i = first; i < first + count; i++) {
        LLVMValueRef number = load_scalar(e, g->dtype, emit_advance(e, g->dtype, g->lines[i], offset));
        store_scalar(e, g->dtype, number, place_of(g, k.index, const_i64(e, i)));
    }
    loop_end(e, &k);
}

/* SIDE steps of k, whose numbers lie side by side in each line: squares are transposed. */
static void gather_square(Gather *g, unsigned first, unsigned side, LLVMValueRef k)
{
    Emitter *e = g->e;
    LLVMValueRef offset = offset_of_k(g, k);
    for (unsigned step = 0; step < SIDE; step += side) {
        LLVMValueRef square[SIDE], to = place_of(g, LLVMBuildAdd(e->builder, k, const_i64(e, step), ""), const_i64(e, first));
        for (unsigned i = 0; i < side; i++) {
            LLVMValueRef from = emit_advance(e, g->dtype, g->lines[first + i], offset);
            square[i] = read_vector(e, g->dtype, advance_const(e, g->dtype, from, step), side, NULL);
        }
        transpose_square(e, square, side);
        for (unsigned i = 0; i < side; i++)
            write_vector(e, g->dtype, square[i], advance_const(e, g->dtype, to, (int64_t)i * g->width), NULL);
    }
}

static LLVMBasicBlockRef new_block(Gather *g, const char *name)
{
    return LLVMAppendBasicBlockInContext(g->e->context, g->e->function, name);
}

/* The k up to which there are whole squares. */
static LLVMValueRef whole_squares(Gather *g)
{
    return LLVMBuildAnd(g->e->builder, g->arg[GATHER_K], const_i64(g->e, -SIDE), "");
}

/* ---- strides ---- */

static void gather_by_strides(Gather *g)
{
    Emitter *e = g->e;
    LLVMBasicBlockRef runs = new_block(g, "runs"), not_runs = new_block(g, "not_runs"), squares = new_block(g, "squares"),
                      numbers = new_block(g, "numbers"), gathered = new_block(g, "gathered");
    LLVMValueRef one = const_i64(e, 1), begin = const_i64(e, 0);
    LLVMValueRef full = LLVMBuildICmp(e->builder, LLVMIntEQ, g->arg[GATHER_COUNT], const_i64(e, g->width), "");
    LLVMValueRef side_by_side = LLVMBuildICmp(e->builder, LLVMIntEQ, g->arg[FROM_LINE], one, "");
    LLVMBuildCondBr(e->builder, LLVMBuildAnd(e->builder, full, side_by_side, ""), runs, not_runs);

    LLVMPositionBuilderAtEnd(e->builder, runs);
    gather_runs(g, begin, g->width);
    LLVMBuildBr(e->builder, gathered);

    LLVMPositionBuilderAtEnd(e->builder, not_runs);
    find_lines(g, 0, g->width);
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntEQ, g->arg[FROM_K], one, ""), squares, numbers);

    LLVMPositionBuilderAtEnd(e->builder, squares);
    Counter k = loop_begin(e, begin, whole_squares(g), SIDE);
    for (unsigned first = 0, side; first < g->width; first += side) {
        side = square_at(first, g->width);
        gather_square(g, first, side, k.index);
    }
    loop_end(e, &k);
    gather_numbers(g, 0, g->width, whole_squares(g), g->arg[GATHER_K]);
    LLVMBuildBr(e->builder, gathered);

    LLVMPositionBuilderAtEnd(e->builder, numbers);
    gather_numbers(g, 0, g->width, begin, g->arg[GATHER_K]);
    LLVMBuildBr(e->builder, gathered);
    LLVMPositionBuilderAtEnd(e->builder, gathered);
}

/* ---- tables ---- */

/* A loop whose steps depend on what it meets. */
typedef struct Walk {
    LLVMBasicBlockRef head, done;
    LLVMValueRef variable, at;
} Walk;

static Walk walk_begin(Gather *g, LLVMValueRef end)
{
    Emitter *e = g->e;
    Walk walk = {.head = new_block(g, "walk"), .done = new_block(g, "walked"), .variable = make_variable(e, e->i64)};
    LLVMBasicBlockRef body = new_block(g, "step");
    LLVMBuildStore(e->builder, const_i64(e, 0), walk.variable);
    LLVMBuildBr(e->builder, walk.head);
    LLVMPositionBuilderAtEnd(e->builder, walk.head);
    walk.at = LLVMBuildLoad2(e->builder, e->i64, walk.variable, "");
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntSLT, walk.at, end, ""), body, walk.done);
    LLVMPositionBuilderAtEnd(e->builder, body);
    return walk;
}

static void walk_on(Gather *g, const Walk *walk, LLVMValueRef steps)
{
    LLVMBuilderRef builder = g->e->builder;
    LLVMBuildStore(builder, LLVMBuildAdd(builder, walk->at, steps, ""), walk->variable);
    LLVMBuildBr(builder, walk->head);
}

/* A run of `size` entries of the table that has the entry at which the walk is and all that follow it in its run, up to `size`;
 * it may begin before this entry. The builder goes to where there is one; returns where there is none. */
static LLVMBasicBlockRef find_run(Gather *g, const Walk *walk, LLVMValueRef along, LLVMValueRef rest, unsigned size,
                                  LLVMValueRef *first, LLVMValueRef *steps)
{
    Emitter *e = g->e;
    LLVMBasicBlockRef inside = new_block(g, "inside"), found = new_block(g, "found"), none = new_block(g, "none");
    *steps = emit_less(e, rest, const_i64(e, size));
    *first = LLVMBuildSub(e->builder, LLVMBuildAdd(e->builder, walk->at, *steps, ""), const_i64(e, size), "");
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntSGE, *first, const_i64(e, 0), ""), inside, none);
    LLVMPositionBuilderAtEnd(e->builder, inside);
    LLVMBuildCondBr(e->builder, runs_along(e, along, *first, const_i64(e, size)), found, none);
    LLVMPositionBuilderAtEnd(e->builder, found);
    return none;
}

/* Entries of the walk's run from where it is to its end, or to that of the walk. */
static LLVMValueRef rest_of_run(Gather *g, const Walk *walk, LLVMValueRef along, LLVMValueRef end)
{
    LLVMValueRef of_run = run_along(g->e, along, walk->at);
    return emit_less(g->e, of_run, LLVMBuildSub(g->e->builder, end, walk->at, ""));
}

/* The copy of one line at the place of another. */
static void gather_line(Gather *g, LLVMValueRef from, LLVMValueRef to)
{
    Emitter *e = g->e;
    LLVMValueRef line = line_at(g, from);
    Counter k = loop_begin(e, const_i64(e, 0), g->arg[GATHER_K], 1);
    LLVMValueRef number = load_scalar(e, g->dtype, emit_advance(e, g->dtype, line, offset_of_k(g, k.index)));
    store_scalar(e, g->dtype, number, place_of(g, k.index, to));
    loop_end(e, &k);
}

/* All lines lie in a few runs, each of which is behind the one before: a step of k reads every vector once per run and takes the
 * lanes that are of this run. What it reads beside them lies between the first line and the last one, so it exists. */
static void gather_few_runs(Gather *g, const LLVMValueRef *starts, unsigned runs)
{
    Emitter *e = g->e;
    LLVMValueRef begin[MOST_RUNS], before[MOST_RUNS][MOST_LANES / SIDE];
    for (unsigned r = 0; r < runs; r++) {
        LLVMValueRef line = line_at(g, starts[r]), back = LLVMBuildNeg(e->builder, starts[r], "");
        begin[r] = emit_advance(e, g->dtype, line, back);
        for (unsigned v = 0; v < g->width / SIDE; v++)
            before[r][v] = lanes_below(e, SIDE, LLVMBuildSub(e->builder, starts[r], const_i64(e, v * SIDE), ""));
    }
    Counter k = loop_begin(e, const_i64(e, 0), g->arg[GATHER_K], 1);
    LLVMValueRef offset = offset_of_k(g, k.index), to = place_of(g, k.index, const_i64(e, 0));
    for (unsigned line = 0; line < g->width; line += SIDE) {
        LLVMValueRef value = NULL;
        for (unsigned r = 0; r < runs; r++) {
            LLVMValueRef from = advance_const(e, g->dtype, emit_advance(e, g->dtype, begin[r], offset), line);
            LLVMValueRef run = read_vector(e, g->dtype, from, SIDE, NULL);
            value = r == 0 ? run : LLVMBuildSelect(e->builder, before[r][line / SIDE], value, run, "");
        }
        write_vector(e, g->dtype, value, advance_const(e, g->dtype, to, line), NULL);
    }
    loop_end(e, &k);
}

/* Goes to `gathered` behind the copy if all lines exist and lie in a few runs; otherwise the builder is where they do not. */
static void try_few_runs(Gather *g, LLVMBasicBlockRef gathered)
{
    Emitter *e = g->e;
    LLVMBasicBlockRef other = new_block(g, "other"), begin = new_block(g, "begin");
    LLVMValueRef starts[MOST_RUNS] = {const_i64(e, 0)}, width = const_i64(e, g->width), along = g->arg[FROM_LINE];
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntEQ, g->arg[GATHER_COUNT], width, ""), begin, other);
    LLVMPositionBuilderAtEnd(e->builder, begin);
    for (unsigned runs = 1; runs <= MOST_RUNS; runs++) {
        LLVMBasicBlockRef few = new_block(g, "few"), more = new_block(g, "more");
        LLVMValueRef start = starts[runs - 1], end = LLVMBuildAdd(e->builder, start, run_along(e, along, start), "");
        LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntSGE, end, width, ""), few, more);
        LLVMPositionBuilderAtEnd(e->builder, few);
        gather_few_runs(g, starts, runs);
        LLVMBuildBr(e->builder, gathered);
        LLVMPositionBuilderAtEnd(e->builder, more);
        if (runs == MOST_RUNS)
            break;
        LLVMBasicBlockRef next = new_block(g, "next");
        LLVMValueRef to = offset_along(e, true, along, end), from = offset_along(e, true, along, start);
        LLVMValueRef apart = LLVMBuildSub(e->builder, to, from, "");
        LLVMValueRef behind = LLVMBuildICmp(e->builder, LLVMIntSGE, apart, LLVMBuildSub(e->builder, end, start, ""), "");
        LLVMBuildCondBr(e->builder, behind, next, other);
        LLVMPositionBuilderAtEnd(e->builder, next);
        starts[runs] = end;
    }
    LLVMBuildBr(e->builder, other);
    LLVMPositionBuilderAtEnd(e->builder, other);
}

/* Most lines lie side by side, as the windows along one row do: these are copied as runs. */
static void gather_line_runs(Gather *g, LLVMBasicBlockRef gathered)
{
    Emitter *e = g->e;
    if (g->width % SIDE == 0)
        try_few_runs(g, gathered);
    LLVMValueRef along = g->arg[FROM_LINE], count = g->arg[GATHER_COUNT], one = const_i64(e, 1), first, steps;
    Walk walk = walk_begin(g, count);
    LLVMValueRef rest = rest_of_run(g, &walk, along, count);
    for (unsigned size = square_at(0, g->width); size >= SIDE / 2; size /= 2) {
        LLVMBasicBlockRef none = find_run(g, &walk, along, rest, size, &first, &steps);
        gather_runs(g, first, size);
        walk_on(g, &walk, steps);
        LLVMPositionBuilderAtEnd(e->builder, none);
    }
    gather_line(g, walk.at, walk.at);
    walk_on(g, &walk, one);
    LLVMPositionBuilderAtEnd(e->builder, walk.done);
    Counter filler = loop_begin(e, count, const_i64(e, g->width), 1);
    gather_line(g, LLVMBuildSub(e->builder, count, one, ""), filler.index);
    loop_end(e, &filler);
}

/* Most steps of k lie side by side in each line: squares are transposed. */
static void gather_step_runs(Gather *g)
{
    Emitter *e = g->e;
    for (unsigned line = 0, side; line < g->width; line += side) {
        side = square_at(line, g->width);
        find_lines(g, line, side);
        LLVMValueRef first, steps;
        Walk walk = walk_begin(g, g->arg[GATHER_K]);
        LLVMValueRef rest = rest_of_run(g, &walk, g->arg[FROM_K], g->arg[GATHER_K]);
        LLVMBasicBlockRef none = find_run(g, &walk, g->arg[FROM_K], rest, SIDE, &first, &steps);
        gather_square(g, line, side, first);
        walk_on(g, &walk, steps);
        LLVMPositionBuilderAtEnd(e->builder, none);
        gather_numbers(g, line, side, walk.at, LLVMBuildAdd(e->builder, walk.at, steps, ""));
        walk_on(g, &walk, steps);
        LLVMPositionBuilderAtEnd(e->builder, walk.done);
    }
}

static void gather_by_tables(Gather *g)
{
    Emitter *e = g->e;
    LLVMBasicBlockRef lines = new_block(g, "lines"), steps = new_block(g, "steps"), gathered = new_block(g, "gathered");
    LLVMValueRef of_lines = longest_run(e, g->arg[FROM_LINE]), of_steps = longest_run(e, g->arg[FROM_K]);
    LLVMValueRef longer = LLVMBuildICmp(e->builder, LLVMIntSGE, of_lines, of_steps, "");
    LLVMValueRef long_enough = LLVMBuildICmp(e->builder, LLVMIntSGE, of_lines, const_i64(e, SIDE / 2), "");
    LLVMBuildCondBr(e->builder, LLVMBuildAnd(e->builder, longer, long_enough, ""), lines, steps);
    LLVMPositionBuilderAtEnd(e->builder, lines);
    gather_line_runs(g, gathered);
    LLVMBuildBr(e->builder, gathered);
    LLVMPositionBuilderAtEnd(e->builder, steps);
    gather_step_runs(g);
    LLVMBuildBr(e->builder, gathered);
    LLVMPositionBuilderAtEnd(e->builder, gathered);
}

LLVMValueRef gather_function(Emitter *e, DType dtype, unsigned width, bool tables)
{
    char name[48];
    snprintf(name, sizeof name, "hn_gather_%s_%u%s", dtype_name(dtype), width, tables ? "_tables" : "");
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function)
        return function;
    LLVMTypeRef along = tables ? e->pointer : e->i64;
    LLVMTypeRef types[GATHER_PARAMETERS] = {e->pointer, along, along, e->pointer, e->i64, e->i64};
    function = inner_function(e, name, GATHER_PARAMETERS, types);
    Aside aside = inner_begin(e, function);
    Gather g = {.e = e, .dtype = dtype, .width = width, .tables = tables};
    for (unsigned i = 0; i < GATHER_PARAMETERS; i++)
        g.arg[i] = LLVMGetParam(function, i);
    if (tables)
        gather_by_tables(&g);
    else
        gather_by_strides(&g);
    inner_end(e, aside);
    return function;
}
