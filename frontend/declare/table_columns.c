/* What the files of a data set say about the columns that its fields use. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "frontend/declare/table.h"

/* Where file number `index` of the data set is named; files of `test` count after the main ones. */
static Span file_span(const Decl *decl, const Dataset *data, uint32_t index)
{
    uint32_t members = data->family ? (uint32_t)data->family->count : 1; /* whose files have the same names but for a number */
    if (index < data->files.len)
        index %= data->files.len / members;
    else
        index = data->files.len / members + (index - data->files.len) % (data->test_files.len / members);
    const Expr *test = NULL;
    for (const DataItem *item = decl->items.first; item; item = item->next)
        if (item->kind == DATA_TEST)
            test = item->value;
    const Expr *sources[] = {decl->value, test};
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        for (const Arg *arg = sources[i] ? sources[i]->args.first : NULL; arg; arg = arg->next)
            if (index-- == 0)
                return arg->span;
    return decl->value->span;
}

static Table *known_table(const ModelFile *file, const Decl *decl)
{
    for (uint32_t i = 0; i < file->tables.len; i++)
        if (file->tables.data[i].decl == decl)
            return file->tables.data[i].table;
    return NULL;
}

bool open_table(TableLowering *l, const Dataset *data)
{
    Session *s = l->s;
    const Decl *decl = l->symbol->decl;
    l->table = known_table(s->file, decl);
    if (l->table)
        return true;
    const char *folder = s->file->options->data;
    if (!folder) {
        fail(s, decl->value->span, "the files of a csv are read to compile, but there is no folder of data");
        return false;
    }
    VEC(const char *) files = {0};
    for (uint32_t i = 0; i < data->files.len; i++)
        vec_push(&files, data->files.data[i]);
    for (uint32_t i = 0; i < data->test_files.len; i++)
        vec_push(&files, data->test_files.data[i]);
    l->table = ARENA_NEW(&s->file->arena, Table);
    TableSource source = {&l->schema->dialect, folder, files.data, files.len, l->markers.data, l->markers.len, NULL, 0};
    char error[TABULAR_ERROR];
    uint32_t failed = 0;
    bool fine = table_read(l->table, &source, &failed, error);
    vec_push(&s->file->tables, (KnownTable){decl, l->table});
    vec_free(&files);
    if (!fine) {
        fail(s, file_span(decl, data, failed), "%s", error);
        if (l->table->paths && l->table->paths[failed] && access(l->table->paths[failed], F_OK) != 0)
            add_help(
                s, "what the model looks like depends on this file: say with --data DIR or the environment variable HNC_DATA in "
                   "which folder it is");
    }
    return fine;
}

static void refuse_missing(TableLowering *l, const Use *use, uint32_t column, int64_t missing, int64_t first)
{
    char error[TABULAR_ERROR];
    table_missing_error(l->table, column, missing, first, error);
    fail(l->s, use->span, "%s", error);
    const char *line = "missing";
    if (l->markers.len)
        line = arena_printf(&l->s->file->arena, "missing \"%s\"%s", l->markers.data[0], l->markers.len > 1 ? ", ..." : "");
    if (use->kind == AS_NUMBER)
        add_help(l->s, "'%s as mean' fills in the mean of the training rows; '%s as drop' leaves such rows out", line, line);
    else
        add_help(l->s, "'%s as drop' leaves such rows out", line);
}

static void check_text(TableLowering *l, const Use *use, uint32_t column)
{
    Session *s = l->s;
    bool found = use->text[0] == 0;
    for (uint32_t i = 0; i < l->markers.len; i++)
        found |= strcmp(use->text, l->markers.data[i]) == 0;
    for (int64_t row = 0; row < l->table->rows && !found; row++)
        found = strcmp(use->text, table_cell(l->table, row, column)) == 0;
    if (found)
        return;
    char error[TABULAR_ERROR];
    Candidates candidates = {0};
    if (table_categories(l->table, column, error))
        for (uint32_t i = 0; i < l->table->columns[column].category_count; i++)
            vec_push(&candidates.names, l->table->columns[column].categories[i]);
    fail(s, use->span, "the column '%s' never holds \"%s\"", l->table->columns[column].name, use->text);
    suggest(s, use->text, &candidates);
}

/* A column that `categorical` stands for may be one of numbers that are not written as such. */
static void check_wildcard(TableLowering *l, const Use *use, uint32_t column)
{
    int64_t row = 0;
    char value[EXCERPT];
    if (!table_is_nearly_numeric(l->table, column, &row))
        return;
    warn(l->s, WARNING_NEARLY_NUMBERS, use->span, "'categorical' includes the column '%s', whose values are nearly all numbers",
         l->table->columns[column].name);
    const char *cell = table_cell(l->table, row, column), *hint = number_hint(&l->table->dialect, cell).text;
    add_help(l->s, "%s:%" PRId64 ": it holds '%s'; %s", table_path(l->table, row), table_line(l->table, row),
             excerpt(cell, value), hint ? hint : "a column that is used by its name, or dropped, is not included");
}

/* Numbers that a field takes as they are, and that f32 cannot tell from their neighbours. */
static void check_rounding(TableLowering *l, const Use *use, uint32_t column, const double *values)
{
    const double exact = 1 << 24; /* all whole numbers up to it are floats */
    bool rounded = false;
    for (int64_t row = 0; row < l->table->rows && !rounded; row++)
        rounded = fabs(values[row]) > exact && (double)(float)values[row] != values[row];
    if (!rounded)
        return;
    warn(l->s, WARNING_ROUNDED_NUMBERS, use->span, "numbers of the column '%s' have more digits than f32 has, and are rounded",
         l->table->columns[column].name);
    add_help(l->s, "'standardize' and 'normalize' compute in double precision first");
}

