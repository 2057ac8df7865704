/* Bilevel optimisation by iterative differentiation (docs/methods.md): K steps of the lower loss are a scan over K batches, whose
 * carries are all that a step writes, the weights first of all. The upper loss, of the weights behind the last step, is a
 * function of the hyperparameters through every step, and its derivative is that of the program (J. Domke 2012; D. Maclaurin, D.
 * Duvenaud and R. Adams 2015; L. Franceschi et al. 2017; of some last steps only: A. Shaban et al. 2019). */
#include <string.h>

#include "passes/methods/unrolls/unrolls.h"

enum { LOWER, UPPER };

static const Unroll *const unrolls[UNROLL_COUNT] = {
#define UNROLL(KIND, name, ...) &unroll_##name,
#include "ir/unrolls.def"
#undef UNROLL
};

/* The step under construction, of the phase `lower`. */
typedef struct Steps {
    Assembly *assembly;
    const Train *train;
    Builder b;
    Value done;               /* steps of the lower loss before this one */
    VEC(Value) states;        /* per state: its value in what is copied next; NO_VALUE: not read so far */
    VEC(Carry) carries;       /* what a step of the lower loss writes */
    VEC(uint32_t) written;    /* the state of each carry */
    VEC(Placeholder) scanned; /* what differs between the steps otherwise */
} Steps;

/* ---- one step of the lower loss ---- */

/* A step, as a function of one batch that writes what the step of any train does. Its own derivatives are taken, so that others
 * may be taken through them: of what the step does, with all that follows from the weights. What a model stops, it stops for the
 * step alone. */
static Function *one_step(Assembly *assembly, Phase *phase)
{
    static const char *const passes[] = {"differentiate", "stops", "simplify", "cse", "dce"};
    WeightStep step = weight_step_begin(assembly, phase, AT_HAND);
    weight_step_update(assembly, phase, &step);
    average_append(assembly, phase, &step.b);
    step.function->name = arena_printf(&assembly->module->arena, "%s.one", step.function->name);
    support_free(step.trained);
    support_free(step.values);
    for (size_t i = 0; i < COUNT_OF(passes); i++)
        pass_run(assembly->trace, passes[i], assembly->module, step.function);
    return step.function;
}

/* The value that a function writes to the state last; NO_VALUE: none. */
static Value find_write(const Function *function, uint32_t state)
{
    Value written = NO_VALUE;
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_STATE_WRITE && OP_AT(function, v)->symbol == state)
            written = OP_AT(function, v)->args[0];
    return written;
}

/* ---- copies ---- */

