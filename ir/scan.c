#include "ir/scan.h"

#include <string.h>

/* ---- bodies ---- */

Function *body_new(Module *module)
{
    Function *body = function_detached(module, "body");
    vec_push(&module->bodies, body);
    return body;
}

Function *body_copy(Module *module, const Function *body)
{
    Builder b = {.module = module, .function = body_new(module)};
    Value *map = support_malloc(body->ops.len * sizeof *map);
    for (Value v = 0; v < body->ops.len; v++)
        map[v] = build_copy(&b, body, v, map);
    for (uint32_t i = 0; i < body->outputs.len; i++)
        body_output(&b, map[body->outputs.data[i].value]);
    support_free(map);
    return b.function;
}

Value body_input(Builder *b, Type type)
{
    return build_input(b, arena_printf(&b->module->arena, "i%u", b->function->inputs.len), type);
}

void body_output(Builder *b, Value value)
{
    build_output(b, arena_printf(&b->module->arena, "o%u", b->function->outputs.len), value);
}

void body_inline(Builder *b, const Function *body, const Value *inputs, Value *map)
{
    for (Value v = 0; v < body->ops.len; v++) {
        const Op *op = OP_AT(body, v);
        b->line = op->line ? op->line : b->line;
        map[v] = op->code == OP_INPUT ? inputs[op->symbol] : build_copy(b, body, v, map);
    }
}

Value build_scan(Builder *b, Function *body, int64_t steps, uint32_t carries, uint32_t scanned, uint32_t flags,
                 const Value *operands)
{
    Op op = {.code = OP_SCAN, .body = body, .flags = flags, .loop = dims_of(3, (int)steps, (int)carries, (int)scanned)};
    return build_op(b, op, body->inputs.len, operands);
}

Value build_result(Builder *b, Value scan, uint32_t result)
{
    return build_op(b, (Op){.code = OP_RESULT, .place = dims_of(1, (int)result)}, 1, &scan);
}

/* ---- a part of a function ---- */

/* A part's ops on their way into a body. */
typedef struct Part {
    Builder *b, body; /* body: appends to it */
    Function from;    /* the ops as they are */
    Value first;
    bool *inside, *needed; /* it differs between steps; the results need it */
    Value *map;            /* value of `from` -> its value in the body */
    VEC(Value) operands;   /* of the scan, in the order of the body's inputs */
} Part;

static void mark_inside(Part *p, uint32_t carries, const Carry *carry, uint32_t scanned, const Placeholder *scan)
{
    memset(p->inside, 0, p->from.ops.len);
    for (uint32_t i = 0; i < carries; i++)
        p->inside[carry[i].element] = true;
    for (uint32_t i = 0; i < scanned; i++)
        p->inside[scan[i].element] = true;
    for (Value v = p->first; v < p->from.ops.len; v++) {
        const Op *op = OP_AT(&p->from, v);
        p->inside[v] |= op->code == OP_RANDOM && !(op->flags & OP_SHARED);
        for (uint32_t i = 0; i < op->nargs; i++)
            p->inside[v] |= p->inside[op->args[i]];
    }
}

static void mark_needed(Part *p, uint32_t carries, const Carry *carry, uint32_t yielded, const Value *yields)
{
    memset(p->needed, 0, p->from.ops.len);
    for (uint32_t i = 0; i < carries; i++)
        p->needed[carry[i].next] = true;
    for (uint32_t i = 0; i < yielded; i++)
        p->needed[yields[i]] = true;
    for (Value v = p->from.ops.len; v-- > p->first;)
        for (uint32_t i = 0; i < OP_AT(&p->from, v)->nargs && p->needed[v] && p->inside[v]; i++)
            p->needed[OP_AT(&p->from, v)->args[i]] = true;
}

bool is_shaped_constant(const Function *f, Value v)
{
    const Op *op = OP_AT(f, v);
    if (op->code == OP_CONST || op->code == OP_IOTA)
        return true;
    bool shaped = op->code == OP_BROADCAST || op->code == OP_RESHAPE || op->code == OP_CAST;
    return shaped && is_shaped_constant(f, op->args[0]);
}

/* What is repeated along axes is repeated in the body: its derivative is then a sum there, and no tensor of that size stands around. */
static Value unrepeated(const Function *f, Value v)
{
    while (OP_AT(f, v)->code == OP_BROADCAST)
        v = OP_AT(f, v)->args[0];
    return v;
}

static void copy_in(Part *p, Value v)
{
    if (p->map[v] != NO_VALUE)
        return;
    if (OP_AT(&p->from, v)->nargs)
        copy_in(p, OP_AT(&p->from, v)->args[0]);
    p->map[v] = build_copy(&p->body, &p->from, v, p->map);
}

static void add_input(Part *p, Value element, Value operand)
{
    p->map[element] = body_input(&p->body, OP_AT(&p->from, element)->type);
    vec_push(&p->operands, operand);
}

/* Random numbers of all steps are drawn at once, around the scan; returns how many tensors of them there are. */
static uint32_t draw_numbers(Part *p, int64_t steps)
{
    uint32_t drawn = 0;
    for (Value v = p->first; v < p->from.ops.len; v++) {
        const Op *op = OP_AT(&p->from, v);
        if (!p->needed[v] || !p->inside[v] || op->code != OP_RANDOM)
            continue;
        add_input(p, v, build_random(p->b, op->args[0], op->args[1], type_of_many(steps, op->type), op->symbol, op->flags));
        drawn++;
    }
    return drawn;
}

