#include "runtime/run/words.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"
#include "runtime/run/events.h"
#include "runtime/run/examples.h"
#include "runtime/run/result.h"
#include "runtime/run/screen.h"

/* ---- the header ---- */

/* "1,234,567" */
static const char *grouped(int64_t number, char text[static 32])
{
    char plain[32];
    int length = snprintf(plain, sizeof plain, "%" PRId64, number);
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = plain[i];
    }
    text[at] = '\0';
    return text;
}

static void print_weights(const Run *run)
{
    const Manifest *manifest = run->manifest;
    char numbers[32], tensors[COUNT_SIZE], hypers[COUNT_SIZE], from[512] = "";
    int64_t elements = 0, count = 0;
    for (size_t i = 0; i < manifest->state_count; i++)
        if (manifest->states[i].role == STATE_WEIGHT) {
            elements += manifest->states[i].tensor.elements;
            count++;
        }
    screen_count((double)manifest->hyper_count, "hyperparameter", hypers);
    if (run->settings->from)
        snprintf(from, sizeof from, "; from %.490s", run->settings->from);
    screen_field("weights", "%s in %s of %s%s%s%s", grouped(elements, numbers), screen_count((double)count, "tensor", tensors),
                 manifest->real == DTYPE_F64 ? "f64" : "f32", manifest->hyper_count ? "; " : "",
                 manifest->hyper_count ? hypers : "", from);
}

/* The rows of a split, of all members. */
static int64_t total_rows(const Data *data, size_t dataset, size_t split)
{
    int64_t rows = 0;
    for (int64_t m = 0; m < data_members(data, dataset); m++)
        rows += member_range(data, dataset, m, split).count;
    return rows;
}

/* One line per data set: its splits, and where its files are. */
static void print_data(const Run *run)
{
    const Manifest *manifest = run->manifest;
    for (size_t i = 0; i < manifest->dataset_count; i++) {
        const DatasetInfo *dataset = &manifest->datasets[i];
        char text[1024] = "", number[32];
        for (size_t j = 0; j < dataset->split_count; j++) {
            size_t length = strlen(text);
            snprintf(text + length, sizeof text - length, "%s%.60s %s", j ? ", " : "", dataset->splits[j].name,
                     grouped(total_rows(&run->data, i, j), number));
        }
        char members[64] = "";
        if (dataset->family)
            snprintf(members, sizeof members, "%" PRId64 " members, together ", dataset->family->count);
        screen_field(i ? "" : "data", "%s: %s%s%s%s", dataset->name, members, text, dataset->file_count ? "; from " : "",
                     dataset->file_count ? run->settings->data : "");
    }
}

static void print_threads(const Run *run)
{
    cpu_set_t processors;
    int64_t threads = run->identity.threads;
    int count = sched_getaffinity(0, sizeof processors, &processors) == 0 ? CPU_COUNT(&processors) : INT_MAX;
    if (threads > count)
        screen_field("threads", "%" PRId64 " on %d processor%s; a run is slower with more threads than processors", threads,
                     count, count == 1 ? "" : "s");
    else
        screen_field("threads", "%" PRId64, threads);
}

/* "60 epochs of 390 steps", "4,000 steps", "10 tasks of 4,000 steps", "64 trials of 20 epochs of 390 steps". */
enum { LENGTH_SIZE = 3 * COUNT_SIZE };
static const char *planned_length(const Run *run, char text[static LENGTH_SIZE])
{
    const RunPlan *plan = &run->plan;
    const SweepInfo *sweep = run->manifest->train->sweep;
    const char *round = run->manifest->train->trials ? "trial" : sweep_in_rounds(sweep) ? sweep->point_word : NULL;
    int64_t steps = round ? plan->net_steps : plan->total_steps;
    char points[COUNT_SIZE + 8] = "", epochs[COUNT_SIZE], number[32], each[COUNT_SIZE];
    if (round) {
        screen_count((double)plan->nets, round, points);
        strcat(points, " of ");
    }
    if (plan->in_steps)
        snprintf(text, LENGTH_SIZE, "%s%s step%s", points, grouped(steps, number), steps == 1 ? "" : "s");
    else
        snprintf(text, LENGTH_SIZE, "%s%s of %s", points, screen_count(result_epochs(run, steps), "epoch", epochs),
                 screen_count((double)plan->epoch_steps, "step", each));
    return text;
}

void words_header(const Run *run)
{
    const TrainInfo *train = run->manifest->train;
    char length[LENGTH_SIZE], at[COUNT_SIZE + 32] = "";
    screen_field("model", "%s, train %s (%s): %s, batches of %" PRId64, run->manifest->model, train->name, train->method,
                 planned_length(run, length), train->batch);
    print_weights(run);
    print_data(run);
    screen_field("seed", "%" PRIu64, run->identity.seed);
    print_threads(run);
    if (run->position.steps[0])
        snprintf(at, sizeof at, ", resumed at step %" PRId64, run->position.steps[0]);
    screen_field("folder", "%s%s", run->folder, at);
}

/* ---- the end ---- */

