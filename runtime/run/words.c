#include "runtime/run/words.h"

#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"
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

void words_header(const Run *run)
{
    const TrainInfo *train = run->manifest->train;
    char epochs[COUNT_SIZE], steps[COUNT_SIZE], at[COUNT_SIZE + 32] = "";
    screen_field("model", "%s, train %s (%s): %s of %s, batches of %" PRId64, run->manifest->model, train->name, train->method,
                 screen_count(result_epochs(run, run->plan.total_steps), "epoch", epochs),
                 screen_count((double)run->plan.epoch_steps, "step", steps), train->batch);
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
    snprintf(text, 2 * COUNT_SIZE + 8, "%s (%s)", screen_count((double)run->position.steps[0], "step", steps),
             screen_count(result_epochs(run, run->position.steps[0]), "epoch", epochs));
    return text;
}

static void print_closing_line(const Run *run, const char *reason)
{
    const Position *position = &run->position;
    const TrainInfo *train = run->manifest->train;
    char done[2 * COUNT_SIZE + 8];
    printf("%s: %s in %.1f s, stopped by %s", train->name, amount(run, done), position->seconds, reason);
    json_t *best = metrics_log_event(&run->log, position->best);
    if (best && train->select >= 0)
        printf("; best %s %.6g at epoch %.4g", train->metrics[train->select].name, position->best_value,
               json_number_value(json_object_get(best, "epoch")));
    json_decref(best);
    printf("; %s\n", run->folder);
}

static void print_reason(const Run *run, const char *reason)
{
    const Position *position = &run->position;
    char done[2 * COUNT_SIZE + 8], worse[COUNT_SIZE], time[DURATION_SIZE], why[COUNT_SIZE + 64] = "all planned steps are done";
    if (!strcmp(reason, "patience"))
        snprintf(why, sizeof why, "the last %s %s no improvement",
                 screen_count((double)position->bad_epochs, "evaluation", worse), position->bad_epochs == 1 ? "was" : "were");
    else if (!strcmp(reason, "seconds"))
        snprintf(why, sizeof why, "its %.4g s of training are over", run->settings->seconds);
    printf("\n");
    screen_field("ended", "after %s in %s of training: %s", amount(run, done), screen_duration(position->seconds, time), why);
}

/* "epoch 41: fit(fashion.valid) 0.2679, ..." of an event */
static void print_event(const Run *run, const char *label, int64_t number)
{
    const TrainInfo *train = run->manifest->train;
    const SweepInfo *sweep = train->sweep;
    json_t *event = metrics_log_event(&run->log, number);
    char *text = NULL;
    size_t size = 0;
    FILE *list = open_memstream(&text, &size);
    const char *between = "";
    for (size_t i = 0; list && event && i < train->metric_count + (sweep ? sweep->indicator_count : 0); i++) {
        const char *name =
            i < train->metric_count ? train->metrics[i].name : indicator_names[sweep->indicators[i - train->metric_count].kind];
        const json_t *value = json_object_get(event, name);
        if (!json_is_number(value))
            continue;
        fprintf(list, "%s%s" SCREEN_BLANK "%.4g", between, name, json_number_value(value));
        between = ", ";
    }
    if (list && fclose(list) == 0 && size > 0)
        screen_field(label, "epoch %.4g: %s", json_number_value(json_object_get(event, "epoch")), text);
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

static void print_next(const Run *run)
{
    const Manifest *manifest = run->manifest;
    const SweepInfo *sweep = manifest->train->sweep;
    const char *weights = manifest->train->select >= 0 && path_exists(run->best) ? run->best : run->last;
    char rest[160] = " FILE...";
    if (sweep)
        snprintf(rest, sizeof rest, " --%.60s A,B,... FILE...", manifest->conditions[sweep->condition].word);
    bool files = false; /* whether any data are read from the folder */
    for (size_t i = 0; i < manifest->dataset_count; i++)
        files |= manifest->datasets[i].file_count > 0;
    print_command(run, "next", "plot", run->folder, false, "");
    if (manifest->train->metric_count)
        print_command(run, "", "eval --weights", weights, files, "");
    if (manifest->export_count)
        print_command(run, "", "predict --weights", weights, false, rest);
}

void words_end(const Run *run, const char *reason)
{
    const Position *position = &run->position;
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
    words_end(run, position_end_reason(&run->position));
}

void words_has_done_more(const Run *run)
{
    char done[2 * COUNT_SIZE + 8];
    printf("the run in %s has done %s, more than the %" PRId64 " that are asked for; nothing is changed\n", run->folder,
           amount(run, done), run->plan.total_steps);
}