/* What the body needs from around it. */
static void take_from_around(Part *p)
{
    for (Value v = 0; v < p->from.ops.len; v++) {
        Value base = unrepeated(&p->from, v);
        if (p->needed[v] && !p->inside[v] && !is_shaped_constant(&p->from, v) && p->map[base] == NO_VALUE)
            add_input(p, base, base);
    }
    for (Value v = 0; v < p->from.ops.len; v++)
        if (p->needed[v] && !p->inside[v])
            copy_in(p, v);
}

/* The axis of entries of a tensor in segments, or those of segments as one axis. */
static Value in_segments(Builder *b, Value all, int64_t segment)
{
    Type type = value_type(b, all), entry = type;
    entry.dims[0] = segment;
    Type split = type_of_many(type.dims[0] / segment, entry);
    return build_reshape(b, all, split);
}

static Value out_of_segments(Builder *b, Value all)
{
    Type type = value_type(b, all), joined = type;
    joined.rank--;
    joined.dims[0] = type.dims[0] * type.dims[1];
    for (unsigned axis = 1; axis < joined.rank; axis++)
        joined.dims[axis] = type.dims[axis + 1];
    return build_reshape(b, all, joined);
}

/* The body of the scan over segments, each of which is a scan with this body. */
static Function *segment_body(Builder *b, Function *body, int64_t segment, uint32_t carries, uint32_t scanned)
{
    Builder outer = {b->module, body_new(b->module), b->line};
    VEC(Value) inputs = {0};
    for (uint32_t i = 0; i < body->inputs.len; i++) {
        Type type = body_input_type(body, i);
        bool entries = i >= carries && i < carries + scanned;
        vec_push(&inputs, body_input(&outer, entries ? type_of_many(segment, type) : type));
    }
    Value scan = build_scan(&outer, body, segment, carries, scanned, 0, inputs.data);
    for (uint32_t i = 0; i < body->outputs.len; i++)
        body_output(&outer, build_result(&outer, scan, i));
    vec_free(&inputs);
    return outer.function;
}

/* Scans with a body, in segments or not; results[] gets one value per output of it. */
static void scan_with(Builder *b, Function *body, int64_t steps, int64_t segment, uint32_t carries, uint32_t scanned, Value *operands,
                      Value *results)
{
    uint32_t count = body->outputs.len;
    if (segment) {
        body = segment_body(b, body, segment, carries, scanned);
        for (uint32_t i = carries; i < carries + scanned; i++)
            operands[i] = in_segments(b, operands[i], segment);
    }
    Value scan = build_scan(b, body, segment ? steps / segment : steps, carries, scanned, segment ? OP_REMAT : 0, operands);
    for (uint32_t i = 0; i < count; i++) {
        results[i] = build_result(b, scan, i);
        if (segment && i >= carries)
            results[i] = out_of_segments(b, results[i]);
    }
}

void build_scan_of_part(Builder *b, Value first, int64_t steps, int64_t segment, uint32_t carries, const Carry *carry, uint32_t scanned,
                        const Placeholder *scan, uint32_t yielded, Value *yields, Value *lasts)
{
    uint32_t count = b->function->ops.len, line = b->line;
    Part p = {.b = b, .body = {b->module, body_new(b->module), b->line}, .from = *b->function, .first = first};
    p.from.ops.data = support_malloc(count * sizeof *p.from.ops.data);
    memcpy(p.from.ops.data, b->function->ops.data, count * sizeof *p.from.ops.data);
    p.inside = support_malloc(count + 1);
    p.needed = support_malloc(count + 1);
    p.map = support_malloc((count + 1) * sizeof *p.map);
    for (Value v = 0; v < count; v++)
        p.map[v] = NO_VALUE;
    mark_inside(&p, carries, carry, scanned, scan);
    mark_needed(&p, carries, carry, yielded, yields);
    for (uint32_t i = 0; i < carries; i++)
        add_input(&p, carry[i].element, carry[i].first);
    for (uint32_t i = 0; i < scanned; i++)
        add_input(&p, scan[i].element, scan[i].all);
    uint32_t drawn = draw_numbers(&p, steps);
    take_from_around(&p);
    for (Value v = first; v < count; v++)
        if (p.needed[v] && p.inside[v] && p.map[v] == NO_VALUE) {
            p.body.line = OP_AT(&p.from, v)->line;
            p.map[v] = build_copy(&p.body, &p.from, v, p.map);
        }
    for (uint32_t i = 0; i < carries; i++)
        body_output(&p.body, p.map[carry[i].next]);
    for (uint32_t i = 0; i < yielded; i++)
        body_output(&p.body, p.map[yields[i]]);
    b->line = line;
    Value *results = support_malloc((carries + yielded + 1) * sizeof *results);
    scan_with(b, p.body.function, steps, segment, carries, scanned + drawn, p.operands.data, results);
    for (uint32_t i = 0; i < carries; i++)
        lasts[i] = results[i];
    for (uint32_t i = 0; i < yielded; i++)
        yields[i] = results[carries + i];
    support_free(results);
    support_free(p.from.ops.data);
    support_free(p.inside);
    support_free(p.needed);
    support_free(p.map);
    vec_free(&p.operands);
}