static const char *amount(const Run *run, char text[static 2 * COUNT_SIZE + 8])
{
    char steps[COUNT_SIZE], epochs[COUNT_SIZE];
    screen_count((double)run->position.steps[0], "step", steps);
    screen_count(result_epochs(run, run->position.steps[0]), "epoch", epochs);
    snprintf(text, 2 * COUNT_SIZE + 8, run->plan.in_steps ? "%s" : "%s (%s)", steps, epochs);
    return text;
}

/* "epoch 41", "step 4000", "task 2, step 4000": when an evaluation was. */
static const char *moment(const Run *run, const json_t *event, char text[static LENGTH_SIZE])
{
    const SweepInfo *sweep = run->manifest->train->sweep;
    const json_t *point = sweep_in_rounds(sweep) ? json_object_get(event, sweep->point_word) : NULL;
    double step = json_number_value(json_object_get(event, "step"));
    size_t length = 0;
    *text = '\0';
    if (point) {
        length = (size_t)snprintf(text, LENGTH_SIZE, "%.60s %.0f, ", sweep->point_word, json_number_value(point));
        step -= json_number_value(point) * (double)run->plan.net_steps;
    }
    if (run->plan.in_steps)
        snprintf(text + length, LENGTH_SIZE - length, "step %.0f", step);
    else
        snprintf(text + length, LENGTH_SIZE - length, "epoch %.4g", step / (double)run->plan.epoch_steps);
    return text;
}

static void print_closing_line(const Run *run, const char *reason)
{
    const Position *position = &run->position;
    const TrainInfo *train = run->manifest->train;
    char done[2 * COUNT_SIZE + 8], when[LENGTH_SIZE], events[LENGTH_SIZE];
    printf("%s: %s in %.1f s, stopped by %s", train->name, amount(run, done), position->seconds, reason);
    json_t *best = metrics_log_event(&run->log, position->best);
    if (best && train->select >= 0)
        printf("; best %s%s %.6g at %s", sweep_selects(train), train->metrics[train->select].name, position->best_value,
               moment(run, best, when));
    json_decref(best);
    for (size_t i = 0; sweep_in_rounds(train->sweep) && i < train->sweep->indicator_count; i++)
        if (isfinite(run->sweep.indicators[i]))
            printf("; %s %.6g", indicator_names[train->sweep->indicators[i].kind], run->sweep.indicators[i]);
    events_list(&run->program, events, sizeof events);
    if (*events)
        printf("; %s", events);
    printf("; %s\n", run->folder);
}

static void print_reason(const Run *run, const char *reason)
{
    const Position *position = &run->position;
    char done[2 * COUNT_SIZE + 8], worse[COUNT_SIZE], time[DURATION_SIZE], events[LENGTH_SIZE], why[COUNT_SIZE + 64] = "all planned steps are done";
    if (!strcmp(reason, "patience"))
        snprintf(why, sizeof why, "the last %s %s no improvement",
                 screen_count((double)position->bad_epochs, "evaluation", worse), position->bad_epochs == 1 ? "was" : "were");
    else if (!strcmp(reason, "trials"))
        snprintf(why, sizeof why, "there is no trial left to begin");
    else if (!strcmp(reason, "seconds"))
        snprintf(why, sizeof why, "its %.4g s of training are over", run->plan.seconds);
    printf("\n");
    screen_field("ended", "after %s in %s of training: %s", amount(run, done), screen_duration(position->seconds, time), why);
    events_list(&run->program, events, sizeof events);
    if (*events)
        screen_field("counted", "%s", events);
}

/* The numbers of an event, as a list in words. */
typedef struct EventList {
    FILE *file;
    const json_t *event, *point; /* point: the one at hand; NULL: none is */
    const char *between;
} EventList;

static void list_number(EventList *list, const char *key)
{
    const json_t *value = json_object_get(list->event, key);
    if (json_is_array(value) && list->point)
        value = json_array_get(value, (size_t)json_integer_value(list->point));
    if (!json_is_number(value))
        return;
    fprintf(list->file, "%s", list->between);
    for (; *key; key++)
        fputs(*key == ' ' ? SCREEN_BLANK : (char[]){*key, '\0'}, list->file);
    fprintf(list->file, SCREEN_BLANK "%.4g", json_number_value(value));
    list->between = ", ";
}

static void list_of_sweep(void *to, SweepColumn column, const char *key)
{
    if (column != SWEEP_COLUMN_RANGE)
        list_number(to, key);
}

/* "epoch 41: fit(fashion.valid) 0.2679, ..." of an event */
static void print_event(const Run *run, const char *label, int64_t number)
{
    const TrainInfo *train = run->manifest->train;
    json_t *event = metrics_log_event(&run->log, number);
    char *text = NULL, when[LENGTH_SIZE];
    size_t size = 0;
    EventList list = {.file = open_memstream(&text, &size), .event = event, .between = ""};
    if (sweep_in_rounds(train->sweep))
        list.point = json_object_get(event, train->sweep->point_word);
    if (list.file && event && train->sweep)
        sweep_columns(train, list_of_sweep, &list);
    for (size_t i = 0; list.file && event && !train->sweep && i < train->metric_count; i++)
        list_number(&list, train->metrics[i].name);
    if (list.file && fclose(list.file) == 0 && size > 0)
        screen_field(label, "%s: %s", moment(run, event, when), text);
    free(text);
    json_decref(event);
}