static Value *new_map(const Function *from)
{
    Value *map = support_malloc((from->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < from->ops.len; v++)
        map[v] = NO_VALUE;
    return map;
}

static Value *value_of(Steps *s, uint32_t state)
{
    while (s->states.len <= state)
        vec_push(&s->states, NO_VALUE);
    return &s->states.data[state];
}

/* Reads before all else, so that they lie outside of what a scan is made of. */
static void read_states(Steps *s, const Function *from)
{
    for (Value v = 0; v < from->ops.len; v++) {
        uint32_t state = OP_AT(from, v)->symbol;
        if (OP_AT(from, v)->code == OP_STATE_READ && *value_of(s, state) == NO_VALUE)
            *value_of(s, state) = build_read(&s->b, state);
    }
}

/* What the function fetches of its examples gets its values in map[]: of the batches one behind the other an entry per batch. */
static void fetch_batches(Steps *s, const Phase *phase, const Function *from, Value *map)
{
    int64_t all = phase->batches * phase->batch;
    Value index = named_input(&s->b, "index", type_of(DTYPE_I32, 1, &all));
    for (Value v = 0; v < from->ops.len; v++) {
        const Op *op = OP_AT(from, v);
        if (op->code != OP_FETCH)
            continue;
        Value rows = build_reshape(&s->b, build_fetch(&s->b, op->symbol, index), type_of_many(phase->batches, op->type));
        map[v] = build_const(&s->b, op->type, 0);
        vec_push(&s->scanned, (Placeholder){map[v], rows});
    }
}

/* Random numbers of all steps are drawn at once, under the number of the first one. Those that are shared by a batch differ
 * between batches, too: behind batching, nothing else depends on whether they are shared. */
static Value copy_random(Steps *s, const Function *from, const Op *op, const Value *map)
{
    const Op *step = OP_AT(from, op->args[1]);
    bool counted = step->code == OP_STATE_READ && step->symbol == s->assembly->step_lower;
    return build_random(&s->b, map[op->args[0]], counted ? s->done : map[op->args[1]], op->type, op->symbol,
                        op->flags & ~(uint32_t)OP_SHARED);
}

/* Copies the ops of a function but for its writes; `index` is its batch, and map[] may have values of some ops. */
static void copy_ops(Steps *s, const Function *from, Value index, Value *map)
{
    for (Value v = 0; v < from->ops.len; v++) {
        const Op *op = OP_AT(from, v);
        s->b.line = op->line;
        if (op->code == OP_STATE_WRITE || map[v] != NO_VALUE)
            continue;
        if (op->code == OP_STATE_READ)
            map[v] = *value_of(s, op->symbol);
        else if (op->code == OP_INPUT)
            map[v] = strcmp(from->input_names.data[op->symbol], "index") == 0
                         ? index
                         : named_input(&s->b, from->input_names.data[op->symbol], op->type);
        else
            map[v] = op->code == OP_RANDOM ? copy_random(s, from, op, map) : build_copy(&s->b, from, v, map);
    }
}

/* ---- all steps of the lower loss ---- */

/* What the first step begins with. Where the weights begin anew: their first values, and the constants that the others begin
 * with. */
static Value first_of(Steps *s, uint32_t state)
{
    Module *module = s->assembly->module;
    State own = module->states.data[state];
    if (!s->train->unrolled->restart)
        return build_read(&s->b, state);
    if (own.role != STATE_WEIGHT && own.role != STATE_FROZEN)
        return build_const(&s->b, own.type, own.init.value);
    uint32_t first = memory_state(module, "first", state);
    module->states.data[first].begins_as = own.name;
    return build_read(&s->b, first);
}

/* By its number a step knows its place in a schedule, which is as long as a training: that of the first step and its place in the
 * scan or, where the steps begin anew, its place alone. */
static void scan_numbers(Steps *s, int64_t steps)
{
    Type whole = type_of(DTYPE_I32, 1, &steps);
    Value places = build_iota(&s->b, whole, 0), number = build_const(&s->b, type_scalar(DTYPE_I32), 0);
    if (!s->train->unrolled->restart)
        places = build_binary(&s->b, OP_ADD, places, build_splat(&s->b, s->done, whole));
    vec_push(&s->scanned, (Placeholder){number, places});
    *value_of(s, s->assembly->step_lower) = number;
}

/* Within the scan, what a step writes is a carry of it. */
static void add_carries(Steps *s, const Function *one)
{
    for (uint32_t state = 0; state < s->assembly->module->states.len; state++) {
        if (find_write(one, state) == NO_VALUE)
            continue;
        Value first = first_of(s, state), element = build_const(&s->b, value_type(&s->b, first), 0);
        *value_of(s, state) = element;
        vec_push(&s->carries, (Carry){element, first, NO_VALUE});
        vec_push(&s->written, state);
    }
}

static bool is_entry(const char *name)
{
    return strncmp(name, ENTRY_PREFIX, strlen(ENTRY_PREFIX)) == 0;
}

/* Numbers that differ between the steps: the entries of the outputs of their names. */
static void scan_entries(Steps *s, const Function *one, const Value *map)
{
    for (uint32_t i = 0; i < one->inputs.len; i++)
        for (uint32_t k = 0; k < one->outputs.len && is_entry(one->input_names.data[i]); k++)
            if (strcmp(one->input_names.data[i], one->outputs.data[k].name) == 0)
                vec_push(&s->scanned, (Placeholder){map[one->inputs.data[i]], map[one->outputs.data[k].value]});
}

/* Outputs, of a step, become their means over the steps. */
static void output_means(Steps *s, const Function *one, const Value *yields, int64_t steps)
{
    for (uint32_t i = 0; i < one->outputs.len; i++) {
        if (is_entry(one->outputs.data[i].name))
            continue;
        Value sum = build_reduce(&s->b, OP_REDUCE_SUM, yields[i], dims_of(1, 0));
        build_output(&s->b, one->outputs.data[i].name, build_with_const(&s->b, OP_DIV, sum, (double)steps));
    }
}

/* Whether an epoch, and with it the streams of a text, begins with the batch of a step: one truth value for each. Where the steps
 * begin anew, so do the streams. */
static void scan_begins(Steps *s, const Function *one, int64_t steps, Value *map)
{
    Builder *b = &s->b;
    for (uint32_t i = 0; i < one->inputs.len; i++) {
        if (strcmp(one->input_names.data[i], "begins") != 0)
            continue;
        Type type = type_of_many(steps, OP_AT(one, one->inputs.data[i])->type);
        Value begins = named_input(b, "begins", type);
        if (s->train->unrolled->restart) {
            Type whole = type_with_dtype(type, DTYPE_I32);
            Value first = build_binary(b, OP_EQ, build_iota(b, whole, 0), build_const(b, whole, 0));
            begins = build_select(b, first, build_const(b, type, 1), begins);
        }
        map[one->inputs.data[i]] = build_const(b, OP_AT(one, one->inputs.data[i])->type, 0);
        vec_push(&s->scanned, (Placeholder){map[one->inputs.data[i]], begins});
    }
}

/* Makes the scan; from then on the value of a state that it writes is that behind the last step. */
static void unroll_lower(Steps *s, const Phase *phase, const Function *one)
{
    Builder *b = &s->b;
    Value *map = new_map(one);
    fetch_batches(s, phase, one, map);
    for (uint32_t i = 0; i < one->inputs.len; i++) {
        const char *name = one->input_names.data[i];
        bool length = s->train->unrolled->restart && strcmp(name, "total_steps") == 0;
        if (is_entry(name) || length)
            map[one->inputs.data[i]] = build_const(b, OP_AT(one, one->inputs.data[i])->type, length ? (double)phase->batches : 0);
    }
    scan_numbers(s, phase->batches);
    scan_begins(s, one, phase->batches, map);
    add_carries(s, one);
    read_states(s, one);
    Value first = b->function->ops.len;
    copy_ops(s, one, NO_VALUE, map);
    for (uint32_t i = 0; i < s->carries.len; i++)
        s->carries.data[i].next = map[find_write(one, s->written.data[i])];
    scan_entries(s, one, map);
    Value *yields = support_malloc((one->outputs.len + 1) * sizeof *yields);
    Value *lasts = support_malloc((s->carries.len + 1) * sizeof *lasts);
    for (uint32_t i = 0; i < one->outputs.len; i++)
        yields[i] = map[one->outputs.data[i].value];
    build_scan_of_part(b, first, phase->batches, s->train->unrolled->segment, s->carries.len, s->carries.data, s->scanned.len,
                       s->scanned.data, one->outputs.len, yields, lasts);
    output_means(s, one, yields, phase->batches);
    *value_of(s, s->assembly->step_lower) = s->done;
    for (uint32_t i = 0; i < s->carries.len; i++) {
        *value_of(s, s->written.data[i]) = lasts[i];
        build_write(b, s->written.data[i], lasts[i]);
    }
    support_free(lasts);
    support_free(yields);
    support_free(map);
}

/* ---- the upper loss ---- */

/* The upper loss of the weights as they have become. */
static Value upper_loss(Steps *s, const Phase *phase)
{
    Assembly *assembly = s->assembly;
    Function *function = phase_copy(assembly, phase, phase->objective, AT_HAND);
    read_states(s, function);
    Value index = named_input(&s->b, "index.next", type_of(DTYPE_I32, 1, &phase->batch));
    Value *map = new_map(function);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        if (strcmp(function->input_names.data[i], "begins") == 0)
            map[function->inputs.data[i]] = real_input(&s->b, "begins.next");
    copy_ops(s, function, index, map);
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_STATE_WRITE) /* what is carried */
            build_write(&s->b, OP_AT(function, v)->symbol, map[OP_AT(function, v)->args[0]]);
    Value loss = map[function->outputs.data[0].value];
    support_free(map);
    function_remove(assembly->module, function);
    return loss;
}

