#include "runtime/run/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/clock.h"
#include "runtime/core/report.h"
#include "runtime/data/files.h"

static volatile sig_atomic_t stop_signal;

/* An evaluation may take minutes, so whoever pressed Ctrl-C is told that it was heard. */
static void note_signal(int number)
{
    static const char words[] = "\nending after this step or evaluation; a second Ctrl-C ends the program at once\n";
    int kept = errno;
    stop_signal = number;
    ssize_t written = number == SIGINT && isatty(STDERR_FILENO) ? write(STDERR_FILENO, words, sizeof words - 1) : 0;
    (void)written; /* or nobody reads it */
    errno = kept;
}

/* The first signal asks for an orderly end. Its handler restores the default, so the second signal kills. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- steps ---- */

/* A step whose results are of no use ends the run: `what` of the phase `is` wrong. */
static bool fail_on_step(const Run *run, size_t phase, const char *what, const char *is)
{
    const Position *position = &run->position;
    report_error("%s of phase '%s' of train %s %s at its step %" PRId64 " (epoch %.4g); training stops%s%s%s", what,
                 run->phases[phase].info->name, run->manifest->train->name, is, position->steps[phase],
                 (double)position->steps[0] / (double)run->plan.epoch_steps,
                 run->has_checkpoint ? ". The last checkpoint before stays as it is: " : "", run->has_checkpoint ? run->last : "",
                 path_exists(run->best) ? " (the best one: best.safetensors beside it)" : "");
    return false;
}

void run_initialise(Run *run)
{
    const StateInfo *seed = manifest_state(run->manifest, "seed");
    if (seed && seed->tensor.dtype == DTYPE_I32 && seed->tensor.elements == 2) {
        uint32_t words[2] = {(uint32_t)run->identity.seed, (uint32_t)(run->identity.seed >> 32)};
        memcpy(program_state(&run->program, seed), words, sizeof words);
    }
    call_run(&run->init);
    program_write_constants(&run->program);
    if (run->sweep.info)
        sweep_begin(&run->sweep, &run->program);
}

size_t run_nets(const Run *run)
{
    return (size_t)plan_nets_begun(&run->plan, run->position.steps[0]);
}

/* A state's elements become the row of the act's table for this round. */
static void set_state(Run *run, size_t act)
{
    const ActInfo *info = &run->manifest->train->acts[act];
    const StateInfo *state = &run->manifest->states[info->state];
    int64_t round = run->position.done[walk_parent(&run->plan.walk, act)], n = state->tensor.elements;
    program_write_reals(&run->program, state, 0, info->table + round * n, (size_t)n);
}

/* Gives the states of that lifetime, and of shorter ones, their first values. */
static bool reset_states(Run *run, Lifetime lifetime)
{
    const Manifest *manifest = run->manifest;
    unsigned char *before = malloc(manifest->state_bytes + 1);
    if (!before)
        return report_error("out of memory");
    memcpy(before, run->program.state, manifest->state_bytes);
    run_initialise(run);
    for (size_t i = 0; i < manifest->state_count; i++)
        if (manifest->states[i].lifetime > lifetime)
            memcpy(program_state(&run->program, &manifest->states[i]), before + manifest->states[i].offset,
                   manifest->states[i].tensor.bytes);
    free(before);
    memset(run->position.batches, 0, sizeof run->position.batches);
    return true;
}

/* Takes the means of the step's outputs forward. An objective may be NaN in a batch, such as the mean of no examples; such a
 * batch does not count. Returns the number of an objective that was NaN in all steps of this epoch, 0 if there is none. */
static size_t take_means(Run *run, size_t phase, bool first_of_epoch)
{
    Phase *p = &run->phases[phase];
    size_t never = 0;
    for (size_t i = 0; i < p->call.info->output_count; i++) {
        Mean *mean = &run->position.means[phase][i];
        double value = call_result(&p->call, i, 0);
        p->undefined[i] = (first_of_epoch ? 0 : p->undefined[i]) + isnan(value);
        if (i > 0 && p->undefined[i] >= run->plan.epoch_steps)
            never = i;
        if (i > 0 && isnan(value))
            continue;
        mean->sum += value;
        mean->count++;
    }
    return never;
}

