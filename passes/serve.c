#include "passes/serve.h"

#include <math.h>
#include <string.h>

#include "passes/layout.h"
#include "passes/rewrite.h"
#include "passes/schedule.h"
#include "passes/split.h"

/* ---- conditions as users write them ---- */

static Value vector_of(Builder *b, DType dtype, size_t count, const double *numbers)
{
    Value *parts = support_malloc((count + 1) * sizeof *parts);
    for (size_t i = 0; i < count; i++)
        parts[i] = build_const(b, type_of(dtype, 1, (int64_t[]){1}), numbers[i]);
    Value all = build_concat(b, (uint32_t)count, parts, 0);
    support_free(parts);
    return all;
}

/* x - number, also of near ones in full precision: what f32 loses of the number is subtracted, too. */
static Value build_less(Builder *b, Value x, double number)
{
    Value less = build_with_const(b, OP_SUB, x, number);
    double lost = value_type(b, x).dtype == DTYPE_F32 ? number - (double)(float)number : 0;
    return lost != 0 ? build_with_const(b, OP_SUB, less, lost) : less;
}

/* log(x / number), in full precision where they are near, too */
static Value build_log_of_quotient(Builder *b, Value x, double number)
{
    Type type = value_type(b, x);
    Value near = build_unary(b, OP_LOG1P, build_with_const(b, OP_DIV, build_less(b, x, number), number));
    Value far = build_with_const(b, OP_SUB, build_unary(b, OP_LOG, x), log(number));
    Value above = build_binary(b, OP_LT, build_const(b, type, number / 2), x);
    Value below = build_binary(b, OP_LT, x, build_const(b, type, number * 2));
    return build_select(b, build_binary(b, OP_AND, above, below), near, far);
}

/* log(share / (1 - share)), given how far the value lies above the lower end and, as a negative number, above the upper one: the
 * share itself has no precision near the upper end. */
static Value build_log_ratio(Builder *b, Value above_low, Value above_high)
{
    Value first = build_unary(b, OP_LOG, above_low);
    return build_binary(b, OP_SUB, first, build_unary(b, OP_LOG, build_unary(b, OP_NEG, above_high)));
}

/* The unconstrained numbers of natural values: hyper_kind_raw(), as IR. */
static Value build_raw(Builder *b, const Hyper *hyper, Value x)
{
    double low = hyper->low, high = hyper->high;
    switch (hyper->kind) {
    case HYPER_RANGE: {
        Value above_low = build_less(b, x, low);
        return build_log_ratio(b, above_low, build_less(b, x, high));
    }
    case HYPER_INTEGER: {
        Value above_low = build_with_const(b, OP_ADD, build_less(b, x, low), 0.5);
        return build_log_ratio(b, above_low, build_with_const(b, OP_SUB, build_less(b, x, high), 0.5));
    }
    case HYPER_POSITIVE: {
        Value small = build_unary(b, OP_LOG, build_unary(b, OP_EXPM1, x));
        return build_select(b, build_binary(b, OP_LT, build_const(b, value_type(b, x), 30), x), x, small);
    }
    case HYPER_LOG:
        return build_log_of_quotient(b, x, hyper->init);
    case HYPER_LOG_RANGE: {
        Value above_low = build_log_of_quotient(b, x, low);
        return build_log_ratio(b, above_low, build_log_of_quotient(b, x, high));
    }
    case HYPER_REAL:
        break;
    }
    return x;
}

/* Whether low stands before x and x before high; `before` and `behind` are OP_LT or OP_LE. */
static Value build_between(Builder *b, OpCode before, Value low, Value x, OpCode behind, Value high)
{
    Value above = build_binary(b, before, low, x);
    return build_binary(b, OP_AND, above, build_binary(b, behind, x, high));
}