/* A derivative that is no finite number is left out, and counted: steps that diverge have such. */
static void leave_out_infinite(Steps *s, TrainedStates *trained)
{
    Builder *b = &s->b;
    Value largest = NO_VALUE;
    for (uint32_t i = 0; i < trained->len; i++) {
        Value size = build_reduce(b, OP_REDUCE_SUM, build_unary(b, OP_ABS, trained->data[i].gradient), dims_of(1, 0));
        largest = largest == NO_VALUE ? size : build_binary(b, OP_ADD, largest, size);
    }
    if (largest == NO_VALUE)
        return;
    Type type = value_type(b, largest);
    Value finite = build_binary(b, OP_LE, largest, build_most(b, type));
    count_events(s->assembly, b, "not_finite", build_unary(b, OP_NOT, finite));
    keep_gradients(b, finite, trained->len, trained->data);
}

static void step_upper(Steps *s, const Phase *phase)
{
    TrainedStates trained = {0};
    Value loss = upper_loss(s, phase);
    build_output(&s->b, arena_printf(&s->b.module->arena, "loss.%s", phase->name), loss);
    for (uint32_t i = 0; i < s->train->conditions.len; i++) {
        uint32_t state = s->train->conditions.data[i].state;
        Value read = *value_of(s, state);
        if (read != NO_VALUE)
            vec_push(&trained, (Trained){state, read, unrolls[s->train->unrolled->kind]->derivative(&s->b, loss, read)});
    }
    leave_out_infinite(s, &trained);
    optimizer_append(s->assembly, &s->b, (OptimizerNames){phase->name, phase->name, false}, &phase->optimizer, trained.len,
                     trained.data);
    vec_free(&trained);
    count_step(&s->b, s->assembly->step_upper);
}