/* A solver that is not defined for negative outputs would follow something else. An output "objective.NAME" is the objective
 * NAME. */
static bool outputs_are_nonnegative(const Run *run, size_t phase)
{
    static const double rounding = 1e-5;
    const Phase *p = &run->phases[phase];
    for (size_t i = 1; p->info->nonnegative && i < p->call.info->output_count; i++) {
        double value = call_result(&p->call, i, 0);
        if (value >= -rounding || isnan(value))
            continue;
        char what[192], is[192];
        const char *name = p->call.info->outputs[i].name, *dot = strchr(name, '.');
        if (dot)
            snprintf(what, sizeof what, "the %.*s '%.100s'", (int)(dot - name < 60 ? dot - name : 60), name, dot + 1);
        else
            snprintf(what, sizeof what, "the output '%.100s'", name);
        snprintf(is, sizeof is, "is %.6g, but %.60s is defined for losses that are not negative (add a constant to it),", value,
                 p->info->nonnegative);
        return fail_on_step(run, phase, what, is);
    }
    return true;
}

void phase_move(Run *run, size_t phase, size_t sampler, int64_t member)
{
    enum { MEMBER_BIT = 8 }; /* of the stream: runtime/abi/random_space.h */
    Phase *p = &run->phases[phase];
    uint32_t above = reads_family(&p->reading) ? (uint32_t)(member + 1) << MEMBER_BIT : 0;
    sampler_move(&p->samplers[sampler], (uint32_t)phase | above, reading_range(&p->reading, member));
}

/* Batch number `batch` of what the sampler draws from: its rows into the tables from place `to` on, and their places into
 * `index`. */
static void take_rows(Run *run, size_t phase, size_t sampler, int64_t batch, int32_t *index, int64_t to)
{
    Phase *p = &run->phases[phase];
    int64_t member = p->info->all_members ? (int64_t)sampler : reading_member(&p->reading);
    phase_move(run, phase, sampler, member);
    sampler_batch(&p->samplers[sampler], batch, index);
    reading_take(&p->reading, member, index, p->info->batch, to);
}

/* The batches of one step, from number `batch` on, into `index`: of each that of each member, one behind the other. */
static void take_batches(Run *run, size_t phase, int64_t batch, int32_t *index)
{
    Phase *p = &run->phases[phase];
    int64_t to = 0;
    for (int64_t k = 0; index && k < p->info->batches; k++)
        for (size_t i = 0; i < p->sampler_count; i++, to += p->info->batch)
            take_rows(run, phase, i, batch + k, index + to, to);
}

/* A step of the phase before reads this phase's next batch, which makes it a step of this phase, too. */
static void take_beside(Run *run, size_t phase, int32_t *index)
{
    take_batches(run, phase, run->position.batches[phase]++, index);
    run->position.steps[phase]++;
}

/* Runs a micro-batch of the batch: the same part of that of each member. */
static void compute_part(Phase *p, int64_t number)
{
    int64_t examples = p->info->micro_batch;
    int32_t *index = call_input(&p->micro, "index");
    for (size_t i = 0; index && i < p->sampler_count; i++)
        memcpy(index + (int64_t)i * examples, p->index + (int64_t)i * p->info->batch + number * examples,
               (size_t)examples * sizeof *index);
    call_set(&p->micro, "micro.number", (double)number);
    call_set(&p->micro, "row.number", (double)number); /* what it draws differs from one to the next */
    call_run(&p->micro);
}

/* Says of each batch that the step reads of the phase, from number `batch` on, whether an epoch begins with it. */
static void tell_begins(Run *run, size_t phase, const Call *call, const char *name, int64_t batch)
{
    const Phase *p = &run->phases[phase];
    for (int64_t k = 0; k < p->info->batches; k++)
        call_set_element(call, name, k, p->sampler_count && (batch + k) % sampler_epoch_steps(&p->samplers[0]) == 0);
}

