#include "runtime/run/train.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/core/constants.h"
#include "runtime/core/parallel.h"
#include "runtime/core/report.h"
#include "runtime/data/encode.h"
#include "runtime/data/files.h"
#include "runtime/run/first_weights.h"
#include "runtime/run/folder.h"
#include "runtime/run/loop.h"
#include "runtime/run/result.h"
#include "runtime/run/schedule.h"
#include "runtime/run/sweep.h"
#include "runtime/run/words.h"

enum { EXIT_INTERRUPTED = 130 };

/* ---- the run folder ---- */

/* Takes the name over. */
static bool name_paths(Run *run, char *folder)
{
    run->folder = folder;
    if (!folder)
        return false;
    run->last = path_join(run->folder, "last.safetensors");
    run->best = path_join(run->folder, "best.safetensors");
    return run->last && run->best;
}

/* The folder that the user names, or that of the newest run where one is resumed. A run that begins without a name has no folder
 * until all that it needs is there. */
static bool choose_folder(Run *run)
{
    const char *out = run->settings->out;
    if (out) {
        char *folder = strdup(out);
        return folder ? name_paths(run, folder) : report_error("out of memory");
    }
    char *newest = run->settings->resume ? folder_newest(run->manifest) : NULL;
    return !newest || name_paths(run, newest);
}

/* The first file of a run that the folder holds, or NULL; `own` may hold its name. */
static const char *find_run_file(const Run *run, char own[static 256])
{
    const SweepInfo *sweep = run->manifest->train->sweep;
    const char *names[] = {"last.safetensors", "best.safetensors", "metrics.jsonl", "config.json", "result.json", own};
    snprintf(own, 256, "%.200s.json", sweep ? sweep->name : "result");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = path_join(run->folder, names[i]);
        bool exists = path && path_exists(path);
        free(path);
        if (exists)
            return names[i];
    }
    return NULL;
}

