#include "runtime/run/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_CELLS = 24, DEFAULT_COLUMNS = 80, LINE_SIZE = 512 };
static const double draw_interval = 0.1; /* seconds */
static const char clear_line[] = "\r\033[K";

void progress_begin(Progress *progress, const TrainInfo *train, const Plan *plan, const Position *position, bool quiet)
{
    *progress = (Progress){.terminal = isatty(STDOUT_FILENO),
                           .quiet = quiet,
                           .train = train,
                           .plan = plan,
                           .first_step = position->steps[0],
                           .first_seconds = position->seconds,
                           .drawn = position->seconds};
}

static double steps_per_second(const Progress *progress, const Position *position)
{
    double seconds = position->seconds - progress->first_seconds;
    return seconds > 0 ? (double)(position->steps[0] - progress->first_step) / seconds : 0;
}

__attribute__((format(printf, 3, 4))) static void add(char *line, size_t *length, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int added = vsnprintf(line + *length, LINE_SIZE - *length, format, args);
    va_end(args);
    *length += added > 0 ? (size_t)added : 0;
    if (*length >= LINE_SIZE)
        *length = LINE_SIZE - 1;
}

static size_t terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS;
}

static void draw_bar(const Progress *progress, const Position *position)
{
    char line[LINE_SIZE];
    size_t length = 0;
    int64_t done = position->steps[0], total = progress->plan->total_steps;
    double part = total > 0 ? (double)done / (double)total : 1, rate = steps_per_second(progress, position);
    int filled = (int)(part * BAR_CELLS);
    add(line, &length, "%3.0f%% [%.*s%*s] %" PRId64 "/%" PRId64 "  %.0f steps/s", 100 * part, filled,
        "========================", BAR_CELLS - filled, "", done, total, rate);
    if (rate > 0) {
        int64_t left = (int64_t)((double)(total - done) / rate);
        add(line, &length, "  %" PRId64 ":%02" PRId64 " left", left / 60, left % 60);
    }
    for (size_t phase = 0; phase < progress->plan->phases; phase++) {
        const Mean *loss = &position->means[phase][0];
        if (loss->count)
            add(line, &length, "  %s %.4g", progress->train->phases[phase].name, loss->sum / (double)loss->count);
    }
    size_t columns = terminal_columns();
    printf("%s%.*s", clear_line, (int)(length < columns ? length : columns - 1), line);
    fflush(stdout);
}

void progress_step(Progress *progress, const Position *position)
{
    if (progress->quiet || !progress->terminal || position->seconds - progress->drawn < draw_interval)
        return;
    progress->drawn = position->seconds;
    draw_bar(progress, position);
}

/* Losses, metrics and scalar hyperparameters; vectors and spreads are in metrics.jsonl only. */
static bool is_shown(const char *key, const json_t *value)
{
    size_t length = strlen(key);
    bool spread = length > 6 && !strcmp(key + length - 6, ".sigma");
    return json_is_number(value) && !spread && strcmp(key, "epoch") && strcmp(key, "step") && strcmp(key, "seconds") &&
           strncmp(key, "steps.", 6);
}

void progress_event(Progress *progress, const Position *position, const json_t *event)
{
    if (progress->quiet)
        return;
    const char *key;
    json_t *value;
    printf("%sepoch %.4g/%.4g", progress->terminal ? clear_line : "", json_number_value(json_object_get(event, "epoch")),
           (double)progress->plan->total_steps / (double)progress->plan->epoch_steps);
    json_object_foreach((json_t *)event, key, value)
    {
        if (is_shown(key, value))
            printf("  %s %.4g", key, json_number_value(value));
    }
    printf("  %.0f steps/s\n", steps_per_second(progress, position));
    fflush(stdout);
}

void progress_end(Progress *progress)
{
    if (progress->terminal && !progress->quiet)
        printf("%s", clear_line);
    fflush(stdout);
}
