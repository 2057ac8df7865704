/* Which character divides the rows of a file into fields. */
#ifndef HN_TABULAR_SEPARATOR_H
#define HN_TABULAR_SEPARATOR_H

#include <stddef.h>

#include "tabular/dialect.h"

/* SEPARATOR_BLANKS: any run of blanks and tabs between fields. */
enum { SEPARATOR_COMMA = ',', SEPARATOR_BLANKS = ' ' };

/* How a character divides the first rows of a file. */
typedef struct Division {
    char separator;
    size_t rows;   /* that were looked at */
    size_t first;  /* fields of the first row */
    size_t fields; /* that most rows have */
    size_t alike;  /* rows that have so many */
} Division;

/* How the file is divided. If the dialect names a separator, by this one. Else by the first of tab, ';', '|', comma and blanks
 * that divides all of the first rows into equally many fields, two or more (or as many as the dialect has names). (A comma within
 * fields that a rarer character divides is part of a number or a text.) If none of them does, by that one of tab, ';', '|' and
 * comma that divides most rows, and the first one among them, into equally many fields; else by the comma. *likely: in this last
 * case, the character that divides most rows into equally many fields; otherwise the result. Rows of one number with a
 * decimal comma below a header of one name are one column. `text`: the beginning of the file; a
 * last row without its end does not count unless the text is the `whole` file. */
Division separator_find(const Dialect *dialect, const char *text, size_t size, bool whole, Division *likely);
/* For messages: "';'", "tabs", "blanks"; valid until the next call of another separator. */
const char *separator_name(char separator);
/* How a model says that the character is the separator; valid until the next call. */
const char *separator_advice(char separator);
/* Fields into which the character divides a line. */
size_t line_fields(const char *line, size_t size, char separator);
bool line_is_blank(const char *line, size_t size);
/* Whether the line begins, behind blanks, as the dialect's comments do. */
bool line_is_comment(const Dialect *dialect, const char *line, size_t size);

#endif
