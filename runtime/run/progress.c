#include "runtime/run/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/clock.h"
#include "runtime/run/screen.h"

enum { BAR_CELLS = 20, LINE_SIZE = 512 };
static const double bar_interval = 0.1, line_interval = 30; /* seconds */
static const char interval_variable[] = "HNC_PROGRESS_SECONDS";
static const char clear_line[] = "\r\033[K";

/* The user's number of seconds between two lines, where it is one. */
static double line_seconds(void)
{
    const char *variable = getenv(interval_variable);
    char *end;
    double seconds = variable ? strtod(variable, &end) : 0;
    return variable && end != variable && *end == '\0' && seconds > 0 ? seconds : line_interval;
}

void progress_begin(Progress *progress, const Manifest *manifest, const RunPlan *plan, const Position *position, bool quiet,
                    double limit)
{
    double now = clock_seconds();
    bool terminal = isatty(STDOUT_FILENO);
    *progress = (Progress){.terminal = terminal,
                           .quiet = quiet,
                           .train = manifest->train,
                           .plan = plan,
                           .limit = limit,
                           .first_step = position->steps[0],
                           .first_seconds = position->seconds,
                           .began = now,
                           .drawn = now,
                           .interval = terminal ? bar_interval : line_seconds()};
    if (quiet)
        return;
    progress_table_open(&progress->table, manifest, plan, screen_columns());
    progress_table_print_heading(&progress->table, manifest->train);
    fflush(stdout);
}

/* Of the run: training until this process began, and all that it does. */
static double elapsed(const Progress *progress)
{
    return progress->first_seconds + clock_seconds() - progress->began;
}

static double steps_per_second(const Progress *progress, const Position *position)
{
    double seconds = position->seconds - progress->first_seconds;
    return seconds > 0 ? (double)(position->steps[0] - progress->first_step) / seconds : 0;
}

/* Until the last step or the limit of seconds, evaluations included; NaN if this process has not done any step. */
static double time_left(const Progress *progress, const Position *position)
{
    double steps = (double)(position->steps[0] - progress->first_step), wall = clock_seconds() - progress->began;
    if (steps <= 0)
        return NAN;
    double left = wall / steps * (double)(progress->plan->total_steps - position->steps[0]);
    double trained = position->seconds - progress->first_seconds;
    if (progress->limit > 0 && trained > 0)
        left = fmin(left, fmax(0, progress->limit - position->seconds) * wall / trained);
    return left;
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

/* "epoch 3.21/60  812 steps/s  12:34 left  loss 0.41" */
static void add_position(const Progress *progress, const Position *position, char *line, size_t *length)
{
    char duration[DURATION_SIZE];
    const ProgressTable *table = &progress->table;
    const RunPlan *plan = progress->plan;
    double epoch_steps = (double)plan->epoch_steps, left = time_left(progress, position);
    int64_t step = position->steps[0], begun = plan_nets_begun(plan, step);
    if (table->point_word && begun > 0) {
        add(line, length, "%s %" PRId64 " (%" PRId64 " of %" PRId64 "), ", table->point_word, begun - 1, begun, plan->nets);
        step -= (begun - 1) * plan->net_steps;
    }
    if (table->in_steps)
        add(line, length, "step %" PRId64 "/%.0f", step, table->epochs);
    else
        add(line, length, "epoch %.2f/%.7g", (double)step / epoch_steps, table->epochs);
    add(line, length, "  %.0f steps/s", steps_per_second(progress, position));
    if (isfinite(left))
        add(line, length, "  %s left", screen_duration(left, duration));
    for (size_t phase = 0; phase < progress->plan->phases; phase++) {
        const Mean *loss = &position->means[phase][0];
        if (loss->count)
            add(line, length, "  loss.%s %.4g", progress->train->phases[phase].name, loss->sum / (double)loss->count);
    }
}

static void draw(const Progress *progress, const Position *position)
{
    char line[LINE_SIZE];
    size_t length = 0, columns = (size_t)screen_columns();
    double part = (double)position->steps[0] / fmax(1, (double)progress->plan->total_steps);
    int filled = (int)(part * BAR_CELLS);
    if (progress->terminal)
        add(line, &length, "  [%.*s%*s] ", filled, "====================", BAR_CELLS - filled, "");
    else
        add(line, &length, "  ");
    add_position(progress, position, line, &length);
    printf("%s%.*s%s", progress->terminal ? clear_line : "", (int)(length < columns ? length : columns - 1), line,
           progress->terminal ? "" : "\n");
    fflush(stdout);
}

void progress_step(Progress *progress, const Position *position, double now)
{
    if (progress->quiet)
        return;
    if (now - progress->drawn < progress->interval)
        return;
    progress->drawn = now;
    draw(progress, position);
}

void progress_event(Progress *progress, const Position *position, const json_t *event, bool best)
{
    if (progress->quiet)
        return;
    if (progress->terminal)
        printf("%s", clear_line);
    progress_table_print_event(&progress->table, event, best, elapsed(progress), time_left(progress, position));
    progress->drawn = clock_seconds();
    fflush(stdout);
}

void progress_end(Progress *progress)
{
    if (progress->terminal && !progress->quiet)
        printf("%s", clear_line);
    fflush(stdout);
}
