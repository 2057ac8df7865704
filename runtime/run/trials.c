#include "runtime/run/trials.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/abi/hyper_kinds.h"
#include "runtime/abi/random_space.h"
#include "runtime/core/report.h"
#include "runtime/data/philox.h"
#include "runtime/run/pruners.h"

/* ---- the space ---- */

static double draw(const void *context, uint32_t trial, uint32_t index)
{
    const Trials *trials = context;
    const uint32_t counter[4] = {index / 4, trial, RANDOM_STREAM_TRIAL, RANDOM_PURPOSE_TRIAL};
    uint32_t words[4];
    philox_block(counter, trials->seed, words);
    return words[index % 4] * 0x1p-32;
}

/* Every bounded kind of hyperparameter is a sigmoid of its unconstrained number: of which share of its interval it is. */
static void make_space(Trials *trials)
{
    ProposalSpace *space = &trials->space;
    for (size_t i = 0; i < trials->info->hyper_count; i++) {
        const HyperInfo *hyper = &trials->manifest->hypers[trials->info->hypers[i]];
        double raw = hyper_kind_raw(hyper->kind, hyper->low, hyper->high, hyper->init, hyper->init);
        for (size_t k = 0; k < hyper_elements(hyper) && space->d < MOST_PROPOSED_NUMBERS; k++) {
            space->first[space->d] = 1 / (1 + exp(-raw));
            space->cells[space->d++] = hyper_kind_values(hyper->kind, hyper->low, hyper->high);
        }
    }
    space->values = trials->info->values;
    space->initial = trials->info->initial;
    space->draw = draw;
    space->context = trials;
}

/* ---- the file ---- */

typedef struct Trial {
    double point[MOST_PROPOSED_NUMBERS];
    const char *by;   /* NULL: it waits for whoever takes it */
    bool given;       /* by a user */
    json_t *finished; /* NULL: it waits, is being trained, or was given up */
} Trial;

typedef struct TrialList {
    int descriptor; /* locked */
    json_t *lines;  /* an array, which owns what trials refer to */
    Trial *trials;
    int64_t count;
} TrialList;

static bool damaged(const Trials *trials, size_t line, const char *why)
{
    return report_error("%s, line %zu: %s", trials->path, line, why);
}

static bool add_claim(const Trials *trials, TrialList *list, const json_t *line)
{
    const json_t *point = json_object_get(line, "point");
    Trial *grown = realloc(list->trials, (size_t)(list->count + 1) * sizeof *grown);
    if (!grown)
        return report_error("out of memory");
    list->trials = grown;
    Trial *trial = &list->trials[list->count++];
    *trial = (Trial){.by = json_string_value(json_object_get(line, "by"))};
    trial->given = !trial->by;
    if (json_array_size(point) != trials->space.d)
        return false;
    for (size_t i = 0; i < trials->space.d; i++) {
        trial->point[i] = json_number_value(json_array_get(point, i));
        if (!(trial->point[i] >= 0 && trial->point[i] <= 1))
            return false;
    }
    return true;
}

/* The first line: of a program that computes the same, and of runs that begin with the same weights. Earlier versions wrote no seed. */
static bool check_heading(const Trials *trials, const char *text)
{
    json_t *line = json_loads(text, 0, NULL);
    const char *digest = json_string_value(json_object_get(line, "digest")), *seed = json_string_value(json_object_get(line, "seed"));
    bool fine = (digest && !strcmp(digest, trials->manifest->digest)) ||
                report_error("%s holds the trials of another program: the model, or what is tried, differs", trials->path);
    if (fine && seed && strtoull(seed, NULL, 10) != trials->number)
        fine = report_error("%s holds trials of the seed %s, and this run has %" PRIu64
                            ": all trials of a file begin with the same weights",
                            trials->path, seed, trials->number);
    json_decref(line);
    return fine;
}

