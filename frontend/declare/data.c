/* Data declarations, and the fields and splits that expressions reach through them. */
#include <inttypes.h>
#include <string.h>

#include "frontend/declare/declare.h"
#include "frontend/declare/families.h"
#include "frontend/declare/image_fields.h"
#include "frontend/declare/table.h"
#include "frontend/declare/text.h"
#include "frontend/lower/kit.h"

/* A data declaration while it is read. */
typedef struct DataLowering {
    Session *s;
    const Symbol *symbol;
    Dataset *data;
    const FormatTraits *format; /* NULL: there is no such format, which was reported */
    double fractions;           /* of the splits, added up */
    int64_t streams;            /* of a text; 0: none */
} DataLowering;

/* ---- formats ---- */

/* WORD(n): n examples, whose fields are computed or which have no content, for objectives of weights alone; an epoch has as many
 * steps as n examples make batches. */
static void read_row_count(DataLowering *l, const Expr *source, int64_t *rows)
{
    const Arg *arg = source->args.first;
    const char *word = format_names[l->data->format];
    if (!arg || source->args.count != 1 || arg->kind != ARG_VALUE)
        fail(l->s, source->span, "%s takes the number of examples, as in %s(1000)", word, word);
    else
        as_integer(l->s, evaluate(l->s, arg->value), arg->span, "the number of examples", 1, INT32_MAX, rows);
}

static bool has_folders(const FormatTraits *format)
{
    return format->files == FILES_FOLDERS;
}

static bool is_text(const FormatTraits *format)
{
    return format && format->files == FILES_TEXTS;
}

/* WORD("a", "b"): appends the names of files, or of folders. */
static void read_files(DataLowering *l, const Expr *source, bool test)
{
    Session *s = l->s;
    const char *word = format_names[l->data->format];
    uint32_t named = 0;
    for (const Arg *arg = source->args.first; arg; arg = arg->next) {
        if (arg->label.text && has_folders(l->format) && test)
            fail(s, arg->label.span, "test images come to the size of their field as the others of '%s' do", l->data->name);
        if (arg->label.text && (is_text(l->format) || has_folders(l->format))) /* text.c and image_fields.c read it */
            continue;
        named++;
        if (arg->label.text || arg->condition || arg->value->kind != EXPR_STRING) {
            fail(s, arg->span, "%s takes the names of %s, as strings", word, has_folders(l->format) ? "folders" : "files");
            if (arg->value->kind == EXPR_MEMBER || arg->value->kind == EXPR_NAME)
                add_help(s, "write \"%s\"", span_text(&s->file->arena, arg->value->span));
            continue;
        }
        const char *file = arena_copy(&s->module->arena, arg->value->name.text);
        if (file[0] == 0)
            fail(s, arg->span, "the name of a %s is empty", has_folders(l->format) ? "folder" : "file");
        if (test)
            vec_push(&l->data->test_files, file);
        else
            vec_push(&l->data->files, file);
    }
    if (named == 0 && l->format->files != FILES_FIELDS)
        fail(s, source->span, "%s takes the name of at least one %s", word, has_folders(l->format) ? "folder" : "file");
}

static const char *call_text(const FormatTraits *format)
{
    return format->files == FILES_NONE ? "(n)" : has_folders(format) ? "(\"folder\", ...)" : "(\"file\", ...)";
}

/* How models call the formats that `chosen` holds of: "idx" or, as calls, idx("file", ...); separated by commas and `or`. */
static const char *list_formats(Session *s, bool (*chosen)(const FormatTraits *format), bool calls)
{
    const char *list = "";
    unsigned left = 0;
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        left += chosen(&format_traits[i]);
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (chosen(&format_traits[i])) {
            left--;
            list = arena_printf(&s->file->arena, "%s%s%s%s", list, format_names[i], calls ? call_text(&format_traits[i]) : "",
                                left > 1    ? ", "
                                : left == 1 ? " or "
                                            : "");
        }
    return list;
}

static bool has_files(const FormatTraits *format)
{
    return format->files != FILES_NONE;
}

static bool has_no_files(const FormatTraits *format)
{
    return format->files == FILES_NONE;
}

static bool has_columns(const FormatTraits *format)
{
    return format->files == FILES_COLUMNS;
}

/* The format that the source calls, or -1 (reported). */
static int find_format(Session *s, const Expr *source)
{
    static const char *const later[] = {"safetensors"};
    const char *name = source->kind == EXPR_CALL ? head_name(source) : "";
    int format = find_word(WORDS(format_names), name);
    if (format >= 0)
        return format;
    if (find_word(WORDS(later), name) >= 0)
        refuse(s, source->span, arena_printf(&s->file->arena, "the data source '%s'", name));
    else {
        fail(s, source->span, "a data set is read by %s, or is %s, examples that are computed or have no content",
             list_formats(s, has_files, true), list_formats(s, has_no_files, true));
        answer_foreign(s, FOREIGN_CALL, name);
    }
    return -1;
}

