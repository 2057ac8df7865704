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

/* The bytes of the mark between groups of three digits, or 0. A blank stands for those that do not break a line too, and the
 * apostrophe for the one of typographers. */
static size_t mark_length(const char *text, const char *thousands)
{
    static const char *const alike[][4] = {{" ", "\u00A0", "\u202F", "\u2009"}, {"'", "\u2019"}};
    if (*thousands && !strncmp(text, thousands, strlen(thousands)))
        return strlen(thousands);
    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++)
        for (size_t k = 1; !strcmp(thousands, alike[i][0]) && k < 4 && alike[i][k]; k++)
            if (!strncmp(text, alike[i][k], strlen(alike[i][k])))
                return strlen(alike[i][k]);
    return 0;
}

/* The length of the group of three digits that a mark leads, or 0. */
static size_t group_length(const char *text, const char *thousands)
{
    size_t length = mark_length(text, thousands);
    return length > 0 && strspn(text + length, "0123456789") == 3 ? length + 3 : 0;
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
    bool may_lead = digits >= 1 && digits <= 3 && *text != '0'; /* 0,123 is a fraction, whatever the mark is */
    memcpy(plain + done, text, digits);
    done += digits;
    text += digits;
    for (size_t group; may_lead && (group = group_length(text, dialect->thousands)); text += group) {
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
    static const char *const words[] = {"?",    "-",   "--",   ".",       "*",    "na",      "n/a", "nan",  "null", "none", "nil",
                                        "#n/a", "inf", "-inf", "unknown", "miss", "missing", "\\n", "<na>", "nat",  "-nan"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcasecmp(text, words[i]))
            return true;
    return *text == '#' && isupper((unsigned char)text[1]); /* #DIV/0! and other errors of spreadsheets */
}

static bool holds_number(const char *text)
{
    return strspn(text, "0123456789+-., $%()") > 0 && strpbrk(text, "0123456789");
}

/* What the files' numbers look like in another dialect, or NULL. */
static const char *dialect_hint(const Dialect *dialect, const char *text)
{
    bool english = is_number_in(".", ",", text), in_points = is_number_in(",", ".", text);
    if (*dialect->decimal == ',' && in_points && !*dialect->thousands)
        return "if points divide groups of three digits, say 'thousands \".\"'";
    if (*dialect->decimal == ',' && english)
        return "the decimal point of this data set is the comma";
    bool comma_point = is_number_in(",", "", text);
    if (comma_point && english)
        return "say 'thousands \",\"' if the comma divides groups of three digits, or 'decimal \",\"' if it is the decimal point";
    if (comma_point)
        return "if the comma is the decimal point, say 'decimal \",\"'";
    if (english)
        return "if commas divide groups of three digits, say 'thousands \",\"'";
    if (in_points)
        return "if points divide groups of three digits and the comma is the decimal point, say 'decimal \",\"; thousands \".\"'";
    if (is_number_in(".", " ", text) || is_number_in(",", " ", text))
        return "if blanks divide groups of three digits, say 'thousands \" \"'";
    if (is_number_in(".", "'", text))
        return "if apostrophes divide groups of three digits, say 'thousands \"'\"'";
    return NULL;
}

Hint number_hint(const Dialect *dialect, const char *text)
{
    static _Thread_local char time[TIME_HINT];
    const char *of_files = NULL;
    if (stands_for_nothing(text))
        return (Hint){"what stands for a missing value is declared, as in 'missing \"?\"'", false};
    if ((of_files = dialect_hint(dialect, text)))
        return (Hint){of_files, true};
    if (strpbrk(text, "-/.: ") && time_hint(text, time))
        return (Hint){time, false};
    if (!strncmp(text, "\u2212", strlen("\u2212")))
        return (Hint){"the sign of a number below 0 is '-', U+002D", true};
    if (holds_number(text))
        return (Hint){"a number stands alone in its field, without a unit, a currency or a percent sign", false};
    return (Hint){0};
}

bool marker_number(const Dialect *dialect, const char *marker, double *number)
{
    return parse_number(&default_dialect, marker, number) || parse_number(dialect, marker, number);
}