/* Whether each natural value is one: hyper_kind_holds(), as IR. */
static Value build_holds(Builder *b, const Hyper *hyper, Value x)
{
    Type type = value_type(b, x);
    Value low = build_const(b, type, hyper->low), high = build_const(b, type, hyper->high), zero = build_const(b, type, 0),
          most = build_most(b, type);
    switch (hyper->kind) {
    case HYPER_RANGE:
    case HYPER_LOG_RANGE:
        return build_between(b, OP_LT, low, x, OP_LT, high);
    case HYPER_INTEGER: {
        Value inside = build_between(b, OP_LE, low, x, OP_LE, high);
        return build_binary(b, OP_AND, inside, build_binary(b, OP_EQ, x, build_unary(b, OP_FLOOR, x)));
    }
    case HYPER_POSITIVE:
    case HYPER_LOG:
        return build_between(b, OP_LT, zero, x, OP_LE, most);
    case HYPER_REAL:
        break;
    }
    return build_binary(b, OP_LE, build_unary(b, OP_ABS, x), most);
}

/* The part of a condition's vector that is the hyperparameter. */
static Value slice_of(Builder *b, const Hyper *hyper, Value all)
{
    int64_t count = type_elements(hyper->shape);
    return build_slice(b, all, (Dims){1, {hyper->offset}}, type_of(value_type(b, all).dtype, 1, &count));
}

static Value raw_of_natural(Builder *b, const Model *model, uint32_t condition, Value natural)
{
    VEC(Value) parts = {0};
    for (uint32_t i = 0; i < model->hypers.len; i++)
        if (model->hypers.data[i].condition == condition)
            vec_push(&parts, build_raw(b, &model->hypers.data[i], slice_of(b, &model->hypers.data[i], natural)));
    Value all = build_concat(b, parts.len, parts.data, 0);
    vec_free(&parts);
    return all;
}

static Value total_of(Builder *b, Value x)
{
    return build_reduce(b, OP_REDUCE_SUM, x, all_axes(1));
}

/* What the model computes with, given what a user writes. */
static Value value_of_argument(Builder *b, const Model *model, uint32_t condition, Value written)
{
    const Condition *c = &model->module->conditions.data[condition];
    if (c->kind == CONDITION_HYPER)
        return raw_of_natural(b, model, condition, written);
    if (condition_domains[c->kind] == DOMAIN_SIMPLEX)
        return build_binary(b, OP_DIV, written, build_splat(b, total_of(b, written), value_type(b, written)));
    return written;
}

static Value fixed_value(Builder *b, const Condition *condition, const double *numbers)
{
    if (dtype_is_float(condition->type.dtype))
        return vector_of(b, condition->type.dtype, (size_t)type_elements(condition->type), numbers);
    return build_const(b, condition->type, numbers[0]);
}

static const ExportArgument *argument_of(const Export *export, const char *name)
{
    for (uint32_t i = 0; i < export->argument_count; i++)
        if (strcmp(export->arguments[i].name, name) == 0)
            return &export->arguments[i];
    return NULL;
}

static void begin_export(Model *model, Export *export, FixedConditions fixed, bool written)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, model->module, export->function);
    for (Value v = 0; v < rewrite.old->ops.len; v++) {
        const Op *op = OP_AT(rewrite.old, v);
        const ExportArgument *argument =
            op->code == OP_INPUT ? argument_of(export, rewrite.old->input_names.data[op->symbol]) : NULL;
        bool is_condition = argument && argument->condition >= 0;
        const double *numbers = is_condition ? fixed[argument->condition] : NULL;
        if (numbers)
            rewrite.map[v] = fixed_value(&rewrite.b, &model->module->conditions.data[argument->condition], numbers);
        else
            rewrite_copy(&rewrite, v);
        if (is_condition && !numbers && written)
            rewrite.map[v] = value_of_argument(&rewrite.b, model, (uint32_t)argument->condition, rewrite.map[v]);
    }
    rewrite_end(&rewrite);
    ExportArgument *left = ARENA_ARRAY(&model->module->arena, ExportArgument, export->argument_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < export->argument_count; i++)
        if (export->arguments[i].condition < 0 || !fixed[export->arguments[i].condition])
            left[count++] = export->arguments[i];
    export->arguments = left;
    export->argument_count = count;
}

void serve_begin(Model *model, FixedConditions fixed, bool written)
{
    for (uint32_t i = 0; i < model->exports.len; i++)
        begin_export(model, &model->exports.data[i], fixed, written);
}

