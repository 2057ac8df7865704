/* Numbers as tables write them. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tabular/dialect.h"

const Dialect default_dialect = {.separator = "", .decimal = ".", .thousands = "", .comment = "#"};

static bool parse_plain(const char *text, double *number)
{
    const char *c = text + (*text == '+' || *text == '-');
    size_t digits = strspn(c, "0123456789");
    c += digits;
    if (*c == '.') {
        size_t more = strspn(c + 1, "0123456789");
        digits += more;
        c += 1 + more;
    }
    if (digits > 0 && (*c == 'e' || *c == 'E')) {
        c += 1 + (c[1] == '+' || c[1] == '-');
        size_t exponent = strspn(c, "0123456789");
        if (exponent == 0)
            return false;
        c += exponent;
    }
    if (digits == 0 || *c)
        return false;
    *number = strtod(text, NULL); /* the point is '.', as no locale is ever set */
    return isfinite(*number);
}

enum { MOST_DIGITS = 400 };

/* The length of the group of three digits that `separator` leads, or 0. */
static size_t group_length(const char *text, const char *separator)
{
    size_t length = strlen(separator);
    if (length == 0 || strncmp(text, separator, length) != 0 || strspn(text + length, "0123456789") != 3)
        return 0;
    return length + 3;
}

bool parse_number(const Dialect *dialect, const char *text, double *number)
{
    char plain[MOST_DIGITS + 1];
    bool comma = *dialect->decimal == ',';
    if (!comma && !*dialect->thousands)
        return parse_plain(text, number);
    if (strlen(text) > MOST_DIGITS)
        return false;
    size_t done = 0;
    if (*text == '+' || *text == '-')
        plain[done++] = *text++;
    size_t digits = strspn(text, "0123456789");
    memcpy(plain + done, text, digits);
    done += digits;
    text += digits;
    for (size_t group; digits >= 1 && digits <= 3 && (group = group_length(text, dialect->thousands)); text += group) {
        memcpy(plain + done, text + group - 3, 3);
        done += 3;
    }
    if (comma && *text == '.') /* a point is no decimal point here */
        return false;
    if (comma && *text == ',') {
        plain[done++] = '.';
        text++;
    }
    strcpy(plain + done, text);
    return parse_plain(plain, number);
}

/* ---- what it may be instead ---- */

static bool is_number_in(const char *decimal, const char *thousands, const char *text)
{
    double number;
    const Dialect dialect = {.separator = "", .decimal = decimal, .thousands = thousands, .comment = ""};
    return parse_number(&dialect, text, &number);
}

static bool stands_for_nothing(const char *text)
{
    static const char *const words[] = {"?",    "-",   "--",   ".",   "*",    "na",      "n/a",  "nan",    "null",
                                        "none", "nil", "#n/a", "inf", "-inf", "unknown", "miss", "missing"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcasecmp(text, words[i]))
            return true;
    return false;
}

/* How to read digits in two or three groups with a mark between them, as in 10/03/2004, 2004-03-10 and 18:00; NULL: it is no date
 * and no time. */
static const char *time_hint(const char *text)
{
    char marks[4] = "";
    size_t groups = 0, first = strspn(text, "0123456789");
    for (const char *c = text; isdigit((unsigned char)*c); c += *c != 0) {
        c += strspn(c, "0123456789");
        groups++;
        if (*c && !strchr("-/.:T ", *c))
            return NULL;
        if (groups <= 3)
            marks[groups - 1] = *c;
    }
    bool date = groups >= 3 && marks[0] == marks[1] && first <= 4;
    if (groups == 2 ? marks[0] != ':' : !date)
        return NULL;
    if (marks[0] == ':' || (marks[0] == '-' && first == 4))
        return "a date or a time is read by 'time(column)'";
    if (groups > 3)
        return "a date with its time is read by its format, as in 'time(column, \"%d/%m/%Y %H:%M\")'";
    return marks[0] == '.'   ? "a date is read by its format, as in 'time(column, \"%d.%m.%Y\")'"
           : marks[0] == '-' ? "a date is read by its format, as in 'time(column, \"%d-%m-%Y\")'"
           : first == 4
               ? "a date is read by its format, as in 'time(column, \"%Y/%m/%d\")'"
               : "a date is read by its format, as in 'time(column, \"%d/%m/%Y\")', or \"%m/%d/%Y\" with the month first";
}

static bool holds_number(const char *text)
{
    return strspn(text, "0123456789+-., $%()") > 0 && strpbrk(text, "0123456789");
}

const char *number_hint(const Dialect *dialect, const char *text)
{
    if (stands_for_nothing(text))
        return "what stands for a missing value is declared, as in 'missing \"?\"'";
    bool comma_point = is_number_in(",", "", text), comma_groups = is_number_in(".", ",", text);
    if (comma_point && comma_groups)
        return "say 'thousands \",\"' if the comma divides groups of three digits, or 'decimal \",\"' if it is the decimal point";
    if (comma_point)
        return "if the comma is the decimal point, say 'decimal \",\"'";
    if (comma_groups)
        return "if commas divide groups of three digits, say 'thousands \",\"'";
    if (is_number_in(",", ".", text))
        return "if points divide groups of three digits and the comma is the decimal point, say 'decimal \",\"; thousands \".\"'";
    if (*dialect->decimal == ',' && is_number_in(".", "", text))
        return "the decimal point of this data set is the comma";
    if (is_number_in(".", " ", text) || is_number_in(",", " ", text))
        return "if blanks divide groups of three digits, say 'thousands \" \"'";
    if (is_number_in(".", "'", text))
        return "if apostrophes divide groups of three digits, say 'thousands \"'\"'";
    const char *time = time_hint(text);
    if (time)
        return time;
    if (holds_number(text))
        return "a number stands alone in its field, without a unit, a currency or a percent sign";
    return NULL;
}
