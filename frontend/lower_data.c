/* Data declarations, and the fields and splits that expressions reach through them. */
#include <string.h>

#include "frontend/kit.h"

static const char *copy_text(Session *s, const char *text)
{
    return arena_text(&s->module->arena, text, strlen(text));
}

/* rows(n): n examples that hold nothing, for objectives of weights alone; an epoch is as many steps as that makes batches. */
static void read_row_count(Session *s, const Expr *source, Dataset *data)
{
    const Arg *arg = source->args.first;
    data->format = "rows";
    if (!arg || source->args.count != 1 || arg->kind != ARG_VALUE)
        fail(s, source->span, "rows takes the number of examples, as in rows(1000)");
    else
        as_integer(s, evaluate(s, arg->value), arg->span, "the number of examples", 1, INT32_MAX, &data->rows);
}

/* idx("a", "b"), csv("a", "b"): appends the file names. */
static void read_files(Session *s, const Expr *source, Dataset *data, bool test)
{
    static const char *const later[] = {"permute", "text", "image_folder", "safetensors"};
    const char *name = source->kind == EXPR_CALL ? head_name(source) : "";
    if (!test && strcmp(name, "csv") == 0)
        data->format = "csv";
    if (test && strcmp(name, data->format) != 0 && (strcmp(name, "idx") == 0 || strcmp(name, "csv") == 0)) {
        fail(s, source->span, "the test files of '%s' are read by %s, as the others are", data->name, data->format);
        return;
    }
    if (!test && strcmp(name, "rows") == 0) {
        read_row_count(s, source, data);
        return;
    }
    if (strcmp(name, "idx") != 0 && strcmp(name, "csv") != 0) {
        if (find_word(WORDS(later), name) >= 0) {
            refuse(s, source->span, arena_printf(&s->file->arena, "the data source '%s'", name));
            return;
        }
        fail(s, source->span, "a data set is read by idx(\"file\", ...) or csv(\"file\", ...), or is rows(n) without content");
        return;
    }
    for (const Arg *arg = source->args.first; arg; arg = arg->next) {
        if (arg->label.text || arg->condition || arg->value->kind != EXPR_STRING) {
            fail(s, arg->span, "%s takes the names of files, as strings", name);
            continue;
        }
        const char *file = copy_text(s, arg->value->name.text);
        if (file[0] == 0)
            fail(s, arg->span, "the name of a file is empty");
        if (test)
            vec_push(&data->test_files, file);
        else
            vec_push(&data->files, file);
    }
    if (source->args.count == 0 && strcmp(name, "csv") == 0)
        fail(s, source->span, "csv takes the name of at least one file");
}

static bool is_csv(const Dataset *data)
{
    return strcmp(data->format, "csv") == 0;
}

static void read_field(Session *s, const Symbol *symbol, const DataItem *item)
{
    Field field = {.dataset = symbol->index};
    if (!make_type(s, item->type, &field.type, &field.classes))
        return;
    if (field.type.dtype == DTYPE_BOOL) {
        fail(s, item->type->span, "a field of a data set is u8, i32, f32 or class, not bool");
        return;
    }
    field.name = arena_printf(&s->module->arena, "%s.%s", symbol->decl->name.text, item->name.text);
    for (uint32_t i = 0; i < s->module->fields.len; i++)
        if (strcmp(s->module->fields.data[i].name, field.name) == 0) {
            fail(s, item->name.span, "the field '%s' is declared twice", item->name.text);
            return;
        }
    vec_push(&s->module->fields, field);
}

static void add_split(Session *s, Dataset *data, Split split, Span span)
{
    for (uint32_t i = 0; i < data->splits.len; i++)
        if (strcmp(data->splits.data[i].name, split.name) == 0) {
            fail(s, span, "the split '%s' is declared twice", split.name);
            return;
        }
    vec_push(&data->splits, split);
}

/* `train 50000` counts rows, `train 0.8` is a fraction of them. */
static void read_split(Session *s, const DataItem *item, Dataset *data, double *fractions)
{
    double size;
    Split split = {.name = copy_text(s, item->name.text)};
    if (!as_number(s, evaluate(s, item->value), item->value->span, "the size of a split", &size))
        return;
    if (size > 0 && size < 1) {
        split.fraction = size;
        *fractions += size;
        if (*fractions > 1 + 1e-9)
            fail(s, item->value->span, "the fractions of the splits add up to %.6g, more than 1", *fractions);
    } else if (!as_integer(s, val_number(size), item->value->span, "the number of examples in a split", 1, MAX_ELEMENTS,
                           &split.count)) {
        return;
    }
    add_split(s, data, split, item->span);
}

static void read_item(Session *s, const Symbol *symbol, const DataItem *item, Dataset *data, double *fractions)
{
    data->shuffled |= item->shuffled;
    switch (item->kind) {
    case DATA_FIELD:
        if (is_csv(data))
            fail(s, item->span, "a field of a csv is made of its columns, as in '%s = numbers(a, b)'", item->name.text);
        else
            read_field(s, symbol, item);
        break;
    case DATA_COMPUTED_FIELD:
        if (!is_csv(data))
            fail(s, item->span, "a field of idx files is declared with its type, as in '%s: u8[28, 28]'", item->name.text);
        break;
    case DATA_MISSING:
    case DATA_DROP:
        if (!is_csv(data))
            fail(s, item->span, "'%s' belongs to data sets that csv reads", item->name.text);
        break;
    case DATA_TEST:
        if (data->test_files.len)
            fail(s, item->span, "the test files are declared twice");
        else
            read_files(s, item->value, data, true);
        break;
    case DATA_SPLIT:
        read_split(s, item, data, fractions);
        break;
    }
}