static void read_source(DataLowering *l, const Expr *source)
{
    int format = find_format(l->s, source);
    if (format < 0)
        return;
    l->data->format = (FormatKind)format;
    l->format = &format_traits[format];
    if (has_files(l->format))
        read_files(l, source, false);
    else
        read_row_count(l, source, &l->data->rows);
    if (is_text(l->format))
        read_text(l->s, l->data, source, &l->streams);
    if (has_folders(l->format))
        read_resize(l->s, l->data, source);
}

static void read_test_source(DataLowering *l, const Expr *source)
{
    int format = find_format(l->s, source);
    const char *word = format_names[l->data->format];
    if (format < 0 || !l->format)
        return;
    if (!l->format->test_files)
        fail(l->s, source->span, "the data set '%s' has no test files: %s reads none", l->data->name, word);
    else if (format != (int)l->data->format)
        fail(l->s, source->span,
             has_files(l->format) ? "the test files of '%s' are read by %s, as the others are"
                                  : "the test examples of '%s' are %s(n), as the others are",
             l->data->name, word);
    else if (has_files(l->format))
        read_files(l, source, true);
    else
        read_row_count(l, source, &l->data->test_rows);
}

/* ---- fields and splits ---- */

/* class[1..26]: labels of the files from 1 to 26. */
static bool read_class_range(Session *s, const Expr *range, Field *field)
{
    int64_t last;
    if (!as_integer(s, evaluate(s, range->left), range->left->span, "the first class", -MAX_ELEMENTS, MAX_ELEMENTS,
                    &field->first) ||
        !as_integer(s, evaluate(s, range->right), range->right->span, "the last class", field->first, MAX_ELEMENTS, &last))
        return false;
    field->type = type_scalar(DTYPE_I32);
    field->classes = last - field->first + 1;
    return true;
}

static bool read_field_type(Session *s, const TypeExpr *type, Field *field)
{
    const char *word = type->base.text;
    const Expr *extent = type->dims.first ? type->dims.first->value : NULL;
    bool is_class = !strcmp(word, "class") && type->dims.count == 1;
    field->index = !strcmp(word, "index") && !extent;
    if (is_class && extent->kind == EXPR_BINARY && extent->operator== OPERATOR_RANGE)
        return read_class_range(s, extent, field);
    bool any = is_class && extent->kind == EXPR_NAME && !strcmp(extent->name.text, "_");
    if (!field->index && !any)
        return make_type(s, type, &field->type, &field->classes);
    field->type = type_scalar(DTYPE_I32);
    field->classes = ANY_CLASSES;
    return true;
}

