#include "runtime/run/progress_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/run/screen.h"
#include "runtime/run/sweep.h"

enum { VALUE_WIDTH = 7, GAP = 2, TIME_WIDTH = 8, FRACTION_WIDTH = 6, POINT_WIDTH = 4 };

/* ---- which columns there are ---- */

/* What a run can show, in the order in which it is shown. */
typedef struct Available {
    Column *list; /* owned */
    size_t count;
} Available;

static void clip(const char *text, size_t length, char head[static HEAD_SIZE])
{
    if (length < HEAD_SIZE)
        snprintf(head, HEAD_SIZE, "%.*s", (int)length, text);
    else
        snprintf(head, HEAD_SIZE, "%.*s..", HEAD_SIZE - 3, text);
}

/* "fit(fashion.valid)" is headed fit and valid, "loss.minimise" loss and minimise; any other key stands on the second line.
 * `common`: how many letters all splits of metrics begin with. */
static void name_column(Column *column, size_t common)
{
    const char *key = column->key, *open = strchr(key, '('), *dot = strrchr(key, '.');
    size_t length = strlen(key);
    if (open && key[length - 1] == ')') {
        const char *of = open + 1 + common;
        clip(key, (size_t)(open - key), column->name);
        clip(of, (size_t)(key + length - 1 - of), column->of);
    } else if (dot && dot > key && dot[1] && !open) {
        clip(key, (size_t)(dot - key), column->name);
        clip(dot + 1, strlen(dot + 1), column->of);
    } else {
        clip(key, length, column->of);
    }
    size_t name = strlen(column->name), of = strlen(column->of), widest = name > of ? name : of;
    column->width = (int)(widest > VALUE_WIDTH ? widest : VALUE_WIDTH);
}

static void add(Available *available, int rank, const char *key)
{
    Column *list = realloc(available->list, (available->count + 1) * sizeof *list);
    if (!list)
        return; /* a column less */
    available->list = list;
    Column *column = &list[available->count++];
    *column = (Column){.rank = rank};
    snprintf(column->key, sizeof column->key, "%s", key);
}

/* ORDER: a smaller number is shown first. */
enum { FIRST_LOSS, SELECTING, FIRST_RATE, INDICATOR, LOSS, METRIC, RANGE, HYPER, RATE, OTHER };

/* The outputs of steps: losses, learning rates and others. */
static void add_outputs(Available *available, const Manifest *manifest)
{
    const TrainInfo *train = manifest->train;
    bool first_rate = true;
    for (size_t i = 0; i < train->phase_count; i++) {
        const FunctionInfo *step = train->phases[i].step == NONE ? NULL : &manifest->functions[train->phases[i].step];
        for (size_t j = 0; step && j < step->output_count; j++) {
            const char *name = step->outputs[j].name;
            bool is_rate = !strcmp(name, "rate") || !strncmp(name, "rate.", 5);
            bool is_loss = j == 0 || !strncmp(name, "loss.", 5); /* of the phase, or of the next one */
            int rank = is_rate ? (i == 0 && first_rate ? FIRST_RATE : RATE) : !is_loss ? OTHER : i == 0 && j == 0 ? FIRST_LOSS : LOSS;
            char key[256];
            manifest_figure(train, i, name, key, sizeof key);
            add(available, rank, key);
            first_rate &= !is_rate;
        }
    }
}

static void add_of_sweep(void *to, SweepColumn column, const char *key)
{
    static const int ranks[] = {
        [SWEEP_COLUMN_METRIC] = SELECTING, [SWEEP_COLUMN_INDICATOR] = INDICATOR, [SWEEP_COLUMN_RANGE] = RANGE};
    add(to, ranks[column], key);
}

static void add_metrics(Available *available, const TrainInfo *train, size_t *left_out)
{
    if (train->sweep)
        *left_out += sweep_columns(train, add_of_sweep, available);
    for (size_t i = 0; !train->sweep && i < train->metric_count; i++)
        add(available, (int64_t)i == train->select ? SELECTING : METRIC, train->metrics[i].name);
}

static bool ends_in(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && !strcmp(text + length - tail, ending);
}

