/* What every method needs beside its steps: counts of what a result tells, schedules that follow a metric. */
#include "passes/methods/methods.h"

static const double nothing_seen = 1e30; /* what a watched metric is before the first evaluation */

void count_events(Assembly *assembly, Builder *b, const char *what, Value happened)
{
    Module *module = assembly->module;
    const char *name = arena_printf(&module->arena, "%s/%s", assembly->train->name, what);
    uint32_t state = find_or_add_state(module, name, type_scalar(DTYPE_I32), STATE_COUNTER, (Init){0});
    if (module->states.data[state].lifetime != LIFETIME_RUN)
        vec_push(&assembly->train->events, state);
    module->states.data[state].lifetime = LIFETIME_RUN;
    Value before = build_read(b, state), more = build_cast(b, happened, DTYPE_I32);
    build_write(b, state, build_binary(b, OP_ADD, before, more));
}

void keep_gradients(Builder *b, Value condition, uint32_t n, Trained *trained)
{
    for (uint32_t i = 0; i < n; i++) {
        Type type = value_type(b, trained[i].gradient);
        Value everywhere = build_splat(b, condition, type_with_dtype(type, DTYPE_BOOL));
        trained[i].gradient = build_select(b, everywhere, trained[i].gradient, build_const(b, type, 0));
    }
}

static const char *function_name(Assembly *assembly, const char *suffix)
{
    return arena_printf(&assembly->module->arena, "%s.%s", assembly->train->name, suffix);
}

/* A state of the schedule of an optimizer whose states have this prefix: what was seen at earlier evaluations. */
static uint32_t schedule_state(Builder *b, const char *name, ScheduleKind kind, const char *of, Type type, double init)
{
    const char *full = arena_printf(&b->module->arena, "%s/%s/%s", name, schedule_traits[kind].name, of);
    return find_or_add_state(b->module, full, type, STATE_COUNTER, (Init){INIT_CONSTANT, init});
}

/* torch.optim.lr_scheduler.ReduceLROnPlateau with threshold 0. */
static Value plateau_cut(Builder *b, const char *name, const RateSchedule *schedule, Value metric)
{
    Type real = type_scalar(b->module->real);
    uint32_t best = schedule_state(b, name, schedule->kind, "best", real, nothing_seen);
    uint32_t bad = schedule_state(b, name, schedule->kind, "bad", real, 0);
    Value old = build_read(b, best), zero = build_const(b, real, 0);
    Value better = build_binary(b, OP_LT, metric, old);
    Value waited = build_select(b, better, zero, build_with_const(b, OP_ADD, build_read(b, bad), 1));
    Value cut = build_binary(b, OP_LT, build_const(b, real, schedule->every), waited);
    build_write(b, best, build_select(b, better, metric, old));
    build_write(b, bad, build_select(b, cut, zero, waited));
    return cut;
}

/* Merity et al. 2018, algorithm 1, for the rate: wherever the metric is above its least value before the last `every`
 * evaluations. */
static Value nonmonotonic_cut(Builder *b, const char *name, const RateSchedule *schedule, Value metric)
{
    int64_t window = (int64_t)schedule->every;
    Type real = type_scalar(b->module->real), row = type_of(real.dtype, 1, &window), one = type_of(real.dtype, 1, (int64_t[]){1});
    uint32_t least = schedule_state(b, name, schedule->kind, "least", real, nothing_seen);
    uint32_t recent = schedule_state(b, name, schedule->kind, "recent", row, nothing_seen);
    Value before = build_read(b, least), rows = build_read(b, recent);
    Value leaving = build_reshape(b, build_slice(b, rows, dims_of(1, 0), one), real);
    build_write(b, least, build_select(b, build_binary(b, OP_LT, leaving, before), leaving, before));
    Type rest = type_of(real.dtype, 1, (int64_t[]){window - 1});
    Value parts[] = {window > 1 ? build_slice(b, rows, dims_of(1, 1), rest) : NO_VALUE, build_reshape(b, metric, one)};
    build_write(b, recent, window > 1 ? build_concat(b, 2, parts, 0) : parts[1]);
    return build_binary(b, OP_LT, before, metric);
}

static void build_cut(Builder *b, const char *name, const RateSchedule *schedule, Value metric)
{
    uint32_t factor = schedule_state(b, name, schedule->kind, "factor", type_scalar(b->module->real), 1);
    Value current = build_read(b, factor);
    Value cut = (schedule->kind == SCHEDULE_PLATEAU ? plateau_cut : nonmonotonic_cut)(b, name, schedule, metric);
    build_write(b, factor, build_select(b, cut, build_with_const(b, OP_MUL, current, schedule->factor), current));
}

/* The builder's function with the metric as its input, made where something follows it. */
static Value metric_of(Assembly *assembly, Builder *b)
{
    if (!b->function) {
        b->function = function_new(b->module, function_name(assembly, "plateau"));
        build_input(b, "metric", type_scalar(b->module->real));
    }
    return b->function->inputs.data[0];
}

static void begin_average(Assembly *assembly, Builder *b)
{
    const Average *average = &assembly->train->average;
    RateSchedule schedule = {.kind = SCHEDULE_NONMONOTONIC, .every = (double)average->window};
    Value cut = nonmonotonic_cut(b, "average", &schedule, metric_of(assembly, b));
    uint32_t begun = average_begun(assembly);
    Value before = build_read(b, begun);
    build_write(b, begun, build_binary(b, OP_MAX, before, build_cast(b, cut, DTYPE_I32)));
}

/* One function for all that follows a metric: the schedules of optimizers, the average of the weights. */
void assemble_plateau(Assembly *assembly)
{
    Module *module = assembly->module;
    Builder b = {.module = module, .line = assembly->train->line};
    for (uint32_t i = 0; i < assembly->train->phases.len; i++) {
        const Phase *phase = &assembly->train->phases.data[i];
        for (uint32_t k = 0; k <= phase->parts.len; k++) {
            const Optimizer *optimizer = phase_optimizer(phase, k);
            const char *name = optimizer_name(module, phase, k == 0 ? NO_PART : k - 1);
            if (schedule_traits[optimizer->schedule.kind].watches)
                build_cut(&b, name, &optimizer->schedule, metric_of(assembly, &b));
        }
    }
    if (average_traits[assembly->train->average.kind].watches)
        begin_average(assembly, &b);
    if (b.function)
        step_finish(assembly, b.function);
    assembly->train->plateau = b.function;
}
