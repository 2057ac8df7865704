/* Optimizers as IR: an update is elementwise on a weight, its gradient and its moments, so each weight's whole update fuses into
 * one pass over memory. Formulas and defaults are PyTorch's (torch.optim.SGD, Adam, RMSprop; clip_grad_norm_). */
#include <math.h>
#include <string.h>

#include "passes/methods/methods.h"

/* The step of one optimizer, as it is made. */
typedef struct Update {
    const Optimizer *optimizer;
    const char *name;
    bool tried;          /* nothing is written: the step is not taken */
    bool differentiated; /* derivatives are taken through the step */
    const Value *tuned;  /* per output of optimizer->tuned: the number */
    Value rate;          /* sgd, rmsprop: the learning rate; adam: over the first moment's correction */
    Value root_scale;    /* adam: 1 / sqrt of the second moment's correction */
} Update;

static Value scalar(Builder *b, double number)
{
    return build_const(b, type_scalar(b->module->real), number);
}

static Value times(Builder *b, Value x, double number)
{
    return build_with_const(b, OP_MUL, x, number);
}

/* The square root of what is not negative. Where steps are differentiated its derivative at 0, which is infinite, counts as 0: it
 * multiplies that of a square. */
static Value root_of(Builder *b, const Update *update, Value x)
{
    if (!update->differentiated)
        return build_unary(b, OP_SQRT, x);
    Type type = value_type(b, x);
    Value zero = build_const(b, type, 0), one = build_const(b, type, 1), some = build_binary(b, OP_LT, zero, x);
    Value root = build_unary(b, OP_SQRT, build_select(b, some, x, one));
    return build_select(b, some, root, zero);
}

/* What hyperparameters make of the optimizer's number of that name; NO_VALUE: they make nothing of it. */
static Value tuned_number(const Update *update, const char *name)
{
    const Function *tuned = update->optimizer->tuned;
    for (uint32_t i = 0; tuned && i < tuned->outputs.len; i++)
        if (strcmp(tuned->outputs.data[i].name, name) == 0)
            return update->tuned[i];
    return NO_VALUE;
}

/* x times a scalar. */
static Value scaled(Builder *b, Value x, Value factor)
{
    return build_binary(b, OP_MUL, x, build_splat(b, factor, value_type(b, x)));
}

/* x times the optimizer's number of that name. */
static Value times_number(Builder *b, const Update *update, const char *name, double number, Value x)
{
    Value tuned = tuned_number(update, name);
    return tuned == NO_VALUE ? times(b, x, number) : scaled(b, x, tuned);
}

/* x times what is left of 1. */
static Value times_rest(Builder *b, const Update *update, const char *name, double number, Value x)
{
    Value tuned = tuned_number(update, name);
    if (tuned == NO_VALUE)
        return times(b, x, 1 - number);
    Value one = scalar(b, 1);
    return scaled(b, x, build_binary(b, OP_SUB, one, tuned));
}

/* beta * mean + (1 - beta) * x, written so that it takes one multiplication. */
static Value running_mean(Builder *b, const Update *update, const char *name, double beta, Value mean, Value x)
{
    return build_binary(b, OP_ADD, mean, times_rest(b, update, name, beta, build_binary(b, OP_SUB, x, mean)));
}

/* A state of the optimizer's own, which is made on first use. */
static uint32_t own_state(Builder *b, const char *name, const char *what, const char *of, Type type, StateRole role, double init)
{
    Module *module = b->module;
    const char *full = arena_printf(&module->arena, "%s/%s%s%s", name, what, *of ? "/" : "", of);
    int64_t trained = find_state(module, of);
    uint32_t state = find_or_add_state(module, full, type, role, (Init){INIT_CONSTANT, init});
    module->states.data[state].lifetime = LIFETIME_ROUND;
    module->states.data[state].grows = trained >= 0 && module->states.data[trained].grows;
    return state;
}

Value named_input(Builder *b, const char *name, Type type)
{
    for (uint32_t i = 0; i < b->function->inputs.len; i++)
        if (strcmp(b->function->input_names.data[i], name) == 0)
            return b->function->inputs.data[i];
    return build_input(b, name, type);
}

