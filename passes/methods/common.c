/* What every method needs beside its steps: counts of what a result tells, the plateau schedule. */
#include "passes/methods/methods.h"

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

static const char *function_name(Assembly *assembly, const char *suffix)
{
    return arena_printf(&assembly->module->arena, "%s.%s", assembly->train->name, suffix);
}

/* torch.optim.lr_scheduler.ReduceLROnPlateau with threshold 0, for an optimizer whose states have this prefix. */
static void build_plateau(Builder *b, const char *name, const RateSchedule *schedule, Value metric)
{
    Module *module = b->module;
    Type real = type_scalar(module->real);
    uint32_t factor = (uint32_t)find_state(module, arena_printf(&module->arena, "%s/plateau/factor", name));
    uint32_t best = module_state(module, arena_printf(&module->arena, "%s/plateau/best", name), real, STATE_COUNTER);
    uint32_t bad = module_state(module, arena_printf(&module->arena, "%s/plateau/bad", name), real, STATE_COUNTER);
    module->states.data[best].init = (Init){INIT_CONSTANT, 1e30};
    Value old = build_read(b, best), zero = build_const(b, real, 0);
    Value better = build_binary(b, OP_LT, metric, old);
    Value waited = build_select(b, better, zero, build_with_const(b, OP_ADD, build_read(b, bad), 1));
    Value cut = build_binary(b, OP_LT, build_const(b, real, schedule->every), waited);
    Value current = build_read(b, factor);
    build_write(b, best, build_select(b, better, metric, old));
    build_write(b, bad, build_select(b, cut, zero, waited));
    build_write(b, factor, build_select(b, cut, build_with_const(b, OP_MUL, current, schedule->factor), current));
}

/* Merity et al. 2018, algorithm 1, for the rate: a cut wherever the metric is above its least value before the last `every`
 * evaluations. */
static void build_nonmonotonic(Builder *b, const char *name, const RateSchedule *schedule, Value metric)
{
    Module *module = b->module;
    int64_t window = (int64_t)schedule->every;
    Type real = type_scalar(module->real), row = type_of(module->real, 1, &window);
    uint32_t factor = (uint32_t)find_state(module, arena_printf(&module->arena, "%s/nonmonotonic/factor", name));
    uint32_t least = module_state(module, arena_printf(&module->arena, "%s/nonmonotonic/least", name), real, STATE_COUNTER);
    uint32_t recent = module_state(module, arena_printf(&module->arena, "%s/nonmonotonic/recent", name), row, STATE_COUNTER);
    module->states.data[least].init = module->states.data[recent].init = (Init){INIT_CONSTANT, 1e30};
    Value before = build_read(b, least), rows = build_read(b, recent), current = build_read(b, factor);
    Value cut = build_binary(b, OP_LT, before, metric);
    build_write(b, factor, build_select(b, cut, build_with_const(b, OP_MUL, current, schedule->factor), current));
    Type one = type_of(module->real, 1, (int64_t[]){1});
    Value leaving = build_reshape(b, build_slice(b, rows, dims_of(1, 0), one), real);
    build_write(b, least, build_select(b, build_binary(b, OP_LT, leaving, before), leaving, before));
    Value parts[] = {NO_VALUE, build_reshape(b, metric, one)};
    if (window > 1)
        parts[0] = build_slice(b, rows, dims_of(1, 1), type_of(module->real, 1, (int64_t[]){window - 1}));
    build_write(b, recent, window > 1 ? build_concat(b, 2, parts, 0) : parts[1]);
}

/* One function for all optimizers whose schedules follow a metric. */
void assemble_plateau(Assembly *assembly)
{
    Module *module = assembly->module;
    Builder b = {.module = module, .line = assembly->train->line};
    Value metric = NO_VALUE;
    for (uint32_t i = 0; i < assembly->train->phases.len; i++) {
        const Phase *phase = &assembly->train->phases.data[i];
        for (uint32_t k = 0; k <= phase->parts.len; k++) {
            const Optimizer *optimizer = k == 0 ? &phase->optimizer : &phase->parts.data[k - 1].optimizer;
            const char *name = optimizer_name(module, phase, k == 0 ? NO_PART : k - 1);
            bool plateau = optimizer->schedule.kind == SCHEDULE_PLATEAU;
            if (!plateau && optimizer->schedule.kind != SCHEDULE_NONMONOTONIC)
                continue;
            if (!b.function) {
                b.function = function_new(module, function_name(assembly, "plateau"));
                metric = build_input(&b, "metric", type_scalar(module->real));
            }
            (plateau ? build_plateau : build_nonmonotonic)(&b, name, &optimizer->schedule, metric);
        }
    }
    if (b.function)
        step_finish(assembly, b.function);
    assembly->train->plateau = b.function;
}
