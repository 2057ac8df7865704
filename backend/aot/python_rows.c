/* Encoders of rows in a module of Python. */
#include <string.h>

#include "backend/aot/python.h"

static void print_quoted(const char *text, Text *out)
{
    text_printf(out, "\"");
    print_python_text(text, out);
    text_printf(out, "\"");
}

/* A tuple of those of the texts that are wanted; NULL: all. */
static void print_texts(uint32_t count, const char *const *texts, bool (*wanted)(const char *), Text *out)
{
    text_printf(out, "(");
    for (uint32_t i = 0; i < count; i++) {
        if (wanted && !wanted(texts[i]))
            continue;
        print_quoted(texts[i], out);
        text_printf(out, ", ");
    }
    text_printf(out, ")");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool ends_with_blanks(const char *text)
{
    return *text && (is_blank(*text) || is_blank(text[strlen(text) - 1]));
}

/* How texts are to be read: the decimal point, what divides groups of three digits, blanks around a text (where tabs divide the
 * columns, a tab is none), and what is missing. */
static void print_dialect(const Schema *schema, Text *out)
{
    print_quoted(schema->dialect.decimal, out);
    text_printf(out, ", ");
    print_quoted(schema->dialect.thousands, out);
    text_printf(out, ", \"%s\", ", *schema->dialect.separator == '\t' ? " " : " \\t");
    print_texts(schema->marker_count, schema->markers, NULL, out);
}

static void print_column(const RawRow *row, const RawColumn *column, Text *out)
{
    const SchemaColumn *schema = &row->schema->columns[column->column];
    text_printf(out, "    (");
    print_quoted(column->text, out);
    text_printf(out, ", \"%s\", ", !column->number ? "category" : schema->time ? "time" : "number");
    print_texts(column->number ? 0 : schema->category_count, schema->categories, ends_with_blanks, out);
    text_printf(out, "),\n");
}

void print_python_encoder(const RawRow *row, const char *name, Text *out)
{
    text_printf(out, "\n\n_hnc_add_table(\"%s\", (", row->function);
    print_dialect(row->schema, out);
    text_printf(out, "), [\n");
    for (uint32_t i = 0; i < row->columns.len; i++)
        print_column(row, &row->columns.data[i], out);
    text_printf(out, "]");
    for (uint32_t i = 0; i < row->fields.len; i++) {
        text_printf(out, ", (\"%s\", ", numpy_type(row->fields.data[i].type.dtype));
        print_python_shape(row->fields.data[i].type, 0, out);
        text_printf(out, ")");
    }
    text_printf(out,
                ")\n\n\ndef %s(row):\n"
                "    \"\"\"A row as the files have it, a dict of values by column; a missing value is None. Many rows: a list.\n"
                "\n    A time is given as seconds since 1970, or since midnight where its format has no date.\"\"\"\n"
                "    return _hnc_encode(\"%s\", row)\n",
                name, row->function);
}