/* ---- what is known ---- */

static bool any_input(const Function *function, uint32_t input, const void *context)
{
    (void)function;
    (void)input;
    (void)context;
    return true;
}

Function *serve_fold(Model *model, Export *export, const PassTrace *trace)
{
    pass_run(trace, "simplify", model->module, export->function);
    pass_run(trace, "cse", model->module, export->function);
    pass_run(trace, "dce", model->module, export->function);
    lay_out_products(model->module, export->function, is_of_an_example, export);
    const char *name = arena_printf(&model->module->arena, "%s.fold", export->name);
    Function *fold = split_function(model->module, export->function, any_input, NULL, name, STATE_FROZEN);
    if (fold)
        function_finish(trace, model->module, fold);
    return fold;
}

/* ---- the check of conditions ---- */

static Value all_hold(Builder *b, const Model *model, const ExportArgument *argument, Value x)
{
    const Condition *c = &model->module->conditions.data[argument->condition];
    Type type = value_type(b, x);
    if (c->count) { /* an index */
        Value inside = build_binary(b, OP_LT, x, build_const(b, type, (double)c->count));
        return build_binary(b, OP_AND, build_binary(b, OP_LE, build_const(b, type, 0), x), inside);
    }
    const Hyper finite = {.kind = HYPER_REAL}; /* as of any number */
    Value holds = build_holds(b, &finite, x);
    if (condition_domains[c->kind] == DOMAIN_SIMPLEX) {
        holds = build_binary(b, OP_AND, holds, build_binary(b, OP_LE, build_const(b, type, 0), x));
        Value total = total_of(b, x), positive = build_binary(b, OP_LT, build_const(b, value_type(b, total), 0), total);
        holds = build_binary(b, OP_AND, holds, build_splat(b, positive, value_type(b, holds)));
        holds = build_binary(b, OP_AND, holds, build_splat(b, build_holds(b, &finite, total), value_type(b, holds)));
    }
    if (c->kind == CONDITION_HYPER) {
        VEC(Value) parts = {0};
        for (uint32_t i = 0; i < model->hypers.len; i++)
            if (model->hypers.data[i].condition == (uint32_t)argument->condition)
                vec_push(&parts, build_holds(b, &model->hypers.data[i], slice_of(b, &model->hypers.data[i], x)));
        holds = build_concat(b, parts.len, parts.data, 0);
        vec_free(&parts);
    }
    Value wrong = build_cast(b, build_unary(b, OP_NOT, holds), DTYPE_I32);
    Value any = build_reduce(b, OP_REDUCE_MAX, wrong, all_axes(value_type(b, wrong).rank));
    return build_binary(b, OP_EQ, any, build_const(b, type_scalar(DTYPE_I32), 0));
}

static Function *build_check(Model *model, const Generator *generator, const char *name, const PassTrace *trace)
{
    Builder b = {.module = model->module, .function = function_new(model->module, name)};
    Value status = build_const(&b, type_scalar(DTYPE_I32), SERVE_FINE);
    for (uint32_t i = 0; i < generator->conditions.len; i++) {
        const ExportArgument *argument = &generator->conditions.data[i];
        bool index = model->module->conditions.data[argument->condition].count > 0;
        Value holds = all_hold(&b, model, argument, build_input(&b, argument->name, argument->type));
        Value wrong = build_const(&b, type_scalar(DTYPE_I32), index ? SERVE_INDEX : SERVE_CONDITION);
        status = build_select(&b, holds, status, wrong);
    }
    build_output(&b, SERVE_STATUS, status);
    function_finish(trace, model->module, b.function);
    return b.function;
}

/* ---- pure functions ---- */

static bool is_bounds(const Module *module, uint32_t state)
{
    for (uint32_t i = 0; i < module->bounds.len; i++)
        if (module->bounds.data[i].state == state)
            return true;
    return false;
}