Value real_input(Builder *b, const char *name)
{
    return build_cast(b, named_input(b, name, type_scalar(DTYPE_I32)), b->module->real);
}

Value steps_done(Assembly *assembly, Builder *b)
{
    Value done = build_cast(b, build_read(b, assembly->step_lower), b->module->real);
    if (!assembly->train->continual)
        return done;
    Value planned = real_input(b, "total_steps"); /* of each task */
    Value tasks = build_unary(b, OP_FLOOR, build_binary(b, OP_DIV, done, planned));
    return build_binary(b, OP_SUB, done, build_binary(b, OP_MUL, tasks, planned));
}

/* An optimizer's number: what hyperparameters make of it, or a state where a run may change it. */
static Value number_of(Builder *b, const Update *update, const char *name, double number, const char *constant)
{
    Value tuned = tuned_number(update, name);
    if (tuned != NO_VALUE || !constant)
        return tuned != NO_VALUE ? tuned : scalar(b, number);
    uint32_t state = find_or_add_state(b->module, constant_state(&b->module->arena, constant), type_scalar(b->module->real),
                                       STATE_CONSTANT, (Init){INIT_CONSTANT, number});
    b->module->states.data[state].lifetime = LIFETIME_RUN;
    return build_read(b, state);
}

/* The optimizer's rate times `share`, which is a power of two. */
static Value rate_of(Builder *b, const Update *update, double share)
{
    const Optimizer *optimizer = update->optimizer;
    if (!optimizer->rate_constant && tuned_number(update, "rate") == NO_VALUE)
        return scalar(b, optimizer->rate * share);
    Value rate = number_of(b, update, "rate", optimizer->rate, optimizer->rate_constant);
    return share == 1 ? rate : times(b, rate, share);
}

/* Whole epochs done. */
static Value epochs_done(Assembly *assembly, Builder *b)
{
    Value done = steps_done(assembly, b), epoch_steps = real_input(b, "epoch_steps");
    return build_unary(b, OP_FLOOR, build_binary(b, OP_DIV, done, epoch_steps));
}

/* rate factor^power */
static Value powered_rate(Builder *b, const Update *update, Value power)
{
    Value tuned = tuned_number(update, "factor");
    Value exponent = tuned == NO_VALUE ? times(b, power, log(update->optimizer->schedule.factor))
                                       : build_binary(b, OP_MUL, power, build_unary(b, OP_LOG, tuned));
    Value factor = build_unary(b, OP_EXP, exponent);
    Value rate = rate_of(b, update, 1);
    return build_binary(b, OP_MUL, factor, rate);
}

/* How many cuts of a multistep schedule have been made. */
static Value cuts_made(Assembly *assembly, Builder *b, const RateSchedule *schedule)
{
    Value epoch = epochs_done(assembly, b), made = scalar(b, 0);
    for (uint32_t i = 0; i < schedule->cuts; i++) {
        Value reached = build_binary(b, OP_LE, scalar(b, schedule->at[i]), epoch);
        made = build_binary(b, OP_ADD, made, build_cast(b, reached, b->module->real));
    }
    return made;
}