/* Runs the step's functions on that batch of the phase. */
static void compute_step(Run *run, size_t phase, int64_t batch)
{
    Phase *p = &run->phases[phase];
    const PhaseInfo *info = p->info;
    take_batches(run, phase, batch, p->micro.info ? p->index : call_input(&p->call, "index"));
    tell_begins(run, phase, &p->call, "begins", batch);
    if (info->reads_next) {
        tell_begins(run, phase + 1, &p->call, "begins.next", run->position.batches[phase + 1]);
        take_beside(run, phase + 1, call_input(&p->call, "index.next"));
    }
    for (int64_t number = 0; p->micro.info && number < info->batch / info->micro_batch; number++)
        compute_part(p, number);
    call_run(&p->call);
}

/* The first output is the loss; where a step reads a batch of the next phase, "loss.PHASE" is that phase's. */
static bool check_loss(const Run *run, size_t phase, const char *output, double value)
{
    bool own = !strcmp(output, "loss");
    if ((!own && strncmp(output, "loss.", strlen("loss."))) || isfinite(value))
        return true;
    return fail_on_step(run, own ? phase : phase + 1, "the loss", isnan(value) ? "is not a number (nan)" : "is infinite");
}

/* A trial whose loss is no finite number ends; a checkpoint that is written before the next one begins holds first values. */
static bool give_up_trial(Run *run)
{
    trial_fail(&run->trials);
    run->position.evaluated = run->position.steps[0];
    return reset_states(run, LIFETIME_NET);
}

/* One step of a phase: draws its batch, runs it, takes the means of its outputs forward. False (reported) if the loss is not
 * finite. */
static bool take_step(Run *run, size_t phase)
{
    Phase *p = &run->phases[phase];
    double begin = clock_seconds();
    int64_t batch = run->position.batches[phase], batches = p->info->batches;
    run->position.batches[phase] += batches;
    compute_step(run, phase, batch);
    run->position.steps[phase] += batches;
    run->now = clock_seconds();
    run->position.seconds += run->now - begin;
    size_t undefined = take_means(run, phase, batch % run->plan.epoch_steps == 0);
    if (program_failed())
        return fail_on_step(run, phase, "an index", "lay outside its table");
    if (run->manifest->train->trials && !isfinite(call_result(&p->call, 0, 0)))
        return give_up_trial(run);
    size_t losses_among = p->info->reads_next ? p->call.info->output_count : 1;
    for (size_t i = 0; i < losses_among; i++)
        if (!check_loss(run, phase, p->call.info->outputs[i].name, call_result(&p->call, i, 0)))
            return false;
    if (!outputs_are_nonnegative(run, phase))
        return false;
    if (undefined) {
        char what[128];
        snprintf(what, sizeof what, "the output '%.100s'", p->call.info->outputs[undefined].name);
        return fail_on_step(run, phase, what, "was not a number in any step of this epoch, nor is it");
    }
    return true;
}

/* ---- evaluations ---- */

/* The means over the epoch, which begin anew behind an evaluation that was due. */
static void add_means(Run *run, bool due, json_t *event)
{
    for (size_t phase = 0; phase < run->plan.phases; phase++) {
        const FunctionInfo *step = run->phases[phase].call.info;
        for (size_t i = 0; step && i < step->output_count; i++) {
            Mean *mean = &run->position.means[phase][i];
            char key[256];
            manifest_figure(run->manifest->train, phase, step->outputs[i].name, key, sizeof key);
            if (mean->count)
                json_object_set_new(event, key, json_finite(mean->sum / (double)mean->count));
            if (due)
                *mean = (Mean){0};
        }
    }
}

/* Every hyperparameter and its spread, in natural units, as entries of the object. */
static void add_hypers(Run *run, json_t *object)
{
    if (!run->hypers.info)
        return;
    call_run(&run->hypers);
    for (size_t i = 0; i < run->hypers.info->output_count; i++) {
        const TensorInfo *output = &run->hypers.info->outputs[i];
        json_t *value = output->rank ? json_array() : json_finite(call_result(&run->hypers, i, 0));
        for (int64_t j = 0; output->rank && j < output->elements; j++)
            json_array_append_new(value, json_finite(call_result(&run->hypers, i, j)));
        json_object_set_new(object, output->name, value);
    }
}