/* Whether any of the indices that pass_bounds checks lay outside: `found` has two numbers per index. */
static Value status_of(Builder *b, Value found)
{
    int64_t count = value_type(b, found).dims[0] / 2;
    Value pairs = build_reshape(b, found, type_of(DTYPE_I32, 2, (int64_t[]){count, 2}));
    Value any = build_slice(b, pairs, dims_of(2, 0, 0), type_of(DTYPE_I32, 2, (int64_t[]){count, 1}));
    Value most = build_reduce(b, OP_REDUCE_MAX, any, all_axes(2));
    return build_with_const(b, OP_MUL, most, SERVE_INDEX);
}

/* What the function writes becomes outputs; what it reads without literal numbers, inputs. */
static void make_pure(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    Value status = NO_VALUE;
    VEC(Output) kept = {0};
    for (uint32_t i = 0; i < function->inputs.len; i++) /* they keep their positions */
        rewrite_copy(&rewrite, function->inputs.data[i]);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        const State *state = op->code == OP_STATE_READ || op->code == OP_STATE_WRITE ? &module->states.data[op->symbol] : NULL;
        if (op->code == OP_INPUT)
            continue;
        if (op->code == OP_STATE_WRITE && is_bounds(module, op->symbol))
            status = status_of(&rewrite.b, rewrite.map[op->args[0]]);
        else if (op->code == OP_STATE_WRITE)
            vec_push(&kept, (Output){state->name, rewrite.map[op->args[0]]});
        else if (op->code == OP_STATE_READ && !state->literal)
            rewrite.map[v] = build_input(&rewrite.b, state->name, state->type);
        else
            rewrite_copy(&rewrite, v);
    }
    for (uint32_t i = 0; i < kept.len; i++)
        build_output(&rewrite.b, kept.data[i].name, kept.data[i].value);
    vec_free(&kept);
    rewrite_end(&rewrite);
    if (status != NO_VALUE)
        vec_push(&function->outputs, (Output){SERVE_STATUS, status});
}

/* ---- generators ---- */

static bool takes(const Export *export, const Generator *generator)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < export->argument_count; i++) {
        if (export->arguments[i].condition < 0)
            continue;
        bool found = false;
        for (uint32_t k = 0; k < generator->conditions.len; k++)
            found |= generator->conditions.data[k].condition == export->arguments[i].condition;
        if (!found)
            return false;
        count++;
    }
    return count == generator->conditions.len;
}

/* The generator of the export's conditions, added if there is none; -1: it takes no conditions. */
static int generator_of(Service *service, const Export *export)
{
    for (uint32_t i = 0; i < service->generators.len; i++)
        if (takes(export, &service->generators.data[i]))
            return (int)i;
    Generator generator = {0};
    for (uint32_t i = 0; i < export->argument_count; i++)
        if (export->arguments[i].condition >= 0)
            vec_push(&generator.conditions, export->arguments[i]);
    if (generator.conditions.len == 0)
        return -1;
    vec_push(&service->generators, generator);
    return (int)service->generators.len - 1;
}

/* Joins what another export generates from the same conditions to the generator. */
static void join(Module *module, Generator *generator, Function *other)
{
    if (!other)
        return;
    if (!generator->generate) {
        generator->generate = other;
        return;
    }
    Builder b = {.module = module, .function = generator->generate};
    Value *map = support_malloc((other->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < other->ops.len; v++) {
        const Op *op = OP_AT(other, v);
        map[v] = NO_VALUE;
        for (uint32_t i = 0; op->code == OP_INPUT && i < b.function->inputs.len; i++)
            if (strcmp(b.function->input_names.data[i], other->input_names.data[op->symbol]) == 0)
                map[v] = b.function->inputs.data[i];
        if (map[v] == NO_VALUE)
            map[v] = build_copy(&b, other, v, map);
    }
    support_free(map);
    function_remove(module, other);
}

/* The state that is written with the same value before this one; or the state itself. */
static uint32_t first_state(const Function *generate, uint32_t state)
{
    Value value = NO_VALUE;
    for (Value v = 0; v < generate->ops.len; v++)
        if (OP_AT(generate, v)->code == OP_STATE_WRITE && OP_AT(generate, v)->symbol == state)
            value = OP_AT(generate, v)->args[0];
    for (Value v = 0; v < generate->ops.len && value != NO_VALUE; v++)
        if (OP_AT(generate, v)->code == OP_STATE_WRITE && OP_AT(generate, v)->args[0] == value)
            return OP_AT(generate, v)->symbol;
    return state;
}

static void read_first(Function *function, const Function *generate)
{
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_STATE_READ)
            OP_AT(function, v)->symbol = first_state(generate, OP_AT(function, v)->symbol);
}