/* The learning rate of this step, but for the warm-up. */
static Value warm_rate(Assembly *assembly, Builder *b, const Update *update)
{
    const RateSchedule *schedule = &update->optimizer->schedule;
    switch (schedule->kind) {
    case SCHEDULE_COSINE: { /* rate (1 + cos(pi t / T)) / 2 (Loshchilov & Hutter 2017), one period, zero afterwards */
        Value done = steps_done(assembly, b), planned = real_input(b, "total_steps");
        Value share = build_with_const(b, OP_MIN, build_binary(b, OP_DIV, done, planned), 1);
        Value wave = build_unary(b, OP_COS, times(b, share, acos(-1)));
        Value height = build_with_const(b, OP_ADD, wave, 1), half = rate_of(b, update, 0.5);
        return build_binary(b, OP_MUL, height, half);
    }
    case SCHEDULE_STEP: { /* rate factor^floor(epoch / every) */
        Value epoch = epochs_done(assembly, b), every = number_of(b, update, "every", schedule->every, NULL);
        return powered_rate(b, update, build_unary(b, OP_FLOOR, build_binary(b, OP_DIV, epoch, every)));
    }
    case SCHEDULE_EXPONENTIAL:
        return powered_rate(b, update, epochs_done(assembly, b));
    case SCHEDULE_POWER: { /* rate (t + 1)^-exponent */
        Value next = build_with_const(b, OP_ADD, steps_done(assembly, b), 1);
        Value exponent = number_of(b, update, "exponent", schedule->factor, NULL);
        Value share = build_unary(b, OP_EXP, build_unary(b, OP_NEG, build_binary(b, OP_MUL, build_unary(b, OP_LOG, next), exponent)));
        return build_binary(b, OP_MUL, share, rate_of(b, update, 1));
    }
    case SCHEDULE_MULTISTEP:
        return powered_rate(b, update, cuts_made(assembly, b, schedule));
    case SCHEDULE_PLATEAU:
    case SCHEDULE_NONMONOTONIC: { /* after each evaluation: assemble_plateau */
        const char *word = schedule_traits[schedule->kind].name;
        uint32_t state = own_state(b, update->name, word, "factor", type_scalar(b->module->real), STATE_COUNTER, 1);
        Value factor = build_read(b, state), rate = rate_of(b, update, 1);
        return build_binary(b, OP_MUL, factor, rate);
    }
    case SCHEDULE_CONSTANT:
    case SCHEDULE_COUNT:
        break;
    }
    return rate_of(b, update, 1);
}

/* The learning rate of this step: step t of a warm-up of n takes (t + 1) / n of it. */
static Value scheduled_rate(Assembly *assembly, Builder *b, const Update *update)
{
    Value rate = warm_rate(assembly, b, update);
    if (update->optimizer->warmup == 0)
        return rate;
    Value next = build_with_const(b, OP_ADD, steps_done(assembly, b), 1);
    Value share = build_with_const(b, OP_MIN, build_with_const(b, OP_DIV, next, update->optimizer->warmup), 1);
    return build_binary(b, OP_MUL, rate, share);
}

/* Each number of the gradients held to [-most, most]. */
static void clip_values(Builder *b, double most, uint32_t n, Trained *trained)
{
    for (uint32_t i = 0; i < n; i++) {
        Value below = build_with_const(b, OP_MIN, trained[i].gradient, most);
        trained[i].gradient = build_with_const(b, OP_MAX, below, -most);
    }
}

/* min(1, clip / (|g| + 1e-6)) over all gradients together; returns |g|. */
static Value clip_gradients(Builder *b, const Update *update, uint32_t n, Trained *trained)
{
    Value total = NO_VALUE;
    for (uint32_t i = 0; i < n; i++) {
        Value g = trained[i].gradient;
        Value squares = build_sum_of_product(b, g, g);
        total = total == NO_VALUE ? squares : build_binary(b, OP_ADD, total, squares);
    }
    Value norm = root_of(b, update, total);
    const Optimizer *optimizer = update->optimizer;
    Value most = number_of(b, update, "clip", optimizer->clip, optimizer->clip_constant),
          length = build_with_const(b, OP_ADD, norm, 1e-6);
    Value share = build_with_const(b, OP_MIN, build_binary(b, OP_DIV, most, length), 1);
    for (uint32_t i = 0; i < n; i++) {
        Type type = value_type(b, trained[i].gradient);
        trained[i].gradient = build_binary(b, OP_MUL, trained[i].gradient, build_splat(b, share, type));
    }
    return norm;
}

static void write_own(Builder *b, const Update *update, uint32_t state, Value value)
{
    if (!update->tried)
        build_write(b, state, value);
}