/* Whether a value is the least so far; without a metric to select by, every one is. */
static bool is_best(const Run *run, double selected, double before)
{
    return run->manifest->train->select < 0 || (selected < before && isfinite(selected));
}

/* Notes whether the evaluation is the best so far. */
static bool judge(Run *run, double selected, bool due)
{
    Position *position = &run->position;
    bool improved = is_best(run, selected, position->best_value);
    if (improved) {
        position->best = position->evaluations;
        position->best_value = selected;
    }
    if (!due)
        return improved;
    position->bad_epochs++;
    if (is_best(run, selected, position->due_best)) {
        position->due_best = selected;
        position->bad_epochs = 0;
    }
    return improved;
}

static json_t *evaluation_event(Run *run, bool due, double *selected)
{
    const TrainInfo *train = run->manifest->train;
    const Position *position = &run->position;
    json_t *event = json_object();
    int64_t steps = position->steps[0], epoch_steps = run->plan.epoch_steps;
    json_object_set_new(event, "event", json_string("epoch"));
    json_object_set_new(event, "step", json_integer(steps));
    for (size_t phase = 1; phase < run->plan.phases; phase++) {
        char key[256];
        snprintf(key, sizeof key, "steps.%.200s", train->phases[phase].name);
        json_object_set_new(event, key, json_integer(position->steps[phase]));
    }
    if (!run->plan.in_steps)
        json_object_set_new(event, "epoch",
                            steps % epoch_steps ? json_real((double)steps / (double)epoch_steps)
                                                : json_integer(steps / epoch_steps));
    json_object_set_new(event, "seconds", json_finite(position->seconds));
    if (!due)
        json_object_set_new(event, "due", json_false());
    add_means(run, due, event);
    if (train->sweep) {
        sweep_measure(&run->sweep, run->evaluations, &run->program, run_nets(run));
        sweep_add_event(&run->sweep, event);
        if (train->select >= 0)
            *selected = sweep_selected(&run->sweep, (size_t)train->select);
    }
    for (size_t i = 0; !train->sweep && i < train->metric_count; i++) {
        double value = evaluation_run(&run->evaluations[i], &run->program);
        json_object_set_new(event, train->metrics[i].name, json_finite(value));
        if ((int64_t)i == train->select)
            *selected = value;
    }
    add_hypers(run, event);
    if (train->trials)
        json_object_set_new(event, "trial", json_integer(position->trial));
    return event;
}

static bool write_last(Run *run)
{
    bool finished = walk_next(&run->plan.walk, run->position.done) == WALK_END;
    bool written = checkpoint_write(run->last, &run->program, &run->identity, &run->position, finished);
    run->has_checkpoint |= written;
    run->advanced &= !written;
    run->written_at = clock_seconds();
    return written;
}

/* The sweep as a file of its own, and, where each point has a net, the net that was just trained. */
static bool write_sweep(Run *run)
{
    const SweepInfo *info = run->sweep.info;
    char name[288];
    if (!info)
        return true;
    snprintf(name, sizeof name, "%.200s.json", info->name);
    char *path = path_join(run->folder, name);
    json_t *json = sweep_json(&run->sweep, &run->program);
    bool fine = path && json_file_write(path, json, run->log.precision);
    json_decref(json);
    free(path);
    const TrainInfo *train = run->manifest->train;
    if (!fine || !sweep_keeps_nets(train) || run_nets(run) == 0 || run->position.steps[0] % run->plan.net_steps)
        return fine;
    snprintf(name, sizeof name, "%.200s-%03zu.safetensors", info->point_word, sweep_net_number(train, run_nets(run)));
    path = path_join(run->folder, name);
    fine = path && checkpoint_write(path, &run->program, &run->identity, &run->position, true);
    free(path);
    return fine;
}

/* At the end of what was learned, the functions that it is. */
static bool write_functions(Run *run)
{
    const Position *position = &run->position;
    if (!run->functions.export || !position->steps[0] || position->steps[0] % run->plan.net_steps)
        return true;
    char *path = path_join(run->folder, "functions.json");
    bool fine = path && functions_write(&run->functions, path, run_nets(run), run->log.precision);
    free(path);
    return fine;
}

