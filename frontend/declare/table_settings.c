/* What a data set of CSV files says beside its fields: how the files are written, and what becomes of values that are missing,
 * unknown or not wanted. */
#include <stdlib.h>

#include "frontend/declare/table.h"

static const char *keep_text(TableLowering *l, const char *text)
{
    return arena_copy(&l->s->module->arena, text);
}

/* The only value, a string; NULL (reported) if it is none. */
static const char *only_text(TableLowering *l, const DataItem *item, const char *example)
{
    const Expr *value = item->values.first;
    if (value && !value->next && value->kind == EXPR_STRING)
        return keep_text(l, value->name.text);
    fail(l->s, item->span, "'%s' takes one string, as in '%s'", item->name.text, example);
    return NULL;
}

/* ---- how files are written ---- */

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void set_columns(TableLowering *l, const DataItem *item)
{
    Names names = {0};
    bool fine = true;
    for (const Expr *value = item->values.first; value && fine; value = value->next)
        fine = column_names(l->s, value, &names);
    for (uint32_t i = 0; i < names.len; i++)
        if (!strcmp(names.data[i], "_")) /* a column that nobody reads */
            names.data[i] = "";
    l->schema->dialect.names = KEEP(&l->s->module->arena, names);
    l->schema->dialect.name_count = names.len;
    if (names.len)
        qsort(names.data, names.len, sizeof *names.data, compare_names);
    for (uint32_t i = 1; i < names.len && fine; i++)
        if (*names.data[i] && !strcmp(names.data[i - 1], names.data[i])) {
            fail(l->s, item->span, "two columns are named '%s'; columns that nobody reads are written '_'", names.data[i]);
            fine = false;
        }
    vec_free(&names);
}

static void set_separator(TableLowering *l, const DataItem *item)
{
    const char *text = only_text(l, item, "separator \";\"");
    if (!text)
        return;
    bool tab = !strcmp(text, "\\t") || !strcmp(text, "\t");
    if (!tab && (strlen(text) != 1 || strchr("\"\n\r", *text) || (unsigned char)*text < ' ')) {
        fail(l->s, item->span,
             "a separator is one character, as in 'separator \";\"'; \"\\t\" is the tab, \" \" any run of blanks");
        return;
    }
    l->schema->dialect.separator = tab ? "\t" : text;
}

static void set_decimal(TableLowering *l, const DataItem *item)
{
    const char *text = only_text(l, item, "decimal \",\"");
    if (text && strcmp(text, ",") != 0 && strcmp(text, ".") != 0)
        fail(l->s, item->span, "the decimal point is \".\" or \",\"");
    else if (text)
        l->schema->dialect.decimal = text;
}

static void set_thousands(TableLowering *l, const DataItem *item)
{
    const char *text = only_text(l, item, "thousands \",\"");
    if (text && (!*text || strlen(text) > 4 || strpbrk(text, "0123456789+-eE\"")))
        fail(l->s, item->span, "groups of three digits are divided by one character, as in 'thousands \",\"'");
    else if (text)
        l->schema->dialect.thousands = text;
}

static void set_comment(TableLowering *l, const DataItem *item)
{
    const Expr *value = item->values.first;
    bool none = value && !value->next && value->kind == EXPR_NAME && !strcmp(value->name.text, "none");
    const char *text = none ? "" : only_text(l, item, "comment \"#\"' or 'comment none");
    if (text && !none && (!*text || strpbrk(text, " \t\n\r")))
        fail(l->s, item->span, "a comment begins with a character, as in 'comment \"#\"', or there are none: 'comment none'");
    else if (text)
        l->schema->dialect.comment = text;
}

static void set_skip(TableLowering *l, const DataItem *item)
{
    int64_t lines = 0;
    const Expr *value = item->values.first;
    if (!value || value->next)
        fail(l->s, item->span, "'skip' takes the number of lines at the beginning of each file that are no rows, as in 'skip 1'");
    else if (as_integer(l->s, evaluate(l->s, value), value->span, "the number of lines to skip", 0, 1000000, &lines))
        l->schema->dialect.skip = (uint32_t)lines;
}

/* ---- what becomes of values ---- */