/* One process per folder. The lock ends with the process, in whatever way the process ends. */
static bool lock_folder(Run *run)
{
    run->lock = open(run->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->lock < 0)
        return report_error("cannot open the folder %s: %s", run->folder, strerror(errno));
    return flock(run->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK ||
           report_error("another process is training in %s", run->folder);
}

/* Decides between beginning and continuing: afterwards `position` stands where the run goes on, and `has_checkpoint` says which.
 */
static bool find_run(Run *run)
{
    const RunSettings *settings = run->settings;
    char own[256];
    position_begin(&run->position);
    run->identity = (Identity){.seed = settings->seed,
                               .batch = run->manifest->train->batch,
                               .rounds = plan_budgets(run->manifest->train),
                               .threads = settings->threads ? settings->threads : 1};
    if (!run->folder) {
        char *stem = settings->resume ? folder_stem(run->manifest) : NULL;
        if (stem)
            report_note("there is no %s-1 or later run to resume; a run begins", stem);
        free(stem);
        return true;
    }
    if (!settings->resume) {
        const char *file = find_run_file(run, own);
        return !file ||
               report_error("%s already holds a run (%s); continue it with --resume, or choose another folder with --out",
                            run->folder, file);
    }
    if (!path_exists(run->last)) {
        const char *file = find_run_file(run, own);
        if (file)
            return report_error(
                "%s holds %s of a run, but no last.safetensors to resume it from: move what is there away, or choose another "
                "folder with --out",
                run->folder, file);
        report_note("%s holds no checkpoint to resume from; the run begins", run->folder);
        return true;
    }
    Identity found;
    if (!lock_folder(run) || !checkpoint_identify(run->last, run->manifest, &found, &run->position))
        return false;
    if (settings->has_seed && settings->seed != found.seed)
        return report_error("%s belongs to a run with --seed %" PRIu64 ", not %" PRIu64, run->last, found.seed, settings->seed);
    if (found.batch != run->manifest->train->batch)
        return report_error("%s belongs to a run with batches of %" PRId64 " examples; this model was compiled for %" PRId64,
                            run->last, found.batch, run->manifest->train->batch);
    if (settings->threads && found.threads != settings->threads) {
        report_note("the run began with --threads %" PRId64 "; with another number its last digits may differ", found.threads);
        found.threads = settings->threads;
    }
    if (settings->from)
        return report_error("--from is for a run that begins, and %s holds one that goes on", run->folder);
    run->identity = found;
    run->has_checkpoint = true;
    return true;
}

/* ---- what a run needs in memory ---- */

/* The rows of the largest member that the phase may read, each of which must make a batch; none after an error. */
static RowRange largest_member(const Phase *phase)
{
    const Reading *reading = &phase->reading;
    int64_t batch = phase->info->batch;
    RowRange largest = {0};
    for (int64_t m = 0; m < data_members(reading->data, (size_t)reading->dataset); m++) {
        RowRange rows = reading_range(reading, m);
        char name[READING_NAME_SIZE];
        if (reads_family(reading) && !reading->condition && m != reading->member)
            continue;
        if (rows.count < batch) {
            report_error("the split %s has %" PRId64 " examples, fewer than a batch of %" PRId64, reading_name(reading, m, name),
                         rows.count, batch);
            return (RowRange){0};
        }
        if (rows.count > largest.count)
            largest = rows;
    }
    return largest;
}

/* Each sampler can draw from every member. */
static bool open_samplers(Run *run, size_t number, size_t count)
{
    Phase *phase = &run->phases[number];
    RowRange largest = largest_member(phase);
    bool in_order = run->manifest->datasets[phase->info->dataset].splits[phase->info->split].streams > 0;
    SampleOrder how = in_order ? SAMPLE_IN_ORDER : phase->info->shuffles_batches ? SAMPLE_BATCHES : SAMPLE_ROWS;
    phase->samplers = calloc(count, sizeof *phase->samplers);
    if (!phase->samplers || !largest.count)
        return largest.count ? report_error("out of memory") : false;
    for (size_t i = 0; i < count; i++) {
        phase->sampler_count++;
        if (!sampler_open(&phase->samplers[i], run->identity.seed, (uint32_t)number, largest, phase->info->batch, how))
            return false;
        phase_move(run, number, i, phase->reading.condition ? (int64_t)i : reading_member(&phase->reading));
    }
    return true;
}

/* Whether the step reads no more than a batch of the next phase, and that only where it says so. */
static bool next_is_read(const Run *run, size_t number)
{
    const PhaseInfo *info = run->phases[number].info;
    const TensorInfo *index = call_input_type(&run->phases[number].call, "index.next");
    return !index || (info->reads_next && index->dtype == DTYPE_I32 && index->elements == info[1].batch);
}

static bool open_phase(Run *run, size_t number)
{
    static const char *const inputs[] = {"index", "index.next", "memory", "epoch_steps", "total_steps", "begins", "begins.next", NULL};
    static const char *const of_micro[] = {"index", "micro.number", "row.number", "epoch_steps", "total_steps", NULL};
    Phase *phase = &run->phases[number];
    phase->info = &run->manifest->train->phases[number];
    const PhaseInfo *info = phase->info;
    int64_t stored = run->manifest->train->sweep ? (int64_t)run->manifest->train->sweep->count * info->rehearsed : 0;
    size_t members = info->all_members ? run->manifest->conditions[info->member_condition].count : 1;
    int64_t rows = (int64_t)members * info->batch * info->batches;
    if (!reading_open(&phase->reading, &run->program, &run->data, (int)info->dataset, info->split, info->member,
                      info->member_condition, rows + stored) ||
        !call_open(&phase->micro, &run->program, info->micro_step, phase->reading.tables, of_micro) ||
        !call_open(&phase->call, &run->program, info->step, phase->reading.tables, inputs))
        return false;
    const FunctionInfo *step = phase->call.info;
    if (!step)
        return open_samplers(run, number, members);
    bool in_parts = phase->micro.info != NULL;
    const TensorInfo *index = call_input_type(in_parts ? &phase->micro : &phase->call, "index");
    phase->index = in_parts ? calloc((size_t)rows, sizeof *phase->index) : NULL;
    if (in_parts && !phase->index)
        return report_error("out of memory");
    if (index && index->dtype != DTYPE_I32)
        return report_internal("the input index of the function %s is not i32", step->name);
    if (step->output_count < 1 || step->output_count > MAX_STEP_OUTPUTS || strcmp(step->outputs[0].name, "loss"))
        return report_internal("the outputs of %s are not loss and at most %d more", step->name, MAX_STEP_OUTPUTS - 1);
    if (info->batch % info->micro_batch || (index && index->elements != (in_parts ? (int64_t)members * info->micro_batch : rows)))
        return report_internal("the input index of the function %s has not one element per example", step->name);
    if (!next_is_read(run, number))
        return report_internal("the input index.next of the function %s has not one element per example", step->name);
    return open_samplers(run, number, members);
}

/* The examples of earlier tasks that steps read, too: the first ones of each task. They lie behind the batch. */
static bool take_stored(const Phase *phase)
{
    const TensorInfo *memory = call_input_type(&phase->call, "memory");
    int64_t each = phase->info->rehearsed;
    int32_t *index = call_input(&phase->call, "memory");
    for (int64_t task = 0; memory && task < memory->elements / each; task++, index += each) {
        RowRange rows = reading_range(&phase->reading, reads_family(&phase->reading) ? task : 0);
        if (rows.count < each) {
            char name[READING_NAME_SIZE];
            return report_error("%s has %" PRId64 " examples, fewer than the %" PRId64 " of each task that are to be stored",
                                reading_name(&phase->reading, task, name), rows.count, each);
        }
        for (int64_t i = 0; i < each; i++)
            index[i] = (int32_t)(rows.first + i);
        reading_take(&phase->reading, task, index, each, phase->info->batch + task * each);
    }
    return true;
}

/* An epoch is one of the first task, also for tasks of other sizes. */
static void note_unequal_epochs(const Run *run, int64_t epoch_steps)
{
    const Phase *phase = &run->phases[0];
    const Reading *reading = &phase->reading;
    int64_t least = epoch_steps, most = epoch_steps;
    for (int64_t m = 0; reading->condition && m < data_members(reading->data, (size_t)reading->dataset); m++) {
        int64_t steps = reading_range(reading, m).count / phase->info->batch;
        least = steps < least ? steps : least;
        most = steps > most ? steps : most;
    }
    char name[READING_NAME_SIZE];
    if (least < epoch_steps || most > epoch_steps)
        report_warning("an epoch is one of %s, %" PRId64 " steps, for all: one visit to the examples takes from %" PRId64
                       " to %" PRId64 " steps. To say how long each is trained, give the length in steps",
                       reading_name(reading, 0, name), epoch_steps, least, most);
}

static bool make_plan(Run *run)
{
    const TrainInfo *train = run->manifest->train;
    const RunSettings *settings = run->settings;
    int64_t epoch_steps = sampler_epoch_steps(&run->phases[0].samplers[0]), planned = run->identity.total_steps;
    int64_t budgets = plan_budgets(train), before = run->identity.rounds;
    int64_t budget = run->has_checkpoint ? planned / before : -1;
    if (settings->epochs >= 0)
        budget = settings->epochs * epoch_steps;
    if (settings->steps >= 0)
        budget = settings->steps;
    plan_make(&run->plan, train, epoch_steps, budget);
    if (settings->seconds > 0)
        run->plan.seconds = settings->seconds;
    if (!run->plan.in_steps && settings->steps < 0)
        note_unequal_epochs(run, epoch_steps);
    int64_t total = run->plan.total_steps;
    if (total > INT32_MAX)
        return report_error("%" PRId64 " steps are too many (limit is 2^31 - 1)", total);
    if (run->has_checkpoint && run->identity.epoch_steps != epoch_steps)
        return report_error("%s belongs to a run with %" PRId64 " steps per epoch, but with this data there are %" PRId64,
                            run->last, run->identity.epoch_steps, epoch_steps);
    const char *round = train->trials ? "trial" : train->sweep ? train->sweep->point_word : "round";
    if (run->has_checkpoint && total / budgets != planned / before && budgets > 1)
        return report_error("%s belongs to a run of %" PRId64 " steps for each %s, which cannot be changed to %" PRId64
                            ": what is finished would have to go on",
                            run->last, planned / before, round, total / budgets);
    if (run->has_checkpoint && budgets != before)
        report_note("the run goes on with %" PRId64 " %ss; it had %" PRId64, budgets, round, before);
    else if (run->has_checkpoint && total != planned)
        report_note("the run was planned for %" PRId64 " steps and is now for %" PRId64 "; its schedules follow", planned, total);
    run->identity.total_steps = total;
    run->identity.rounds = budgets;
    run->identity.epoch_steps = epoch_steps;
    return true;
}

static bool open_calls(Run *run)
{
    static const char *const plain[] = {"epoch_steps", "total_steps", NULL};
    static const char *const with_metric[] = {"epoch_steps", "total_steps", "metric", NULL};
    const TrainInfo *train = run->manifest->train;
    const void *const *rows = (const void *const *)run->data.tables;
    for (size_t i = 0; i < train->phase_count; i++)
        if (!open_phase(run, i))
            return false;
    for (size_t i = 0; i < train->act_count; i++)
        if (train->acts[i].kind == ACT_CALL && !call_open(&run->calls[i], &run->program, train->acts[i].function, rows, plain))
            return false;
    run->evaluations = evaluations_open(&run->program, &run->data);
    return run->evaluations && sweep_open(&run->sweep, &run->program) &&
           functions_open(&run->functions, &run->program, &run->data) &&
           call_open(&run->init, &run->program, train->init, rows, plain) &&
           call_open(&run->hypers, &run->program, train->hypers, rows, plain) &&
           call_open(&run->plateau, &run->program, train->plateau, rows, with_metric);
}

static void set_plan(const Run *run, const Call *call)
{
    if (!call->info)
        return;
    call_set(call, "epoch_steps", (double)run->plan.epoch_steps);
    call_set(call, "total_steps", (double)run->plan.net_steps);
}

/* Inputs that are the same at every call. */
static void set_constant_inputs(Run *run)
{
    for (size_t i = 0; i < run->plan.phases; i++) {
        set_plan(run, &run->phases[i].micro);
        set_plan(run, &run->phases[i].call);
    }
    set_plan(run, &run->init);
    set_plan(run, &run->hypers);
    set_plan(run, &run->plateau);
}

/* A run that begins gets the numbers of --set; a run that goes on keeps its own. */
static bool set_constants(Run *run)
{
    const Manifest *manifest = run->manifest;
    for (size_t i = 0; i < run->settings->set.count; i++) {
        size_t place;
        double value, *own;
        if (!constant_parse(manifest, run->settings->set.texts[i], &place, &value))
            return false;
        own = &run->program.constants[place];
        if (run->has_checkpoint && *own != value)
            return report_error("--set %s: the run in %s has %s=%.15g, and a run that goes on keeps its constants",
                                run->settings->set.texts[i], run->folder, manifest->constants[place].name, *own);
        *own = value;
    }
    program_write_constants(&run->program);
    return true;
}

/* What was measured with fewer tasks cannot be compared with what is measured now. */
static void forget_best(Run *run)
{
    run->position.best = -1;
    run->position.best_value = run->position.due_best = INFINITY;
    run->position.bad_epochs = 0;
}

/* A run that begins needs a schedule if its train follows one; a run that goes on has it. */
static bool check_schedule(const Run *run)
{
    const char *given = run->settings->schedule;
    if (!run->manifest->train->schedule || (run->has_checkpoint ? !given : given != NULL))
        return true;
    return given ? report_error("--schedule is for a run that begins, and %s holds one that goes on with its own", run->folder)
                 : report_error("'%s' replays a schedule of hyperparameters: name its file by --schedule, such as the "
                                "metrics.jsonl of a run "
                                "that tuned them",
                                run->manifest->train->name);
}

static bool prepare(Run *run)
{
    if (!choose_folder(run) || !find_run(run) || !check_schedule(run) ||
        (run->settings->points && !points_read(run->manifest, run->settings->points, &run->points)))
        return false;
    parallel_set_threads((int)run->identity.threads);
    if (!data_load(&run->data, run->manifest, run->settings->data, run->identity.seed) ||
        !program_open(&run->program, run->manifest) || !open_calls(run) || !make_plan(run))
        return false;
    set_constant_inputs(run);
    if (run->has_checkpoint && checkpoint_may_grow(run->manifest))
        run_initialise(run); /* what the run gets more than it had */
    if (run->has_checkpoint && !checkpoint_restore(run->last, &run->program, &run->grown))
        return false;
    if (run->grown && !sweep_in_rounds(run->manifest->train->sweep))
        forget_best(run);
    if (!run->has_checkpoint) {
        run_initialise(run);
        if (run->settings->schedule && !schedule_read(&run->program, run->settings->schedule, run->plan.epoch_steps))
            return false;
        if (!first_weights_frozen(&run->program, run->settings->data) || !first_weights_from(&run->program, run->settings->from))
            return false;
    }
    if (!set_constants(run) || !data_encode(&run->data, &run->program, !run->has_checkpoint))
        return false;
    for (size_t i = 0; i < run->plan.phases; i++)
        if (!take_stored(&run->phases[i]))
            return false;
    data_fingerprint(&run->data);
    run->identity.data = run->data.fingerprints;
    return !run->has_checkpoint || checkpoint_check_data(run->last, run->manifest, run->identity.data);
}

static void close_run(Run *run)
{
    for (size_t i = 0; i < MAX_PHASES; i++) {
        call_close(&run->phases[i].call);
        call_close(&run->phases[i].micro);
        free(run->phases[i].index);
        for (size_t k = 0; k < run->phases[i].sampler_count; k++)
            sampler_close(&run->phases[i].samplers[k]);
        free(run->phases[i].samplers);
        reading_close(&run->phases[i].reading);
    }
    evaluations_close(run->evaluations, run->manifest->train->metric_count);
    sweep_close(&run->sweep);
    functions_close(&run->functions);
    call_close(&run->init);
    call_close(&run->hypers);
    call_close(&run->plateau);
    for (size_t i = 0; i < MAX_ACTS; i++)
        call_close(&run->calls[i]);
    metrics_log_close(&run->log);
    trial_acts_close(&run->trials);
    points_free(&run->points);
    program_close(&run->program);
    data_free(&run->data);
    free(run->folder);
    free(run->last);
    free(run->best);
    if (run->lock >= 0)
        close(run->lock);
}

/* ---- the command ---- */

/* The file of trials: the folder's own, or one that runs share. */
static bool open_trials(Run *run)
{
    const char *shared = run->settings->trials;
    char *own = shared ? NULL : path_join(run->folder, "trials.jsonl");
    run->trials = (TrialActs){.manifest = run->manifest,
                              .folder = realpath(run->folder, NULL),
                              .program = &run->program,
                              .walk = &run->plan.walk,
                              .log = &run->log,
                              .position = &run->position};
    if (!run->trials.folder)
        report_error("cannot find the folder %s: %s", run->folder, strerror(errno));
    bool fine = (shared || own) && run->trials.folder &&
                trials_open(&run->trials.trials, run->manifest, run->identity.seed, shared ? shared : own);
    free(own);
    return fine && (!run->points.count || trials_give(&run->trials.trials, &run->points));
}

/* Creates or continues the folder's files. A run begins with a checkpoint of its first states, so that it can be resumed from its
 * first moment on, and an unwritable or full disk is found before any work is done. */
static bool open_folder(Run *run)
{
    if (!run->has_checkpoint) {
        if (run->folder ? !folder_create(run->folder) : !name_paths(run, folder_claim(run->manifest)))
            return false;
        if (run->lock < 0 && !lock_folder(run))
            return false;
        run->has_checkpoint = checkpoint_write(run->last, &run->program, &run->identity, &run->position, false);
        if (!run->has_checkpoint)
            return false;
    }
    if (run->position.best >= 0 && !path_exists(run->best))
        report_note("%s, which was written after evaluation %" PRId64
                    ", is gone; only an evaluation that is better still writes it again",
                    run->best, run->position.best + 1);
    if (run->manifest->train->trials && !open_trials(run))
        return false;
    char *log = path_join(run->folder, "metrics.jsonl");
    return log && metrics_log_open(&run->log, log, run->position.evaluations, result_precision(run)) && result_write_config(run);
}

/* A finished checkpoint holds no time, so that it depends on nothing but model, data and seed; the log has it. */
static void recover_seconds(Run *run)
{
    json_t *event = metrics_log_event(&run->log, run->position.evaluations - 1);
    if (run->position.seconds == 0)
        run->position.seconds = json_number_value(json_object_get(event, "seconds"));
    json_decref(event);
}

/* A run that was resumed after its last evaluation has measured no sweep. */
static void recover_sweep(Run *run)
{
    if (run->sweep.info)
        sweep_recall(&run->sweep, run->evaluations, &run->program, run_nets(run));
}

static int report_end(Run *run, LoopEnd end)
{
    const char *reason = end == LOOP_TIME_UP ? "seconds" : position_end_reason(&run->position, run->manifest->train);
    switch (end) {
    case LOOP_FAILED:
        return EXIT_FAILURE;
    case LOOP_INTERRUPTED:
        words_interrupted(run);
        return EXIT_INTERRUPTED;
    case LOOP_FINISHED:
    case LOOP_TIME_UP:
        break;
    }
    recover_sweep(run);
    if (run->sweep.info)
        sweep_note_limits(&run->sweep);
    if (!result_write(run, reason))
        return EXIT_FAILURE;
    words_end(run, reason);
    return EXIT_SUCCESS;
}

/* A result belongs to a finished run: true if there is one and nothing is left to do. Otherwise removes an older result, which is
 * wrong once the run goes on. */
static bool was_finished(const Run *run)
{
    char *path = path_join(run->folder, "result.json");
    bool finished = path && path_exists(path) && walk_next(&run->plan.walk, run->position.done) == WALK_END;
    if (path && !finished)
        unlink(path);
    free(path);
    return finished;
}

static int run_loop(Run *run)
{
    recover_seconds(run);
    if (run->grown && walk_next(&run->plan.walk, run->position.done) == WALK_END) {
        report_error("%s holds a finished run, and this program has more to train than it had: say with --epochs or --steps how "
                     "far the run goes on",
                     run->folder);
        return EXIT_FAILURE;
    }
    if (was_finished(run)) {
        if (sweep_in_rounds(run->sweep.info)) /* its results are in the checkpoint */
            recover_sweep(run);
        words_finished(run);
        return EXIT_SUCCESS;
    }
    if (!run->settings->quiet)
        words_header(run);
    progress_begin(&run->progress, run->manifest, &run->plan, &run->position, run->settings->quiet, run->plan.seconds);
    LoopEnd end = loop_run(run);
    progress_end(&run->progress);
    return report_end(run, end);
}

/* A run that has done more steps than this command asks for stays as it is. */
static bool has_done_more(const Run *run)
{
    if (!run->has_checkpoint || run->position.steps[0] <= run->plan.total_steps)
        return false;
    words_has_done_more(run);
    return true;
}

/* Whether the files that the command names are of use to the train. */
static bool check_files(const TrainInfo *train, const RunSettings *settings)
{
    if (!train)
        return report_error("this model has no train to run");
    if (settings->trials && !train->trials)
        return report_error("--trials is for a train that has trials");
    if (settings->points && !train->trials)
        return report_error("--points is for a train that has trials");
    return !settings->schedule || train->schedule || report_error("--schedule is for a train that replays one");
}

int train_command(const Manifest *manifest, const RunSettings *settings)
{
    if (!check_files(manifest->train, settings))
        return EXIT_FAILURE;
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to report, not a reason to die */
    Run run = {.manifest = manifest, .settings = settings, .lock = -1};
    bool ready = prepare(&run);
    int status = ready && has_done_more(&run) ? EXIT_SUCCESS : ready && open_folder(&run) ? run_loop(&run) : EXIT_FAILURE;
    close_run(&run);
    return status;
}