/* "./stn_mlp eval --weights FILE --data DIR", as far as a command takes them; `rest` behind it. */
static void print_command(const Run *run, const char *label, const char *command, const char *file, bool data, const char *rest)
{
    char *program = report_quoted(report_command()), *quoted = report_quoted(file), *folder = report_quoted(run->settings->data);
    const char *variable = getenv("HNC_DATA"); /* names the folder as long as the user's shell lives */
    bool here = !strcmp(run->settings->data, ".") || (variable && !strcmp(run->settings->data, variable));
    if (program && quoted && folder)
        printf("%-*s%s %s %s%s%s%s\n", SCREEN_LABEL, label, program, command, quoted, data && !here ? " --data " : "",
               data && !here ? folder : "", rest);
    free(program);
    free(quoted);
    free(folder);
}

/* Whether another argument of the export is a condition of this word, without a value of its own: then each is given by name. */
static bool shares_word(const Manifest *manifest, const ExportInfo *export, const ConditionInfo *condition)
{
    for (size_t i = 0; i < export->argument_count; i++) {
        int number = export->arguments[i].condition;
        if (number != NONE && &manifest->conditions[number] != condition && !manifest->conditions[number].standing &&
            !strcmp(manifest->conditions[number].word, condition->word))
            return true;
    }
    return false;
}

/* What predict is told of the first export, behind the weights: " --export score --task N FILE...", as far as it needs that. */
static void first_export(const Manifest *manifest, char text[static 256])
{
    const ExportInfo *export = &manifest->exports[0];
    int length = manifest->export_count > 1 ? snprintf(text, 256, " --export %.80s", export->name) : 0;
    text[length] = '\0';
    for (size_t i = 0; i < export->argument_count && length < 160; i++) {
        int number = export->arguments[i].condition;
        const ConditionInfo *condition = number == NONE ? NULL : &manifest->conditions[number];
        bool named = condition && shares_word(manifest, export, condition);
        if (condition && !condition->standing)
            length += snprintf(text + length, 80, " --%.20s %.30s%s%.10s", condition->word, named ? condition->name : "",
                               named ? "=" : "", domain_examples[condition->domain]);
    }
    if (examples_needed(export))
        snprintf(text + length, 16, " FILE...");
}

static void print_next(const Run *run)
{
    const Manifest *manifest = run->manifest;
    const char *weights = manifest->train->select >= 0 && path_exists(run->best) ? run->best : run->last;
    bool files = false; /* whether any data are read from the folder */
    for (size_t i = 0; i < manifest->dataset_count; i++)
        files |= manifest->datasets[i].file_count > 0;
    print_command(run, "next", "plot", run->folder, false, "");
    if (manifest->train->metric_count)
        print_command(run, "", "eval --weights", weights, files, "");
    if (manifest->export_count) {
        char rest[256];
        first_export(manifest, rest);
        print_command(run, "", "predict --weights", weights, false, rest);
    }
}

void words_end(const Run *run, const char *reason)
{
    const Position *position = &run->position;
    trials_note_failures(&run->trials);
    if (run->settings->quiet) {
        print_closing_line(run, reason);
        return;
    }
    const SweepInfo *sweep = run->manifest->train->sweep;
    bool selects = run->manifest->train->select >= 0, has_best = selects && path_exists(run->best),
         last_is_best = position->best == position->evaluations - 1;
    print_reason(run, reason);
    if (selects)
        print_event(run, "best", position->best);
    if (!selects || !last_is_best)
        print_event(run, "last", position->evaluations - 1);
    if (sweep)
        sweep_print(&run->sweep);
    trials_print_end(&run->trials);
    screen_field("files", "%s: %s the weights, metrics.jsonl every evaluation, %s%s%s%sresult.json the end", run->folder,
                 has_best ? "best.safetensors and last.safetensors have" : "last.safetensors has", sweep ? sweep->name : "",
                 sweep ? ".json the " : "", sweep ? sweep->title : "", sweep ? ", " : "");
    print_next(run);
}

void words_interrupted(const Run *run)
{
    char *command = report_quoted(report_command()), *folder = report_quoted(run->folder),
         *data = report_quoted(run->settings->data);
    bool here = !strcmp(run->settings->data, ".");
    printf("interrupted at step %" PRId64, run->position.steps[0]);
    if (command && folder && data)
        printf("; continue with: %s train --resume --out %s%s%s", command, folder, here ? "" : " --data ", here ? "" : data);
    printf("\n");
    free(command);
    free(folder);
    free(data);
}

void words_finished(const Run *run)
{
    printf("the run in %s is finished\n", run->folder);
    words_end(run, position_end_reason(&run->position, run->manifest->train));
}

void words_has_done_more(const Run *run)
{
    char done[2 * COUNT_SIZE + 8];
    printf("the run in %s has done %s, more than the %" PRId64 " that are asked for; nothing is changed\n", run->folder,
           amount(run, done), run->plan.total_steps);
}