void lower_data(Session *s, Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    unsigned line, column;
    span_place(decl->span, &line, &column);
    Dataset data = {.name = copy_text(s, decl->name.text), .format = "idx", .line = line};
    uint32_t first = s->module->fields.len;
    double fractions = 0;
    if (decl->extent)
        refuse(s, decl->extent->span, "a family of data sets");
    unsigned errors = s->file->diags->errors;
    read_files(s, decl->value, &data, false);
    for (const DataItem *item = decl->items.first; item; item = item->next)
        read_item(s, symbol, item, &data, &fractions);
    if (is_csv(&data) && s->file->diags->errors == errors)
        lower_table(s, symbol, &data);
    uint32_t fields = s->module->fields.len - first;
    bool complete = s->file->diags->errors == errors;
    symbol->broken = !complete;
    bool empty_rows = strcmp(data.format, "rows") == 0;
    if (complete && empty_rows && (fields || data.test_files.len))
        fail(s, decl->value->span, "the rows of '%s' are empty: there is nothing that its fields or test files could hold",
             decl->name.text);
    else if (complete && !empty_rows && fields == 0)
        fail(s, decl->name.span, "the data set '%s' has no fields", decl->name.text);
    else if (complete && !empty_rows && !is_csv(&data) && fields != data.files.len)
        fail(s, decl->value->span, "the data set '%s' has %u field%s but %u file%s: one file holds one field", decl->name.text,
             fields, fields == 1 ? "" : "s", data.files.len, data.files.len == 1 ? "" : "s");
    else if (complete && !is_csv(&data) && data.test_files.len && data.test_files.len != fields)
        fail(s, decl->name.span, "the data set '%s' has %u field%s but %u test file%s", decl->name.text, fields,
             fields == 1 ? "" : "s", data.test_files.len, data.test_files.len == 1 ? "" : "s");
    symbol->broken |= s->file->diags->errors != errors;
    if (data.splits.len == 0)
        vec_push(&data.splits, (Split){.name = "train", .fraction = 1});
    if (data.test_files.len)
        add_split(s, &data, (Split){.name = "test", .from_test = true, .fraction = 1}, decl->name.span);
    vec_push(&s->model->datasets, data);
}

Val dataset_member(Session *s, Val dataset, Name name)
{
    const Dataset *data = &s->model->datasets.data[dataset.symbol->index];
    Words splits = {data->splits.data, data->splits.len, sizeof *data->splits.data};
    int split = find_word(splits, name.text);
    if (split >= 0)
        return (Val){.kind = VAL_SPLIT, .symbol = dataset.symbol, .split = (uint32_t)split};
    if (dataset.symbol->broken)
        return val_poison();
    choose_word(s, splits, name.text, name.span, "the data set '%s' has no split '%s'", data->name, name.text);
    add_note(s, dataset.symbol->decl->name.span, "the data set is here");
    return val_poison();
}

/* The part of a train's or an export's own expression in which this is evaluated. */
static Span outermost_call(const Session *s, Span span)
{
    for (const Frame *frame = s->frame; frame && frame->caller; frame = frame->caller)
        span = frame->call;
    return span;
}

/* One function reads the examples of one split. */
static bool claim_split(Session *s, Val split, Span span)
{
    span = outermost_call(s, span);
    if (!s->dataset) {
        s->dataset = split.symbol;
        s->split = split.split;
        s->split_span = span;
        return true;
    }
    if (s->dataset == split.symbol && s->split == split.split)
        return true;
    if (s->two_splits)
        return false;
    s->two_splits = true;
    const Dataset *here = &s->model->datasets.data[split.symbol->index], *there = &s->model->datasets.data[s->dataset->index];
    fail(s, span, "this reads '%s.%s', but the expression already reads '%s.%s'", here->name, here->splits.data[split.split].name,
         there->name, there->splits.data[s->split].name);
    add_note(s, s->split_span, "it is read here");
    return false;
}

Val split_member(Session *s, Val split, Name name)
{
    const Module *module = s->module;
    const char *wanted = arena_printf(&s->file->arena, "%s.%s", split.symbol->decl->name.text, name.text);
    if (!can_build(s, name.span) || !claim_split(s, split, name.span))
        return val_poison();
    for (uint32_t i = 0; i < module->fields.len; i++) {
        const Field *field = &module->fields.data[i];
        if (strcmp(field->name, wanted) != 0)
            continue;
        Val value = val_tensor(build_source(&s->builder, OP_EXAMPLE, i));
        value.classes = field->classes;
        return value;
    }
    if (split.symbol->broken)
        return val_poison();
    fail(s, name.span, "examples of '%s' have no field '%s'", split.symbol->decl->name.text, name.text);
    add_note(s, split.symbol->decl->name.span, "the data set is here");
    Candidates candidates = {0};
    for (const DataItem *item = split.symbol->decl->items.first; item; item = item->next)
        if (item->kind == DATA_FIELD || item->kind == DATA_COMPUTED_FIELD)
            vec_push(&candidates.names, item->name.text);
    suggest(s, name.text, &candidates);
    return val_poison();
}
