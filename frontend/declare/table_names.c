/* How the columns of a table are named: alone, or as a range of them. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "frontend/declare/table.h"

/* A bare name may hold hyphens and dots, which read as operators: education-num. False if this is no name. */
static bool append_name(Text *name, const Expr *expr)
{
    switch (expr->kind) {
    case EXPR_NAME:
    case EXPR_STRING:
        text_printf(name, "%s", expr->name.text);
        return expr->kind == EXPR_NAME;
    case EXPR_NUMBER:
        text_append(name, expr->span.source->text + expr->span.begin, expr->span.end - expr->span.begin);
        return true;
    case EXPR_MEMBER:
        if (!append_name(name, expr->left))
            return false;
        text_printf(name, ".%s", expr->name.text);
        return true;
    case EXPR_BINARY:
        if (expr->operator!= OPERATOR_SUB || !append_name(name, expr->left))
            return false;
        text_printf(name, "-");
        return append_name(name, expr->right);
    default:
        return false;
    }
}

const char *column_name(Session *s, const Expr *expr)
{
    Text text = {0};
    bool is_name = expr->kind != EXPR_NUMBER && (append_name(&text, expr) || expr->kind == EXPR_STRING);
    const char *name = is_name ? arena_text(&s->file->arena, text.data ? text.data : "", text.len) : NULL;
    text_free(&text);
    return name;
}

/* column_name, or an error. */
static const char *need_name(Session *s, const Expr *expr)
{
    const char *name = column_name(s, expr);
    if (name)
        return name;
    fail(s, expr->span, "the name of a column is expected here");
    add_help(s, "a name that is more than letters, digits, '_', '-' and '.' is written as a string");
    return NULL;
}

/* ---- one column ---- */

/* Whether the files are not divided into columns, or do not begin with a header: one mistake, however many columns
 * are not found. */
static bool refuse_header(TableLowering *l, const Expr *expr)
{
    Session *s = l->s;
    const char *number, *name = l->symbol->decl->name.text, *only = l->table->columns[0].name;
    bool lacks = table_lacks_header(l->table, &number), of_excel = !strncasecmp(only, "sep=", 4);
    bool undivided = l->table->column_count == 1 && strpbrk(only, "\t;|:,/^~ ");
    if (!lacks && !undivided && !of_excel)
        return l->no_header;
    if (!l->no_header && of_excel) {
        fail(s, expr->span, "the files of '%s' begin with the line '%s', which names the separator to Excel and is no header",
             name, only);
        add_help(s, "leave it out by 'skip 1'");
    } else if (!l->no_header && undivided) {
        fail(s, expr->span, "the files of '%s' have one column only, '%s'", name, only);
        add_help(s, "%s", separator_advice(*strpbrk(only, strpbrk(only, "\t;|") ? "\t;|" : ":,/^~ ")));
    } else if (!l->no_header) {
        fail(s, expr->span, "the files of '%s' have no header: the first row, which names the columns, holds the number %s", name,
             number);
        add_help(s, "name the columns in the data set, in the order of the file: 'columns a, b, c'");
    }
    l->no_header = true;
    return true;
}

static int64_t find_name(TableLowering *l, const Expr *expr, const char *name)
{
    Session *s = l->s;
    int64_t column = table_column(l->table, name);
    if (column >= 0 || refuse_header(l, expr))
        return column;
    enum { LISTED = 30 };
    const char **names = ARENA_ARRAY(&s->file->arena, const char *, l->table->column_count);
    Words columns = {names, 0, sizeof *names};
    for (uint32_t i = 0; i < l->table->column_count; i++) /* two columns of one name cannot be used */
        if (!l->table->columns[i].twice)
            names[columns.count++] = l->table->columns[i].name;
    fail(s, expr->span, "the data set '%s' has no column '%s'", l->symbol->decl->name.text, name);
    l->no_header = l->table->column_count == 1;
    if (l->no_header)
        add_help(s, "the only column is '%s'; if this line is a title above the header, leave it out by 'skip 1'",
                 l->table->columns[0].name);
    else if (columns.count <= LISTED)
        add_choices(s, name, columns, columns);
    else
        suggest_word(s, name, columns);
    return -1;
}

int64_t find_column(TableLowering *l, const Expr *expr)
{
    const char *name = need_name(l->s, expr);
    return name ? find_name(l, expr, name) : -1;
}

/* ---- ranges ---- */

/* x0..x9: names that differ in the number at their ends. */
typedef struct Numbered {
    size_t stem; /* bytes before the number */
    uint32_t first, last;
    int digits; /* at least, with zeros before them */
} Numbered;

static size_t stem_length(const char *name)
{
    size_t length = strlen(name);
    while (length > 0 && isdigit((unsigned char)name[length - 1]))
        length--;
    return length;
}

static bool is_numbered(const char *first, const char *last, Numbered *range)
{
    size_t stem = stem_length(first), digits = strlen(first) - stem;
    if (stem != stem_length(last) || strncmp(first, last, stem) != 0 || !first[stem] || !last[stem] || digits > 9 ||
        strlen(last) - stem > 9)
        return false;
    *range = (Numbered){.stem = stem,
                        .first = (uint32_t)strtoul(first + stem, NULL, 10),
                        .last = (uint32_t)strtoul(last + stem, NULL, 10),
                        .digits = first[stem] == '0' ? (int)digits : 1};
    return range->first <= range->last;
}

static const char *numbered_name(Session *s, const char *name, const Numbered *range, uint32_t number)
{
    return arena_printf(&s->module->arena, "%.*s%0*u", (int)range->stem, name, range->digits, number);
}

bool column_names(Session *s, const Expr *expr, Names *names)
{
    Numbered range;
    if (!is_range(expr)) {
        const char *name = need_name(s, expr);
        if (name)
            vec_push(names, arena_copy(&s->module->arena, name));
        return name;
    }
    const char *first = need_name(s, expr->left), *last = first ? need_name(s, expr->right) : NULL;
    if (!last)
        return false;
    if (!is_numbered(first, last, &range)) {
        fail(s, expr->span, "a range of new names counts up in the number at their ends, as in 'x0..x9'");
        return false;
    }
    if (range.last - range.first >= READER_MAX_FIELDS) {
        fail(s, expr->span, "a row has at most %d columns", READER_MAX_FIELDS);
        return false;
    }
    for (uint32_t i = range.first; i <= range.last; i++)
        vec_push(names, numbered_name(s, first, &range, i));
    return true;
}

bool find_columns(TableLowering *l, const Expr *expr, Columns *columns)
{
    Numbered range;
    if (!is_range(expr)) {
        int64_t column = find_column(l, expr);
        if (column >= 0)
            vec_push(columns, (uint32_t)column);
        return column >= 0;
    }
    int64_t begin = find_column(l, expr->left), end = begin < 0 ? -1 : find_column(l, expr->right);
    if (end < 0)
        return false;
    const char *first = column_name(l->s, expr->left);
    if (is_numbered(first, column_name(l->s, expr->right), &range)) {
        for (uint32_t i = range.first; i <= range.last; i++) {
            int64_t column = find_name(l, expr, numbered_name(l->s, first, &range, i));
            if (column < 0)
                return false;
            vec_push(columns, (uint32_t)column);
        }
        return true;
    }
    if (begin > end) {
        fail(l->s, expr->span, "the column '%s' stands behind '%s' in the files", l->table->columns[begin].name,
             l->table->columns[end].name);
        return false;
    }
    for (int64_t i = begin; i <= end; i++)
        vec_push(columns, (uint32_t)i);
    return true;
}