static bool add_line(const Trials *trials, TrialList *list, const char *text, size_t number)
{
    if (number == 1)
        return check_heading(trials, text);
    json_t *line = json_loads(text, 0, NULL), *trial = json_object_get(line, "trial");
    if (!json_is_integer(trial)) {
        json_decref(line);
        return damaged(trials, number, "no trial stands here");
    }
    json_array_append_new(list->lines, line);
    int64_t place = json_integer_value(trial);
    if (json_object_get(line, "point")) {
        if (place != list->count)
            return damaged(trials, number, "trials are not numbered one after the other");
        return add_claim(trials, list, line) ||
               damaged(trials, number, "the point is none of these hyperparameters: another program made the file");
    }
    if (place < 0 || place >= list->count)
        return damaged(trials, number, "no such trial was begun");
    const char *by = json_string_value(json_object_get(line, "by"));
    if (by)
        list->trials[place].by = by;
    else if (!list->trials[place].finished)
        list->trials[place].finished = line;
    return true;
}

/* A last line without its end is that of a run which was killed while it wrote: it is cut off. */
static bool read_lines(const Trials *trials, TrialList *list, char *text, size_t size)
{
    size_t number = 1, begin = 0;
    for (char *end; begin < size && (end = memchr(text + begin, '\n', size - begin)); number++) {
        *end = '\0';
        if (!add_line(trials, list, text + begin, number))
            return false;
        begin = (size_t)(end - text) + 1;
    }
    return begin == size || ftruncate(list->descriptor, (off_t)begin) == 0 ||
           report_error("cannot shorten %s: %s", trials->path, strerror(errno));
}

static void list_close(TrialList *list)
{
    if (list->descriptor >= 0)
        close(list->descriptor); /* which unlocks it */
    json_decref(list->lines);
    free(list->trials);
}

/* Reads the file under a lock; list_close() in any case. */
static bool list_open(const Trials *trials, TrialList *list)
{
    *list = (TrialList){.descriptor = open(trials->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666), .lines = json_array()};
    off_t size = -1;
    if (list->descriptor < 0 || flock(list->descriptor, LOCK_EX) < 0 || (size = lseek(list->descriptor, 0, SEEK_END)) < 0)
        return report_error("cannot read %s: %s", trials->path, strerror(errno));
    char *text = malloc((size_t)size + 1);
    if (!text)
        return report_error("out of memory");
    bool fine = pread(list->descriptor, text, (size_t)size, 0) == size || report_error("cannot read %s", trials->path);
    fine = fine && read_lines(trials, list, text, (size_t)size);
    free(text);
    return fine;
}

static bool list_append(const Trials *trials, TrialList *list, const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(17));
    size_t length = text ? strlen(text) : 0;
    off_t before = lseek(list->descriptor, 0, SEEK_END);
    bool fine = text != NULL;
    if (fine) {
        text[length] = '\n'; /* in place of the end of the string */
        fine = write(list->descriptor, text, length + 1) == (ssize_t)(length + 1) && fsync(list->descriptor) == 0;
    }
    free(text);
    if (!fine && ftruncate(list->descriptor, before) < 0)
        return report_error("cannot write %s, whose last line may be broken off: %s", trials->path, strerror(errno));
    return fine || report_error("cannot write %s: %s", trials->path, strerror(errno));
}

static bool write_heading(const Trials *trials, TrialList *list)
{
    const Manifest *manifest = trials->manifest;
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, trials->number); /* JSON's numbers do not hold all of them */
    json_t *line = json_pack("{s:s, s:s, s:s, s:s}", "model", manifest->model, "train", manifest->train->name, "digest",
                             manifest->digest, "seed", seed);
    bool fine = line ? list_append(trials, list, line) : report_error("out of memory");
    json_decref(line);
    return fine;
}

bool trials_open(Trials *trials, const Manifest *manifest, uint64_t seed, const char *path)
{
    TrialList list;
    *trials = (Trials){.manifest = manifest, .info = manifest->train->trials, .path = strdup(path)};
    trials->number = seed;
    trials->seed[0] = (uint32_t)seed;
    trials->seed[1] = (uint32_t)(seed >> 32);
    if (!trials->path)
        return report_error("out of memory");
    make_space(trials);
    bool fine = list_open(trials, &list);
    if (fine && lseek(list.descriptor, 0, SEEK_END) == 0)
        fine = write_heading(trials, &list);
    if (fine && list.count >= trials->info->trials && list.trials[list.count - 1].finished)
        report_note("%s holds all %" PRId64 " trials already", path, trials->info->trials);
    list_close(&list);
    return fine;
}

void trials_close(Trials *trials)
{
    free(trials->path);
}