/* 1 - beta^t, kept by c <- beta c + (1 - beta), which loses no digits where beta^t is near 1. */
static Value bias_correction(Builder *b, const Update *update, const char *which, const char *name, double beta)
{
    uint32_t state = own_state(b, update->name, "correction", which, type_scalar(b->module->real), STATE_COUNTER, 0);
    Value kept = times_number(b, update, name, beta, build_read(b, state)), one = scalar(b, 1);
    Value next = build_binary(b, OP_ADD, kept, times_rest(b, update, name, beta, one));
    write_own(b, update, state, next);
    return next;
}

static Value sgd_step(Builder *b, const Update *update, const char *of, Trained *t)
{
    double momentum = update->optimizer->momentum;
    if (momentum == 0)
        return t->gradient;
    uint32_t velocity = own_state(b, update->name, "momentum", of, value_type(b, t->current), STATE_OPTIMIZER, 0);
    Value kept = times_number(b, update, "momentum", momentum, build_read(b, velocity));
    Value next = build_binary(b, OP_ADD, kept, t->gradient);
    write_own(b, update, velocity, next);
    if (!update->optimizer->nesterov)
        return next;
    return build_binary(b, OP_ADD, t->gradient, times_number(b, update, "momentum", momentum, next));
}

/* `name`: of the number that is its beta. */
static Value second_moment(Builder *b, const Update *update, const char *name, const char *of, Trained *t)
{
    double beta = update->optimizer->beta2;
    uint32_t state = own_state(b, update->name, "v", of, value_type(b, t->current), STATE_OPTIMIZER, 0);
    Value before = build_read(b, state), square = build_binary(b, OP_MUL, t->gradient, t->gradient);
    Value next = running_mean(b, update, name, beta, before, square);
    write_own(b, update, state, next);
    return next;
}

static Value adam_step(Builder *b, const Update *update, const char *of, Trained *t)
{
    double beta = update->optimizer->beta1;
    Type type = value_type(b, t->current);
    uint32_t state = own_state(b, update->name, "m", of, type, STATE_OPTIMIZER, 0);
    Value m = running_mean(b, update, "beta1", beta, build_read(b, state), t->gradient);
    write_own(b, update, state, m);
    Value root = root_of(b, update, second_moment(b, update, "beta2", of, t));
    root = build_binary(b, OP_MUL, root, build_splat(b, update->root_scale, type));
    return build_binary(b, OP_DIV, m, build_with_const(b, OP_ADD, root, update->optimizer->epsilon));
}

static Value rmsprop_step(Builder *b, const Update *update, const char *of, Trained *t)
{
    Value root = root_of(b, update, second_moment(b, update, "alpha", of, t));
    return build_binary(b, OP_DIV, t->gradient, build_with_const(b, OP_ADD, root, update->optimizer->epsilon));
}

/* "grad_norm", "grad_norm.LABEL": a figure of an optimizer that the log shows. */
static void build_figure(Builder *b, const char *figure, const char *label, Value value)
{
    build_output(b, label ? arena_printf(&b->module->arena, "%s.%s", figure, label) : figure, value);
}

/* The numbers that conditions stand for. Of one with an axis, the entry of this step. */
static void build_tuned(Assembly *assembly, Builder *b, const Optimizer *optimizer, Value *numbers)
{
    if (!optimizer->tuned)
        return;
    Arena *arena = &b->module->arena;
    Function *copy = objective_copy(assembly, arena_printf(arena, "%s.now", optimizer->tuned->name), optimizer->tuned, AT_HAND);
    Value *map = support_malloc((copy->ops.len + 1) * sizeof *map);
    build_inline(b, copy, map);
    for (uint32_t i = 0; i < copy->outputs.len; i++) {
        numbers[i] = map[copy->outputs.data[i].value];
        Type type = value_type(b, numbers[i]);
        if (type.rank == 0)
            continue;
        const char *name = arena_printf(arena, ENTRY_PREFIX "%u", b->function->inputs.len);
        build_output(b, name, numbers[i]);
        numbers[i] = build_input(b, name, type_scalar(type.dtype));
    }
    support_free(map);
    function_remove(b->module, copy);
}