/* One measure. The event comes first and the last checkpoint last: what is interrupted between them is repeated, with equal
 * results, by a resumed run. `act`: counted with it; WALK_END: the time is up before it is due. */
static bool measure(Run *run, size_t act)
{
    double selected = 0;
    bool due = act != WALK_END;
    json_t *event = evaluation_event(run, due, &selected);
    if (program_failed()) {
        json_decref(event);
        return false;
    }
    if (due && run->plateau.info) {
        call_set(&run->plateau, "metric", selected);
        call_run(&run->plateau);
    }
    run->position.evaluated = run->position.steps[0];
    bool improved = judge(run, selected, due);
    bool fine = write_sweep(run) && write_functions(run) && metrics_log_append(&run->log, event);
    run->position.evaluations++;
    if (due && run->manifest->train->trials)
        trial_judge(&run->trials);
    if (due)
        walk_advance(&run->plan.walk, run->position.done, act, run->position.bad_epochs);
    fine = fine && (!improved || checkpoint_write(run->best, &run->program, &run->identity, &run->position, true)) &&
           write_last(run);
    if (fine)
        progress_event(&run->progress, &run->position, event, improved);
    json_decref(event);
    return fine;
}

/* ---- the loop ---- */

static bool note_trial(Run *run)
{
    json_t *hypers = json_object();
    add_hypers(run, hypers);
    return trial_observe(&run->trials, hypers);
}

static bool take_act(Run *run, size_t act)
{
    switch (run->plan.walk.acts[act].kind) {
    case ACT_MEASURE:
        return measure(run, act);
    case ACT_STEP:
        if (!take_step(run, run->manifest->train->acts[act].phase))
            return false;
        break;
    case ACT_CALL:
        call_run(&run->calls[act]);
        if (program_failed())
            return false;
        break;
    case ACT_SET:
        set_state(run, act);
        break;
    case ACT_RESET:
        if (!reset_states(run, run->manifest->train->acts[act].lifetime))
            return false;
        break;
    case ACT_PROPOSE:
        if (!trial_propose(&run->trials, act))
            return false;
        break;
    case ACT_OBSERVE:
        if (!note_trial(run))
            return false;
        break;
    case ACT_REPEAT:
        break;
    }
    walk_advance(&run->plan.walk, run->position.done, act, 0);
    run->advanced = true;
    if (run->plan.walk.acts[act].kind == ACT_STEP)
        progress_step(&run->progress, &run->position, run->now);
    /* a trial that is begun is gone through from here, also by a run that is killed when the file says already what it came to */
    return run->plan.walk.acts[act].kind != ACT_PROPOSE || write_last(run);
}

/* Called between two rounds of the budget. */
static bool time_is_up(const Run *run, size_t act)
{
    return run->plan.seconds > 0 && run->position.seconds >= run->plan.seconds && act == walk_budget(run->manifest->train) + 1;
}

/* A checkpoint within a long epoch: what is done since the last one is never more than this. */
static bool write_in_time(Run *run)
{
    return run->now - run->written_at < run->settings->checkpoint_every || write_last(run);
}

/* The last steps are measured: a run may end where no measure was due. The last checkpoint holds all that was done. */
static bool end_here(Run *run)
{
    if (run->position.evaluated != run->position.steps[0])
        return measure(run, WALK_END);
    return !run->advanced || write_last(run);
}

LoopEnd loop_run(Run *run)
{
    catch_signals();
    run->now = run->written_at = clock_seconds();
    for (;;) {
        size_t act = walk_next(&run->plan.walk, run->position.done);
        if (act == WALK_END)
            return end_here(run) ? LOOP_FINISHED : LOOP_FAILED;
        if (stop_signal)
            return write_last(run) ? LOOP_INTERRUPTED : LOOP_FAILED;
        if (time_is_up(run, act))
            return end_here(run) ? LOOP_TIME_UP : LOOP_FAILED;
        if (!take_act(run, act) || !write_in_time(run))
            return LOOP_FAILED;
    }
}