/* ---- proposals ---- */

static bool has_value(const Trial *trial)
{
    return json_is_number(json_object_get(trial->finished, "value"));
}

static double value_of(const Trial *trial)
{
    return json_number_value(json_object_get(trial->finished, "value"));
}

static bool has_ended(const Trial *trial, const char *how)
{
    const char *ended = json_string_value(json_object_get(trial->finished, "ended"));
    return ended && !strcmp(ended, how);
}

/* Proposal `number`, but for points that were given. What is known: trials with values, then those that are being trained. A trial
 * that failed counts as if it had the largest value, whatever it had before, so that its neighbourhood is left. */
static bool propose(const Trials *trials, const TrialList *list, int64_t number, double *point)
{
    static Propose *const proposals[PROPOSAL_COUNT] = {
#define PROPOSAL(KIND, name, ...) propose_##name,
#include "runtime/abi/proposals.def"
#undef PROPOSAL
    };
    size_t d = trials->space.d, count = (size_t)list->count;
    double *points = malloc((count + 1) * d * sizeof *points), *values = malloc((count + 1) * sizeof *values),
           largest = -INFINITY;
    PastTrials past = {.points = points, .values = values};
    if (!points || !values) {
        free(points);
        free(values);
        return report_error("out of memory");
    }
    for (size_t i = 0; i < count; i++)
        if (has_value(&list->trials[i]))
            largest = fmax(largest, value_of(&list->trials[i]));
    for (int pending = 0; pending < 2; pending++)
        for (size_t i = 0; i < count; i++) {
            const Trial *trial = &list->trials[i];
            if ((trial->finished == NULL) != pending || (!pending && !isfinite(largest)))
                continue;
            memcpy(points + (past.count + past.pending) * d, trial->point, d * sizeof *points);
            if (pending)
                past.pending++;
            else
                values[past.count++] = has_value(trial) && !has_ended(trial, "failed") ? value_of(trial) : largest;
        }
    for (size_t i = 0; i < count; i++)
        number -= list->trials[i].given;
    if (!proposals[trials->info->kind](&trials->space, &past, number, point))
        report_note("trial %" PRId64 " is a random one: there are too few values for a model of them", number);
    free(points);
    free(values);
    return true;
}

/* Appends a line about a trial; `by` or `point` may be NULL. */
static bool append_trial(const Trials *trials, TrialList *list, int64_t number, const char *by, const double *point)
{
    json_t *numbers = point ? json_array() : NULL;
    for (size_t i = 0; point && i < trials->space.d; i++)
        json_array_append_new(numbers, json_real(point[i]));
    json_t *line = json_pack("{s:I, s:s*, s:o*}", "trial", (json_int_t)number, "by", by, "point", numbers);
    bool fine = line ? list_append(trials, list, line) : report_error("out of memory");
    json_decref(line);
    return fine;
}

static bool is_given(const TrialList *list, const double *point, size_t d)
{
    bool found = false;
    for (int64_t i = 0; i < list->count; i++)
        found |= list->trials[i].given && !memcmp(list->trials[i].point, point, d * sizeof *point);
    return found;
}

/* Drops points that have been given before. */
static void drop_given(const Trials *trials, const TrialList *list, Points *points)
{
    size_t kept = 0, d = points->d;
    for (size_t i = 0; i < points->count; i++) {
        double *point = points->numbers + i * d;
        propose_snap(&trials->space, point);
        if (!is_given(list, point, d))
            memmove(points->numbers + kept++ * d, point, d * sizeof *point);
    }
    points->count = kept;
}

bool trials_give(const Trials *trials, Points *points)
{
    TrialList list;
    bool fine = list_open(trials, &list);
    int64_t left = trials->info->trials - list.count;
    if (fine && trials->info->values)
        fine = report_error("a grid tries its own points alone");
    if (fine)
        drop_given(trials, &list, points);
    if (fine && (int64_t)points->count > left)
        fine = report_error("%zu points are given, but %" PRId64 " of the train's %" PRId64 " trials are left", points->count, left,
                            trials->info->trials);
    for (size_t i = 0; i < points->count && fine; i++)
        fine = append_trial(trials, &list, list.count + (int64_t)i, NULL, points->numbers + i * points->d);
    list_close(&list);
    return fine;
}