/* ---- all ---- */

static void assemble_step(Assembly *assembly, Phase *lower, const Phase *upper)
{
    Module *module = assembly->module;
    Function *one = one_step(assembly, lower);
    Function *function = function_new(module, arena_printf(&module->arena, "%s.%s", assembly->train->name, lower->name));
    Steps s = {
        .assembly = assembly, .train = assembly->train, .b = {.module = module, .function = function, .line = lower->line}};
    s.done = build_read(&s.b, assembly->step_lower);
    unroll_lower(&s, lower, one);
    step_upper(&s, upper);
    build_write(&s.b, assembly->step_lower, build_with_const(&s.b, OP_ADD, s.done, (double)lower->batches));
    function_remove(module, one);
    step_finish(assembly, function);
    lower->step = function;
    vec_free(&s.states);
    vec_free(&s.carries);
    vec_free(&s.written);
    vec_free(&s.scanned);
}

static void make_procedure(Train *train)
{
    size_t budget = act_budget(train);
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = LOWER});
    act_measure(train);
    act_end(train, budget);
}

static void assemble(Assembly *assembly)
{
    Train *train = assembly->train;
    Phase *lower = &train->phases.data[LOWER];
    lower->batches = train->unrolled->steps;
    lower->reads_next = true;
    assemble_step(assembly, lower, &train->phases.data[UPPER]);
    make_procedure(train);
    assemble_hypers(assembly);
}

static void explain(const Train *train, Text *out)
{
    text_printf(out, "  unroll     %s\n", train->unrolled->text);
}

const Method method_unrolled = {.assemble = assemble, .explain = explain};
