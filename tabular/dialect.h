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
/* The number that a text for missing values stands for, -9.5 as models write it, or -9,5 as the files do. False: none. */
bool marker_number(const Dialect *dialect, const char *marker, double *number);

/* A date, a time or both, by a format of strptime: seconds since 1970-01-01 00:00:00 UTC, or since midnight if the format has no
 * date. A fraction of a second may follow the seconds. A year has four digits, or is %y. "" is ISO 8601: 2024-03-10,
 * 2024-03-10 18:00:00.5, 2024-03-10T18:00Z, 2024-03-10T18:00+01:00, 18:00 (time.c). */
bool parse_time(const char *format, const char *text, double *seconds);

enum { TIME_HINT = 192 }; /* bytes of a text about times */

/* Whether the format has a conversion that parse_time would not heed, such as %Z, or reads no time at all; what is wrong with it.
 */
bool time_format_fault(const char *format, char fault[static TIME_HINT]);

/* Whether the text is a date or a time in a usual format; how to read it. */
bool time_hint(const char *text, char hint[static TIME_HINT]);

/* How to read a text that is no number, for whoever declares the table; the text is NULL where nothing comes to mind. */
typedef struct Hint {
    const char *text;
    bool of_files; /* it is said once for all columns */
} Hint;

Hint number_hint(const Dialect *dialect, const char *text);

#endif