/* The first trial that waits; -1: none does. */
static int64_t find_waiting(const TrialList *list)
{
    for (int64_t i = 0; i < list->count; i++)
        if (!list->trials[i].finished && !list->trials[i].by)
            return i;
    return -1;
}

/* The last trial that the run has claimed and not finished; -1: there is none. */
static int64_t find_own(const TrialList *list, const char *by)
{
    for (int64_t i = list->count; i-- > 0;)
        if (!list->trials[i].finished && list->trials[i].by && !strcmp(list->trials[i].by, by))
            return i;
    return -1;
}

static Claim claim_in(const Trials *trials, TrialList *list, const char *by, int64_t *number, double *point)
{
    bool own = (*number = find_own(list, by)) >= 0, waiting = !own && (*number = find_waiting(list)) >= 0;
    if (own || waiting) {
        memcpy(point, list->trials[*number].point, trials->space.d * sizeof *point);
        return own || append_trial(trials, list, *number, by, NULL) ? TRIAL_CLAIMED : TRIALS_FAILED;
    }
    *number = list->count;
    if (list->count >= trials->info->trials)
        return TRIALS_DONE;
    bool claimed = propose(trials, list, *number, point) && append_trial(trials, list, *number, by, point);
    return claimed ? TRIAL_CLAIMED : TRIALS_FAILED;
}

Claim trials_claim(const Trials *trials, const char *by, int64_t *number, double *point)
{
    TrialList list;
    Claim claim = list_open(trials, &list) ? claim_in(trials, &list, by, number, point) : TRIALS_FAILED;
    list_close(&list);
    return claim;
}

bool trials_finish(const Trials *trials, int64_t number, json_t *fields)
{
    TrialList list;
    bool fine = list_open(trials, &list);
    if (fine && number < list.count && !list.trials[number].finished) {
        json_t *line = json_pack("{s:I}", "trial", (json_int_t)number);
        json_object_update(line, fields);
        fine = list_append(trials, &list, line);
        json_decref(line);
    }
    json_decref(fields);
    list_close(&list);
    return fine;
}

/* ---- what they came to ---- */

/* The least of the first `count` values of a curve; INFINITY: it has fewer. */
static double least_until(const json_t *curve, size_t count)
{
    double least = INFINITY;
    for (size_t i = 0; i < count && count <= json_array_size(curve); i++)
        if (json_is_number(json_array_get(curve, i)))
            least = fmin(least, json_number_value(json_array_get(curve, i)));
    return least;
}

bool trials_is_hopeless(const Trials *trials, int64_t number, const json_t *curve)
{
    size_t evaluations = json_array_size(curve), count = 0;
    if (!pruner_looks(trials->info, evaluations))
        return false;
    TrialList list;
    bool fine = list_open(trials, &list), hopeless = false;
    double *others = malloc((size_t)(list.count + 1) * sizeof *others);
    for (int64_t i = 0; i < list.count && fine && others; i++) {
        double least = i == number ? INFINITY : least_until(json_object_get(list.trials[i].finished, "curve"), evaluations);
        if (isfinite(least))
            others[count++] = least;
    }
    if (fine && others && count)
        hopeless = pruner_ends(trials->info, least_until(curve, evaluations), others, count);
    free(others);
    list_close(&list);
    return hopeless;
}

bool trials_count(const Trials *trials, TrialCounts *counts)
{
    TrialList list;
    bool fine = list_open(trials, &list);
    *counts = (TrialCounts){.claimed = list.count, .best = -1};
    for (int64_t i = 0; i < list.count && fine; i++) {
        const Trial *trial = &list.trials[i];
        counts->finished += trial->finished != NULL;
        counts->pruned += has_ended(trial, "pruned");
        counts->failed += has_ended(trial, "failed");
        if (has_value(trial) && (counts->best < 0 || value_of(trial) < counts->value)) {
            counts->best = i;
            counts->value = value_of(trial);
        }
    }
    counts->best_failed = counts->best >= 0 && has_ended(&list.trials[counts->best], "failed");
    if (counts->best >= 0)
        counts->hypers = json_incref(json_object_get(list.trials[counts->best].finished, "hypers"));
    list_close(&list);
    return fine;
}