/* A column that is no column of numbers. What is said once for all columns, such as the decimal point, is one mistake. */
static void refuse_texts(TableLowering *l, const Use *use, Hint hint, const char *error)
{
    if (hint.of_files && l->advice && !strcmp(l->advice, hint.text))
        return;
    fail(l->s, use->span, "%s", error);
    if (hint.text)
        add_help(l->s, "%s", hint.text);
    if (hint.of_files)
        l->advice = arena_copy(&l->s->file->arena, hint.text);
}

static void check_numbers(TableLowering *l, const Use *use, uint32_t column)
{
    Hint hint;
    int64_t missing, first;
    char error[TABULAR_ERROR];
    double *values = support_malloc((size_t)l->table->rows * sizeof *values);
    if (!table_numbers(l->table, column, use->time, values, &missing, &first, &hint, error))
        refuse_texts(l, use, hint, error);
    else if (missing && l->schema->missing != MISSING_MEAN)
        refuse_missing(l, use, column, missing, first);
    else if (use->plain && l->s->module->real == DTYPE_F32)
        check_rounding(l, use, column, values);
    free(values);
}

static void check_use(TableLowering *l, const Use *use)
{
    uint32_t column = (uint32_t)table_column(l->table, l->columns.data[use->column].name);
    int64_t missing, first = 0;
    switch (use->kind) {
    case AS_NUMBER:
        check_numbers(l, use, column);
        break;
    case AS_LABEL:
        missing = table_missing(l->table, column, &first);
        if (missing)
            refuse_missing(l, use, column, missing, first);
        break;
    case AS_TEXT:
        check_text(l, use, column);
        break;
    case AS_CATEGORY:
        if (use->wildcard)
            check_wildcard(l, use, column);
        break;
    }
}

/* Files that write a number in two ways, as 1 and, because a value is missing elsewhere, as 1.0. */
static void check_same_number(TableLowering *l, const Use *use, uint32_t column)
{
    const char *one, *other;
    int64_t row;
    char name[EXCERPT], first[EXCERPT], shown[EXCERPT];
    if (!l->s->learning || !table_number_twice(l->table, column, &one, &other, &row))
        return;
    warn(l->s, WARNING_SAME_NUMBER, use->span, "the column '%s' holds one number as '%s' and as '%s', which are two categories",
         excerpt(l->table->columns[column].name, name), excerpt(one, first), excerpt(other, shown));
    add_help(l->s, "%s:%" PRId64 ": here it is '%s'; categories are told apart as texts", table_path(l->table, row),
             table_line(l->table, row), shown);
}

/* The categories of a column that a field encodes by them. */
static void find_categories(TableLowering *l, const Use *use)
{
    SchemaColumn *column = &l->columns.data[use->column];
    int64_t place = table_column(l->table, column->name);
    char error[TABULAR_ERROR];
    if (column->categories || (use->kind != AS_CATEGORY && use->kind != AS_LABEL))
        return;
    if (!table_categories(l->table, (uint32_t)place, error)) {
        fail(l->s, use->span, "%s", error);
        return;
    }
    check_same_number(l, use, (uint32_t)place);
    Arena *arena = &l->s->module->arena;
    const TableColumn *found = &l->table->columns[place];
    column->categories = arena_copies(arena, (const char *const *)found->categories, found->category_count);
    column->category_count = found->category_count;
    column->frequent = found->frequent;
}

/* Rows that begin with '#', such as colours, are not lost without a word, unless the model says what a comment is. */
static void check_comments(TableLowering *l)
{
    int64_t lines = l->table->comments.like_rows;
    if (lines == 0 || l->schema->dialect.comment != default_dialect.comment)
        return;
    warn(l->s, WARNING_COMMENTED_ROWS, l->symbol->decl->name.span,
         "%" PRId64 " line%s of the files of '%s' begin%s with '#' and %s left out, but divide%s into fields as the rows do",
         lines, lines == 1 ? "" : "s", l->symbol->decl->name.text, lines == 1 ? "s" : "", lines == 1 ? "is" : "are",
         lines == 1 ? "s" : "");
    add_help(l->s, "'comment none' reads such lines as rows, 'comment \"#\"' leaves them out without a word");
}

bool read_columns(TableLowering *l)
{
    Session *s = l->s;
    unsigned errors = s->file->diags->errors;
    l->schema->markers = KEEP(&s->module->arena, l->markers);
    l->schema->marker_count = l->markers.len;
    l->schema->columns = l->columns.data; /* provisional, until the columns are complete */
    l->schema->column_count = l->columns.len;
    if (decode_drop(l->table, l->schema) < 0)
        support_out_of_memory();
    if (l->table->rows == 0) {
        fail(s, l->symbol->decl->name.span, "every row of '%s' misses a value in a column that is used",
             l->symbol->decl->name.text);
        return false;
    }
    if (s->learning)
        check_comments(l);
    for (uint32_t i = 0; i < l->uses.len && s->learning; i++)
        check_use(l, &l->uses.data[i]);
    for (uint32_t i = 0; i < l->uses.len; i++)
        find_categories(l, &l->uses.data[i]);
    l->schema->columns = KEEP(&s->module->arena, l->columns);
    return s->file->diags->errors == errors;
}