/* Makes what each state becomes by the optimizer's step (values[0..n)), with the optimizer's own states. */
static void build_step(Assembly *assembly, Builder *b, OptimizerNames names, const Optimizer *optimizer, bool tried, uint32_t n,
                       Trained *trained, Value *values)
{
    Value numbers[MOST_TUNED];
    Update update = {.optimizer = optimizer,
                     .name = names.states,
                     .tried = tried,
                     .differentiated = assembly->train->unrolled != NULL,
                     .tuned = numbers,
                     .root_scale = NO_VALUE};
    build_tuned(assembly, b, optimizer, numbers);
    update.rate = scheduled_rate(assembly, b, &update);
    Value decay = optimizer->decay != 0 ? times_number(b, &update, "decay", optimizer->decay, update.rate) : NO_VALUE;
    if (optimizer->clip_value > 0)
        clip_values(b, optimizer->clip_value, n, trained);
    if (optimizer->clip != 0 && n > 0) {
        Value norm = clip_gradients(b, &update, n, trained);
        if (!tried)
            build_figure(b, "grad_norm", names.label, norm);
    }
    bool moves = optimizer->schedule.kind != SCHEDULE_CONSTANT || optimizer->warmup > 0;
    if (!tried && (names.one_of_several || moves))
        build_figure(b, "rate", names.label, update.rate);
    if (optimizer->kind == OPTIMIZER_ADAM && n > 0) {
        update.rate = build_binary(b, OP_DIV, update.rate, bias_correction(b, &update, "1", "beta1", optimizer->beta1));
        Value root = build_unary(b, OP_SQRT, bias_correction(b, &update, "2", "beta2", optimizer->beta2));
        update.root_scale = build_binary(b, OP_DIV, scalar(b, 1), root);
    }
    for (uint32_t i = 0; i < n; i++) {
        const char *of = b->module->states.data[trained[i].state].name;
        Value step = optimizer->kind == OPTIMIZER_ADAM      ? adam_step(b, &update, of, &trained[i])
                     : optimizer->kind == OPTIMIZER_RMSPROP ? rmsprop_step(b, &update, of, &trained[i])
                                                            : sgd_step(b, &update, of, &trained[i]);
        Type type = value_type(b, step);
        Value rate = build_splat(b, update.rate, type), kept = trained[i].current;
        if (decay != NO_VALUE)
            kept = build_binary(b, OP_SUB, kept, build_binary(b, OP_MUL, build_splat(b, decay, type), kept));
        values[i] = build_binary(b, OP_SUB, kept, build_binary(b, OP_MUL, rate, step));
        write_own(b, &update, trained[i].state, values[i]);
    }
}

void optimizer_append(Assembly *assembly, Builder *b, OptimizerNames names, const Optimizer *optimizer, uint32_t n,
                      Trained *trained)
{
    Value *values = support_malloc((n + 1) * sizeof *values);
    build_step(assembly, b, names, optimizer, false, n, trained, values);
    support_free(values);
}

/* The step of every optimizer of the phase: values[i] is what state i becomes. */
static void build_steps(Assembly *assembly, Builder *b, const Phase *phase, bool tried, uint32_t n, const Trained *trained,
                        Value *values)
{
    Trained *chosen = support_malloc((n + 1) * sizeof *chosen);
    Value *made = support_malloc((n + 1) * sizeof *made);
    for (uint32_t k = 0; k <= phase->parts.len; k++) {
        uint32_t part = k == 0 ? NO_PART : k - 1, count = 0;
        const PartOptimizer *own = k == 0 ? NULL : &phase->parts.data[part];
        for (uint32_t i = 0; i < n; i++)
            if (part_of_state(phase, b->module->states.data[trained[i].state].name) == part)
                chosen[count++] = trained[i];
        if (!count && phase->parts.len)
            continue;
        OptimizerNames names = {optimizer_name(b->module, phase, part), own ? own->part : NULL, phase->parts.len > 0};
        build_step(assembly, b, names, own ? &own->optimizer : &phase->optimizer, tried, count, chosen, made);
        for (uint32_t i = 0, next = 0; i < n; i++)
            if (next < count && trained[i].state == chosen[next].state)
                values[i] = made[next++];
    }
    support_free(chosen);
    support_free(made);
}