/* `as mean` or `as drop`, behind the markers or alone. */
static bool read_missing_policy(TableLowering *l, Name word)
{
    bool mean = strcmp(word.text, "mean") == 0;
    if (!mean && strcmp(word.text, "drop") != 0) {
        fail(l->s, word.span, "a missing number is taken 'as mean', or its row dropped by 'as drop'");
        return false;
    }
    l->schema->missing = mean ? MISSING_MEAN : MISSING_DROP;
    return true;
}

static void set_missing(TableLowering *l, const DataItem *item)
{
    if (item->value) /* only empty fields are missing */
        read_missing_policy(l, item->value->name);
    for (const Expr *value = item->values.first; value; value = value->next) {
        const Expr *text = value;
        if (value->kind == EXPR_LABEL && !value->next) {
            text = value->left;
            if (!read_missing_policy(l, value->name))
                return;
        }
        if (text->kind != EXPR_STRING)
            fail(l->s, text->span, "what stands for a missing value is written as a string, as in 'missing \"?\"'");
        else
            vec_push(&l->markers, keep_text(l, text->name.text));
    }
}

static void set_unknown(TableLowering *l, const DataItem *item)
{
    const char *word = item->value ? item->value->name.text : "";
    int policy = find_word(WORDS(unknown_policy_names), word);
    if (policy < 0 || item->values.first)
        fail(l->s, item->span,
             "a category that the compiler's files do not hold is taken 'as missing' or 'as frequent', the most frequent one, or "
             "is an error: 'unknown as error'");
    else
        l->schema->unknown = (UnknownPolicy)policy;
}

static void set_drop(TableLowering *l, const DataItem *item)
{
    Columns columns = {0};
    for (const Expr *value = item->values.first; value; value = value->next)
        find_columns(l, value, &columns);
    for (uint32_t i = 0; i < columns.len; i++)
        l->dropped[columns.data[i]] = true;
    vec_free(&columns);
}

/* ---- all of them ---- */

static const struct TableSetting {
    const char *word;
    void (*set)(TableLowering *l, const DataItem *item);
    bool of_columns, as_alone;
} settings[] = {
#define SETTING(word, of_columns, as_alone) {#word, set_##word, of_columns, as_alone},
#include "frontend/declare/table_settings.def"
#undef SETTING
};

bool check_table_setting(Session *s, const DataItem *item)
{
    const char *name = item->name.text;
    if (foreign_answer(FOREIGN_TABLE, name, strlen(name)) && find_word(WORDS(settings), name) < 0) {
        fail(s, item->name.span, "a data set has no setting '%s'", name);
        return !answer_foreign(s, FOREIGN_TABLE, name);
    }
    return choose_word(s, WORDS(settings), name, item->name.span, "a data set has no setting '%s'", name) >= 0;
}

static bool said_before(const DataItemList *items, const DataItem *item)
{
    for (const DataItem *other = items->first; other != item; other = other->next)
        if (other->kind == DATA_SETTING && !strcmp(other->name.text, item->name.text))
            return true;
    return false;
}

void read_table_settings(TableLowering *l, bool of_columns)
{
    const DataItemList *items = &l->symbol->decl->items;
    for (const DataItem *item = items->first; item; item = item->next) {
        int kind = item->kind == DATA_SETTING ? find_word(WORDS(settings), item->name.text) : -1;
        if (kind < 0 || settings[kind].of_columns != of_columns)
            continue;
        if (item->value && !settings[kind].as_alone)
            fail(l->s, item->span, "'%s' is not followed by 'as' alone", item->name.text);
        else if (!of_columns && said_before(items, item))
            fail(l->s, item->span, "'%s' is declared twice", item->name.text);
        else
            settings[kind].set(l, item);
    }
}

bool check_dialect(TableLowering *l)
{
    const Dialect *dialect = &l->schema->dialect;
    const char *name = l->symbol->decl->name.text, *twice = NULL;
    if (!strcmp(dialect->decimal, dialect->thousands))
        twice = "the decimal point and what divides groups of three digits";
    else if (*dialect->separator && !strcmp(dialect->separator, dialect->comment))
        twice = "the separator and the beginning of a comment";
    if (twice)
        fail(l->s, l->symbol->decl->name.span, "in the files of '%s', %s are the same character", name, twice);
    return !twice;
}