/* Vectors and spreads are left to metrics.jsonl. */
static void add_hypers(Available *available, const Manifest *manifest, size_t *left_out)
{
    const TrainInfo *train = manifest->train;
    const FunctionInfo *hypers = train->hypers == NONE ? NULL : &manifest->functions[train->hypers];
    for (size_t i = 0; hypers && i < hypers->output_count; i++) {
        const TensorInfo *output = &hypers->outputs[i];
        if (output->rank || ends_in(output->name, ".sigma"))
            ++*left_out;
        else
            add(available, HYPER, output->name);
    }
}

/* ---- which of them fit ---- */

/* The letters up to the last dot that the splits of all metrics begin with: "fashion." */
static size_t common_start(const TrainInfo *train)
{
    const char *first = NULL;
    size_t common = 0;
    for (size_t i = 0; i < train->metric_count; i++) {
        const char *open = strchr(train->metrics[i].name, '('), *dot = open ? strchr(open, '.') : NULL;
        if (!open)
            continue;
        size_t length = dot ? (size_t)(dot - open) : 0;
        if (!first) {
            first = open + 1;
            common = length;
        } else if (length != common || strncmp(first, open + 1, common)) {
            return 0;
        }
    }
    return common;
}

/* The next column that is shown: the first of the lowest rank; NULL if none is left. */
static Column *best_available(const Available *available, const bool *taken)
{
    Column *best = NULL;
    for (size_t i = 0; i < available->count; i++)
        if (!taken[i] && (!best || available->list[i].rank < best->rank))
            best = &available->list[i];
    return best;
}

static void choose(ProgressTable *table, const Available *available, int room)
{
    bool *taken = calloc(available->count + 1, sizeof *taken), *shown = calloc(available->count + 1, sizeof *shown);
    size_t count = 0;
    for (Column *best; taken && shown && count < MOST_COLUMNS_SHOWN && (best = best_available(available, taken));) {
        size_t i = (size_t)(best - available->list);
        taken[i] = true;
        if (GAP + best->width > room)
            continue;
        room -= GAP + best->width;
        shown[i] = true;
        count++;
    }
    for (size_t i = 0; shown && i < available->count; i++)
        if (shown[i])
            table->columns[table->count++] = available->list[i];
    table->left_out += available->count - table->count;
    free(taken);
    free(shown);
}

/* Epochs of a run: up to four digits, and no exponent. */
static const char *epoch_text(double epochs, char text[static 32])
{
    snprintf(text, 32, epochs < 1000 ? "%.4g" : "%.0f", epochs);
    return text;
}

static int digits(double epochs)
{
    char text[32];
    return (int)strlen(epoch_text(epochs, text));
}

/* Of the column of the point at hand. */
static int point_width(const ProgressTable *table)
{
    int length = table->point_word ? (int)strlen(table->point_word) : 0;
    return !table->point_word ? 0 : GAP + (length > POINT_WIDTH ? length : POINT_WIDTH);
}

void progress_table_open(ProgressTable *table, const Manifest *manifest, const RunPlan *plan, int columns)
{
    const TrainInfo *train = manifest->train;
    Available available = {0};
    bool rounds = sweep_in_rounds(train->sweep);
    double steps = (double)(rounds ? plan->net_steps : plan->total_steps), epochs = steps / (double)plan->epoch_steps;
    bool in_steps = plan->in_steps || epochs < 1;
    *table = (ProgressTable){.in_steps = in_steps,
                             .epochs = in_steps ? steps : epochs,
                             .marks = train->select >= 0,
                             .point_word = rounds ? train->sweep->point_word : NULL,
                             .plan = plan};
    /* a run may end, and be measured, within an epoch: "0.2513/60" */
    table->epoch_width = table->in_steps ? 2 * (int)log10(fmax(steps, 1)) + 3 : 2 * digits(epochs) + 1;
    if (!table->in_steps && table->epoch_width < FRACTION_WIDTH + 1 + digits(epochs))
        table->epoch_width = FRACTION_WIDTH + 1 + digits(epochs);
    if (table->epoch_width < 5)
        table->epoch_width = 5;
    add_outputs(&available, manifest);
    add_metrics(&available, train, &table->left_out);
    add_hypers(&available, manifest, &table->left_out);
    for (size_t i = 0; i < available.count; i++)
        name_column(&available.list[i], common_start(train));
    choose(table, &available, columns - 2 - point_width(table) - table->epoch_width - 2 * (GAP + TIME_WIDTH));
    free(available.list);
}