/* Equal tensors are kept once: what the exports read is the first of them. */
static void share_kept(Service *service, int number)
{
    Module *module = service->model->module;
    Function *generate = service->generators.data[number].generate;
    pass_cse(module, generate);
    for (uint32_t i = 0; i < service->served.len; i++) {
        Served *served = &service->served.data[i];
        if (served->generator != number)
            continue;
        read_first(served->compute, generate);
        if (served->single)
            read_first(served->single, generate);
    }
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, generate);
    for (Value v = 0; v < generate->ops.len; v++)
        if (OP_AT(generate, v)->code != OP_STATE_WRITE || first_state(generate, OP_AT(generate, v)->symbol) == OP_AT(generate, v)->symbol)
            rewrite_copy(&rewrite, v);
    rewrite_end(&rewrite);
}

static void place_kept(Generator *generator)
{
    const Function *generate = generator->generate;
    for (uint32_t i = 0; i < generate->outputs.len; i++) {
        if (strcmp(generate->outputs.data[i].name, SERVE_STATUS) == 0)
            continue;
        vec_push(&generator->offsets, generator->bytes);
        int64_t bytes = type_bytes(OP_AT(generate, generate->outputs.data[i].value)->type);
        generator->bytes += (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    }
}

static void finish_generator(Service *service, int number, const PassTrace *trace)
{
    Model *model = service->model;
    Generator *generator = &service->generators.data[number];
    generator->check = build_check(model, generator, arena_printf(&model->module->arena, "check/%d", number), trace);
    if (!generator->generate)
        return;
    share_kept(service, number);
    function_finish(trace, model->module, generator->generate);
    make_pure(model->module, generator->generate);
    place_kept(generator);
}

static Function *copy_function(Module *module, const Function *from)
{
    Builder b = {.module = module, .function = function_new(module, arena_printf(&module->arena, "%s.single", from->name))};
    Value *map = support_malloc((from->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < from->ops.len; v++)
        map[v] = build_copy(&b, from, v, map);
    for (uint32_t i = 0; i < from->outputs.len; i++)
        build_output(&b, from->outputs.data[i].name, map[from->outputs.data[i].value]);
    support_free(map);
    return b.function;
}

static void finish_served(Model *model, Served *served, int64_t rows, const PassTrace *trace)
{
    Export *export = (Export *)served->export;
    export_finish(model->module, export, rows == SERVE_ANY ? SERVE_BLOCK : rows, trace);
    make_pure(model->module, export->function);
    if (!served->single)
        return;
    function_finish(trace, model->module, served->single);
    make_pure(model->module, served->single);
}

void serve_finish(Model *model, int64_t rows, const PassTrace *trace, Service *service)
{
    *service = (Service){.model = model};
    for (uint32_t i = 0; i < model->exports.len; i++) {
        Export *export = &model->exports.data[i];
        int generator = generator_of(service, export);
        Function *generate = export_split(model->module, export);
        if (generator >= 0)
            join(model->module, &service->generators.data[generator], generate);
        Function *single = rows == SERVE_ANY ? copy_function(model->module, export->function) : NULL;
        vec_push(&service->served, (Served){export, generator, export->function, single});
    }
    for (uint32_t i = 0; i < service->generators.len; i++)
        finish_generator(service, (int)i, trace);
    for (uint32_t i = 0; i < model->exports.len; i++)
        finish_served(model, &service->served.data[i], rows, trace);
}

void service_free(Service *service)
{
    for (uint32_t i = 0; i < service->generators.len; i++) {
        vec_free(&service->generators.data[i].conditions);
        vec_free(&service->generators.data[i].offsets);
    }
    vec_free(&service->generators);
    vec_free(&service->served);
}