static void read_field(Session *s, const Symbol *symbol, const DataItem *item)
{
    Field field = {.dataset = symbol->index};
    if (!read_field_type(s, item->type, &field))
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

/* `train 50000` counts rows, `train 0.8` is a fraction of them, and so is `train 1.0`: all of them. */
static void read_split(DataLowering *l, const DataItem *item)
{
    double size;
    Session *s = l->s;
    Split split = {.name = arena_copy(&s->module->arena, item->name.text)};
    if (!as_number(s, evaluate(s, item->value), item->value->span, "the size of a split", &size))
        return;
    bool all = size == 1 && strchr(span_text(&s->file->arena, item->value->span), '.'); /* 1.0 is no count */
    if ((size > 0 && size < 1) || all) {
        split.fraction = size;
        l->fractions += size;
        if (l->fractions > 1 + 1e-9)
            fail(s, item->value->span, "the fractions of the splits add up to %.6g, more than 1", l->fractions);
    } else if (!as_integer(s, val_number(size), item->value->span, "the number of examples in a split", 1, MAX_ELEMENTS,
                           &split.count)) {
        return;
    }
    add_split(s, l->data, split, item->span);
}

/* A split that has files of its own: valid text("ptb.valid.txt"). */
static void read_own_split(DataLowering *l, const char *name, const Expr *source, Span span)
{
    int format = find_format(l->s, source);
    uint32_t before = l->data->test_files.len;
    if (format < 0)
        return;
    if (format != (int)l->data->format) {
        fail(l->s, source->span, "the files of the split '%s' are read by %s, as the others are", name,
             format_names[l->data->format]);
        return;
    }
    read_files(l, source, true);
    Split split = {.name = arena_copy(&l->s->module->arena, name),
                   .from_test = true,
                   .fraction = 1,
                   .own_files = l->data->test_files.len - before,
                   .streams = read_split_streams(l->s, source, l->streams)};
    add_split(l->s, l->data, split, span);
}

/* A line in the braces of a text. */
static void read_text_item(DataLowering *l, const DataItem *item)
{
    const Expr *only = item->values.first && !item->values.first->next ? item->values.first : NULL;
    switch (item->kind) {
    case DATA_TEST:
        read_own_split(l, "test", item->value, item->span);
        break;
    case DATA_SPLIT:
        if (item->shuffled && l->streams)
            fail(l->s, item->span, "windows of streams follow one another: they cannot be shuffled");
        read_split(l, item);
        break;
    case DATA_SETTING:
        if (only && only->kind == EXPR_CALL) {
            read_own_split(l, item->name.text, only, item->span);
            break;
        }
        fail(l->s, item->span, "a text has no lines of '%s'", item->name.text);
        add_help(l->s, "splits of files of their own are lines of their names: '%s text(\"file\")'", item->name.text);
        break;
    default:
        fail(l->s, item->span, "the fields of a text are 'tokens' and 'next', which are not declared");
    }
}

/* The main splits of a text have its streams, and whole steps of them. */
static void finish_text(DataLowering *l)
{
    Dataset *data = l->data;
    bool main = false;
    for (uint32_t i = 0; i < data->splits.len; i++) {
        Split *split = &data->splits.data[i];
        if (split->own_files)
            continue;
        main = true;
        split->streams = l->streams;
        if (l->streams && split->count % l->streams)
            fail(l->s, l->symbol->decl->name.span,
                 "the split '%s' of %" PRId64 " windows is no multiple of the %" PRId64 " streams", split->name, split->count,
                 l->streams);
    }
    if (!main)
        add_split(l->s, data, (Split){.name = "train", .fraction = 1, .streams = l->streams}, l->symbol->decl->name.span);
    if (l->symbol->decl->extent)
        fail(l->s, l->symbol->decl->name.span, "a text is one data set: families of texts are not supported yet");
    add_text_fields(l->s, l->symbol, data);
}

/* Settings of tables are read with their columns. */
static void read_setting(DataLowering *l, const DataItem *item)
{
    Session *s = l->s;
    if (check_table_setting(s, item) && l->format && !has_columns(l->format))
        fail(s, item->span, "'%s' belongs to data sets that %s reads", item->name.text, list_formats(s, has_columns, false));
}

static void read_item(DataLowering *l, const DataItem *item)
{
    Session *s = l->s;
    const char *word = format_names[l->data->format];
    bool columns = l->format && has_columns(l->format), no_columns = l->format && !columns;
    l->data->shuffled |= item->shuffled;
    if (is_text(l->format)) {
        read_text_item(l, item);
        return;
    }
    switch (item->kind) {
    case DATA_FIELD:
        if (columns)
            fail(s, item->span, "a field of a %s is made of its columns, as in '%s = numbers(a, b)'", word, item->name.text);
        else
            read_field(s, l->symbol, item);
        break;
    case DATA_COMPUTED_FIELD:
        if (no_columns && has_files(l->format))
            fail(s, item->span, "a field of %s%s is declared with its type, as in '%s: u8[28, 28]'", word,
                 has_folders(l->format) ? "" : " files", item->name.text);
        break;
    case DATA_SETTING:
        read_setting(l, item);
        break;
    case DATA_TEST:
        if (l->data->test_files.len || l->data->test_rows)
            fail(s, item->span, "the test %s are declared twice", l->data->test_rows ? "examples" : "files");
        else
            read_test_source(l, item->value);
        if (item->items && l->format && has_files(l->format))
            fail(s, item->items->span, "the fields of the test files are those of the others");
        break;
    case DATA_SPLIT:
        read_split(l, item);
        break;
    }
}

/* Whether there are as many files and fields as the format demands. */
static void check_files(const DataLowering *l, const Field *fields_of_data, uint32_t all_fields)
{
    uint32_t fields = all_fields; /* that files hold, or that are computed */
    for (uint32_t i = 0; i < all_fields; i++)
        fields -= fields_of_data[i].index;
    Session *s = l->s;
    const Decl *decl = l->symbol->decl;
    const char *name = decl->name.text, *plural = fields == 1 ? "" : "s";
    uint32_t files = l->data->files.len, test_files = l->data->test_files.len;
    if (l->format->files == FILES_NONE) {
        if (fields && !l->data->makers.len) {
            fail(s, decl->value->span, "the examples of '%s' are empty: there is nothing that its fields could hold", name);
            add_help(s, "a field is computed where it is declared as in 'x: f32 = uniform()'");
        }
        return;
    }
    if (fields == 0)
        fail(s, decl->name.span, "the data set '%s' has no fields", name);
    else if (l->format->files == FILES_FIELDS && fields != files)
        fail(s, decl->value->span, "the data set '%s' has %u field%s but %u file%s: one file holds one field", name, fields,
             plural, files, files == 1 ? "" : "s");
    else if (l->format->files == FILES_FIELDS && test_files && test_files != fields)
        fail(s, decl->name.span, "the data set '%s' has %u field%s but %u test file%s", name, fields, plural, test_files,
             test_files == 1 ? "" : "s");
    else if (has_folders(l->format))
        check_image_fields(s, l->symbol, l->data, fields_of_data, all_fields);
}

/* Completes the fields, from number `first` on, whose classes are counted in the files, and those that number the rows: of a
 * family, those of the largest member. */
static void count_classes(Session *s, const Symbol *symbol, const Dataset *data, uint32_t first)
{
    uint32_t members = data->family ? (uint32_t)data->family->count : 1;
    for (uint32_t i = first; i < s->module->fields.len; i++) {
        Field *field = &s->module->fields.data[i];
        bool folders = format_traits[data->format].files == FILES_FOLDERS && field->classes;
        if (field->classes != ANY_CLASSES && !folders)
            continue;
        const DataCounts *counts = data_counts(s, symbol, data, symbol->decl->name.span);
        if (!counts)
            return;
        if (folders && !field->index &&
            !check_folder_count(s, symbol, field, counts->labels[i - first], counts->names[i - first]))
            return;
        field->classes = counts->labels[i - first];
        field->names = arena_copies(&s->module->arena, counts->names[i - first], (size_t)field->classes);
        for (uint32_t m = 0; field->index && m < members; m++)
            if (counts->members[m] > field->classes)
                field->classes = counts->members[m];
    }
}

static void lower_own_data(Session *s, Symbol *symbol, Dataset *data)
{
    const Decl *decl = symbol->decl;
    DataLowering l = {.s = s, .symbol = symbol, .data = data};
    uint32_t first = s->module->fields.len;
    unsigned errors = s->file->diags->errors;
    read_source(&l, decl->value);
    for (const DataItem *item = decl->items.first; item; item = item->next)
        read_item(&l, item);
    if (is_text(l.format))
        finish_text(&l);
    bool files = l.format && has_files(l.format);
    bool declared = files && !has_columns(l.format); /* with their types */
    if (declared && s->file->diags->errors == errors)
        check_files(&l, s->module->fields.data ? s->module->fields.data + first : NULL, s->module->fields.len - first);
    if (l.format && decl->extent && !is_text(l.format))
        read_members(s, symbol, data);
    else if (files && !decl->extent)
        check_no_members(s, symbol);
    if (l.format && has_columns(l.format) && s->file->diags->errors == errors)
        lower_table(s, symbol, data);
    bool test = (data->test_files.len && !is_text(l.format)) || (!files && data->test_rows);
    bool made = true;
    if (l.format && !files && s->file->diags->errors == errors)
        made = lower_rows(s, symbol, data);
    if (l.format && !declared && made && s->file->diags->errors == errors)
        check_files(&l, s->module->fields.data ? s->module->fields.data + first : NULL, s->module->fields.len - first);
    if (data->splits.len == 0)
        vec_push(&data->splits, (Split){.name = "train", .fraction = 1});
    if (test)
        add_split(s, data, (Split){.name = "test", .from_test = true, .fraction = 1}, decl->name.span);
    if (s->file->diags->errors == errors)
        count_classes(s, symbol, data, first);
    symbol->broken = !made || s->file->diags->errors != errors;
}

/* What a data set is made of: each kind may read those before it, wherever they are declared. */
typedef enum DataOrigin { OF_FILES, OF_COMPUTED_ROWS, OF_BASE, DATA_ORIGINS } DataOrigin;

static DataOrigin data_origin(const Decl *decl)
{
    bool computed = strcmp(head_name(decl->value), format_names[FORMAT_ROWS]) == 0;
    return is_derived(decl) ? OF_BASE : computed ? OF_COMPUTED_ROWS : OF_FILES;
}

void lower_all_data(Session *s)
{
    uint32_t count = count_declared(s->file, DECL_DATA);
    for (uint32_t i = 0; i < count; i++)
        vec_push(&s->model->datasets, (Dataset){.name = ""});
    for (DataOrigin origin = OF_FILES; origin < DATA_ORIGINS; origin++)
        for (uint32_t i = 0; i < s->file->symbols.len; i++) {
            Symbol *symbol = s->file->symbols.data[i];
            if (symbol->decl->kind != DECL_DATA || data_origin(symbol->decl) != origin)
                continue;
            unsigned column;
            Dataset data = {.name = arena_copy(&s->module->arena, symbol->decl->name.text)};
            span_place(symbol->decl->span, &data.line, &column);
            if (origin == OF_BASE)
                lower_derived(s, symbol, &data);
            else
                lower_own_data(s, symbol, &data);
            if (data.splits.len == 0) /* after an error */
                vec_push(&data.splits, (Split){.name = "train", .fraction = 1});
            s->model->datasets.data[symbol->index] = data;
        }
}