/* ---- printing ---- */

static void print_heading_line(const ProgressTable *table, bool first, const char *epoch)
{
    const char *point = first || !table->point_word ? "" : table->point_word;
    printf("  ");
    if (table->point_word)
        printf("%*s%*s", point_width(table) - GAP, point, GAP, "");
    printf("%*s", table->epoch_width, epoch);
    for (size_t i = 0; i < table->count; i++)
        printf("%*s%*s", GAP, "", table->columns[i].width, first ? table->columns[i].name : table->columns[i].of);
    if (!first)
        printf("%*s%*s%*s%*s", GAP, "", TIME_WIDTH, "time", GAP, "", TIME_WIDTH, "left");
    printf("\n");
}

void progress_table_print_heading(const ProgressTable *table, const TrainInfo *train)
{
    char best[160] = "", more[160] = "";
    if (table->marks)
        snprintf(best, sizeof best, "* is the best so far, by the least %s%.100s", sweep_selects(train),
                 train->metrics[train->select].name);
    if (table->left_out)
        snprintf(more, sizeof more, "%s%zu more value%s of each evaluation %s in metrics.jsonl", *best ? "; " : "",
                 table->left_out, table->left_out == 1 ? "" : "s", table->left_out == 1 ? "is" : "are");
    if (*best || *more)
        screen_field("table", "%s%s", best, more);
    printf("\n");
    print_heading_line(table, true, "");
    print_heading_line(table, false, table->in_steps ? "step" : "epoch");
}

/* The number of an event that a column shows: of a list of one number per point that of the point at hand. */
static const json_t *value_of(const ProgressTable *table, const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key),
                 *point = table->point_word ? json_object_get(event, table->point_word) : NULL;
    return !json_is_array(value) ? value : point ? json_array_get(value, (size_t)json_integer_value(point)) : NULL;
}

/* As many digits, up to four, as the width has room for. */
static void print_value(const json_t *value, int width)
{
    char text[32] = "-";
    if (json_is_null(value))
        snprintf(text, sizeof text, "nan");
    for (int precision = 4; json_is_number(value) && precision > 0; precision--)
        if (snprintf(text, sizeof text, "%.*g", precision, json_number_value(value)) <= width)
            break;
    printf("%*s%*s", GAP, "", width, text);
}

void progress_table_print_event(const ProgressTable *table, const json_t *event, bool best, double seconds, double left)
{
    char done[64], time[DURATION_SIZE], rest[DURATION_SIZE] = "";
    double at = json_number_value(json_object_get(event, "step"));
    const json_t *point = table->point_word ? json_object_get(event, table->point_word) : NULL;
    char now[32], all[32], hand[32] = "-";
    if (point) {
        at -= json_number_value(point) * (double)table->plan->net_steps;
        snprintf(hand, sizeof hand, "%.0f", json_number_value(point));
    }
    if (!table->in_steps)
        at /= (double)table->plan->epoch_steps;
    if (table->in_steps)
        snprintf(done, sizeof done, "%.0f/%.0f", at, table->epochs);
    else
        snprintf(done, sizeof done, "%s/%s", epoch_text(at, now), epoch_text(table->epochs, all));
    printf("%c ", best && table->marks ? '*' : ' ');
    if (table->point_word)
        printf("%*s%*s", point_width(table) - GAP, hand, GAP, "");
    printf("%*s", table->epoch_width, done);
    for (size_t i = 0; i < table->count; i++)
        print_value(value_of(table, event, table->columns[i].key), table->columns[i].width);
    printf("%*s%*s%*s%*s\n", GAP, "", TIME_WIDTH, screen_duration(seconds, time), GAP, "", TIME_WIDTH,
           isfinite(left) ? screen_duration(left, rest) : "");
}
