/* How the files of a table are written: what a model says of it, and what holds where the model says nothing. */
#ifndef HN_TABULAR_DIALECT_H
#define HN_TABULAR_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Dialect {
    const char *separator;    /* one character between fields, "" if it is found in the first rows, " " for runs of blanks */
    const char *decimal;      /* "." or ",": what divides the whole part of a number from its fraction */
    const char *thousands;    /* what may divide groups of three digits; "": nothing */
    const char *comment;      /* how a line begins that holds no row; "": no line does */
    uint32_t skip;            /* lines at the beginning of each file that are not read */
    const char *const *names; /* of the columns of files without a header; "" for a column that nobody reads */
    uint32_t name_count;      /* 0: the first row of each file is its header */
} Dialect;

/* What holds where the model says nothing: the separator is found, '.' is the decimal point, comments begin with '#', and the
 * first row is a header. */
extern const Dialect default_dialect;

/* A finite number: digits, perhaps a sign, a decimal point and an exponent; with the dialect's decimal point, and groups of three
 * digits if it has a character between them (number.c). */
bool parse_number(const Dialect *dialect, const char *text, double *number);

/* A date, a time or both, by a format of strptime: seconds since 1970-01-01 00:00:00 UTC, or since midnight if the format has no
 * date. A fraction of a second may follow the seconds. "" is ISO 8601: 2024-03-10, 2024-03-10 18:00:00.5, 2024-03-10T18:00Z,
 * 18:00 (time.c). */
bool parse_time(const char *format, const char *text, double *seconds);

/* How a text that is no number may be read, as a hint to whoever declares the table. NULL: the text looks like nothing known. */
const char *number_hint(const Dialect *dialect, const char *text);

#endif
