/* Which character divides the rows of a file into fields. */
#ifndef HN_TABULAR_SEPARATOR_H
#define HN_TABULAR_SEPARATOR_H

#include <stdbool.h>
#include <stddef.h>

/* SEPARATOR_BLANKS: any run of blanks and tabs between fields. */
enum { SEPARATOR_COMMA = ',', SEPARATOR_BLANKS = ' ' };

/* What divides each of the first rows into as many fields as the very first one, two or more: a tab, ';', '|', a comma or blanks,
 * the first of these that does. (A comma within fields that something rarer divides is part of a number or a text.)
 * SEPARATOR_COMMA where none does. `text`: the beginning of the file, of which a last line without its end does not count unless
 * it is `whole`. */
char separator_find(const char *text, size_t size, bool whole);
/* For messages: "';'", "tabs", "blanks". */
const char *separator_name(char separator);
/* Whether the line is blank or a comment. */
bool line_is_skipped(const char *line, size_t size);

#endif
