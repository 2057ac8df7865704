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

/* How the file is divided: by the character that the dialect names, else by the one that divides each of the first rows into
 * as many fields as the very first one, two or more (or as many as the dialect has names): a tab, ';', '|', a comma or blanks,
 * the first of these that does. (A comma within fields that something rarer divides is part of a number or a text.) Where none
 * does, it is the one of the first four that divides most rows as the first one is divided, else the comma; *likely is then what
 * divides most rows alike, and otherwise the result. Rows of one number with a decimal comma below a header of one name are one
 * column. `text`: the beginning of the file, of which a last row without its end does
 * not count unless it is `whole`. */
Division separator_find(const Dialect *dialect, const char *text, size_t size, bool whole, Division *likely);
/* For messages: "';'", "tabs", "blanks"; valid until the next call of another separator. */
const char *separator_name(char separator);
/* How a model says that the character is the separator; valid until the next call. */
const char *separator_advice(char separator);
bool line_is_blank(const char *line, size_t size);
/* Whether the line begins, behind blanks, as the dialect's comments do. */
bool line_is_comment(const Dialect *dialect, const char *line, size_t size);

#endif