void optimizers_append(Assembly *assembly, Builder *b, const Phase *phase, uint32_t n, const Trained *trained, Value *values)
{
    build_steps(assembly, b, phase, false, n, trained, values);
}

void optimizers_try(Assembly *assembly, Builder *b, const Phase *phase, uint32_t n, const Trained *trained, Value *values)
{
    build_steps(assembly, b, phase, true, n, trained, values);
}

const char *optimizer_name(Module *module, const Phase *phase, uint32_t part)
{
    return part == NO_PART ? phase->name : arena_printf(&module->arena, "%s/%s", phase->name, phase->parts.data[part].part);
}

void count_step(Builder *b, uint32_t counter)
{
    build_write(b, counter, build_with_const(b, OP_ADD, build_read(b, counter), 1));
}

/* "0.1", or "tuned" where conditions stand for it. */
static void explain_number(double number, Text *out)
{
    text_printf(out, isnan(number) ? "tuned" : "%g", number);
}

static void explain_numbers(uint32_t count, const NamedNumber *numbers, Text *out)
{
    for (uint32_t i = 0; i < count; i++) {
        text_printf(out, ", %s: ", numbers[i].label);
        explain_number(numbers[i].number, out);
    }
}

/* What stands behind its name. */
static void explain_schedule(const RateSchedule *schedule, Text *out)
{
    bool alone = schedule->kind == SCHEDULE_EXPONENTIAL || schedule->kind == SCHEDULE_POWER;
    bool some = schedule->kind == SCHEDULE_STEP || schedule->kind == SCHEDULE_PLATEAU || schedule->kind == SCHEDULE_NONMONOTONIC;
    if (!alone && !some && !schedule->cuts)
        return;
    text_append(out, "(", 1);
    for (uint32_t i = 0; i < schedule->cuts; i++)
        text_printf(out, i ? ", %g" : "[%g", schedule->at[i]);
    if (schedule->cuts)
        text_append(out, "]", 1);
    if (some)
        explain_number(schedule->every, out);
    if (!alone)
        text_printf(out, ", factor: ");
    explain_number(schedule->factor, out);
    text_append(out, ")", 1);
}

void optimizer_explain(const char *what, const Optimizer *o, const char *part, Text *out)
{
    const NamedNumber of_adam[] = {{"beta1", o->beta1}, {"beta2", o->beta2}, {"eps", o->epsilon}, {"decay", o->decay}};
    const NamedNumber of_rmsprop[] = {{"alpha", o->beta2}, {"eps", o->epsilon}}, of_sgd[] = {{"momentum", o->momentum}};
    bool decays = o->kind == OPTIMIZER_ADAM && o->decay != 0;
    const char *name = decays ? "adamw" : o->kind == OPTIMIZER_ADAM ? "adam" : o->kind == OPTIMIZER_RMSPROP ? "rmsprop" : "sgd";
    text_printf(out, "  %-10s %s(", what, name);
    explain_number(o->rate, out);
    if (o->kind == OPTIMIZER_ADAM)
        explain_numbers(decays ? 4 : 3, of_adam, out);
    else if (o->kind == OPTIMIZER_RMSPROP)
        explain_numbers(2, of_rmsprop, out);
    else
        explain_numbers(1, of_sgd, out);
    if (o->nesterov)
        text_printf(out, ", nesterov: on");
    text_printf(out, ", %s", schedule_traits[o->schedule.kind].name);
    explain_schedule(&o->schedule, out);
    if (o->warmup > 0)
        text_printf(out, ", warmup: %g", o->warmup);
    if (o->clip_value > 0)
        text_printf(out, ", clip_value: %g", o->clip_value);
    if (o->clip != 0) {
        const NamedNumber clip = {"clip", o->clip};
        explain_numbers(1, &clip, out);
    }
    text_printf(out, ")%s%s\n", part ? " of " : "", part ? part : "");
}
