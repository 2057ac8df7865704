/* The argument of an indicator like igd("front.csv"): a known front, read from a file when the program is compiled. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/declare/train_plan.h"
#include "tabular/reader.h"
#include "tabular/table.h"

typedef struct FrontFile {
    uint32_t m; /* numbers per row */
    VEC(double) numbers;
} FrontFile;

static bool refuse_number(const ReaderRow *row, size_t column, const char *text, char error[static TABULAR_ERROR])
{
    char shown[EXCERPT], *end;
    double number = strtod(text, &end);
    if (!*text)
        return tabular_error(error, "%s:%" PRId64 ": column %zu is empty", row->path, row->line, column);
    return tabular_error(error, "%s:%" PRId64 ": column %zu holds '%s', which is not %s", row->path, row->line, column,
                         excerpt(text, shown), *end || isfinite(number) ? "a number" : "finite");
}

/* A ReaderTake: one row, one point. */
static bool take_point(void *context, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    FrontFile *file = context;
    if (row->count != file->m)
        return tabular_error(error, "%s:%" PRId64 ": the row has %zu column%s, but there are %u objectives", row->path, row->line,
                             row->count, row->count == 1 ? "" : "s", file->m);
    if (file->numbers.len == PARETO_MOST_TRUE_POINTS * file->m)
        return tabular_error(error, "%s:%" PRId64 ": the front has more than %d points", row->path, row->line,
                             PARETO_MOST_TRUE_POINTS);
    for (size_t i = 0; i < row->count; i++) {
        const char *text = row_field(row, i);
        double number;
        if (!parse_number(&default_dialect, text, &number))
            return refuse_number(row, i + 1, text, error);
        vec_push(&file->numbers, number);
    }
    return true;
}

static Report keep_points(Arena *arena, const FrontFile *file, const char *name)
{
    double *points = arena_alloc(arena, file->numbers.len * sizeof *points);
    memcpy(points, file->numbers.data, file->numbers.len * sizeof *points);
    return (Report){true, points, file->numbers.len / file->m, arena_copy(arena, name)};
}

/* The path of the file beside the model or among the data. Free it. */
static char *find_file(const FrontendOptions *options, const char *name, bool *missing)
{
    const char *folders[] = {options->home ? options->home : options->data, options->data};
    char *path = NULL;
    *missing = true;
    for (size_t i = 0; i < 2 && *missing; i++) {
        free(path);
        path = reader_find(folders[i], name);
        if (!path)
            support_out_of_memory();
        *missing = access(path, F_OK) != 0;
    }
    return path;
}

static void read_points(TrainPlan *plan, const Expr *name, Report *report)
{
    Session *s = plan->s;
    FrontFile file = {.m = plan->train.sweep->outputs};
    bool missing;
    char error[TABULAR_ERROR], *path = find_file(s->file->options, name->name.text, &missing);
    if (!reader_read(path, &default_dialect, take_point, &file, NULL, error)) {
        fail(s, name->span, "%s", error);
        if (missing)
            add_help(s, "the front becomes part of the program: put its file beside the model, or say with --data DIR or "
                        "the environment variable HNC_DATA in which folder it is");
        else if (file.numbers.len < PARETO_MOST_TRUE_POINTS * file.m)
            add_help(s, "a line holds a point, one number per objective; there is no header, and lines that begin with '#' are "
                        "comments");
    } else if (file.numbers.len == 0) {
        fail(s, name->span, "%s: holds no point", path);
    } else {
        *report = keep_points(&s->module->arena, &file, name->name.text);
    }
    vec_free(&file.numbers);
    free(path);
}

void read_true_front(TrainPlan *plan, const Expr *name, Report *report)
{
    if (!plan->s->file->options->data)
        fail(plan->s, name->span, "the file of a true front is read to compile, but there is no folder of data");
    else
        read_points(plan, name, report);
}
