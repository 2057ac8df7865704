/* Dates and times as tables write them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tabular/dialect.h"
#include "tabular/error.h"

/* The seconds behind a decimal point or comma, as in 18:00:00.25; *end becomes what follows them. */
static double fraction(const char **end)
{
    const char *c = *end;
    double seconds = 0, unit = 1;
    if ((*c != '.' && *c != ',') || !isdigit((unsigned char)c[1]))
        return 0;
    for (c++; isdigit((unsigned char)*c); c++)
        seconds += (*c - '0') * (unit /= 10);
    *end = c;
    return seconds;
}

/* The seconds of an offset from UTC, as in +01:00, -0530 and +01; *end becomes what follows it. */
static long offset(const char **end)
{
    const char *c = *end;
    if ((*c != '+' && *c != '-') || strspn(c + 1, "0123456789") < 2)
        return 0;
    long hours = strtol((const char[]){c[1], c[2], 0}, NULL, 10), minutes = 0;
    const char *behind = c + 3 + (c[3] == ':');
    bool has_minutes = strspn(behind, "0123456789") == 2;
    if (has_minutes)
        minutes = strtol(behind, NULL, 10);
    if (hours > 14 || minutes > 59)
        return 0;
    *end = has_minutes ? behind + 2 : c + 3;
    return (*c == '-' ? -60 : 60) * (60 * hours + minutes);
}

/* Whether the calendar has the day: timegm makes 3 March of 31 February. */
static bool is_day(const struct tm *given, time_t when)
{
    struct tm found;
    return gmtime_r(&when, &found) && found.tm_mday == given->tm_mday && found.tm_mon == given->tm_mon;
}

enum { FIRST_YEAR = 1000 - 1900 }; /* a year of fewer digits, as in 10/03/04, is no %Y, though strptime takes it for one */

static bool parse_by(const char *format, bool iso, const char *text, double *seconds)
{
    struct tm tm = {.tm_mday = 1, .tm_year = 70};
    const char *end = strptime(text, format, &tm);
    if (!end || tm.tm_year < FIRST_YEAR)
        return false;
    size_t length = strlen(format);
    double parts = length >= 2 && (format[length - 1] == 'S' || format[length - 1] == 'T') ? fraction(&end) : 0;
    long ahead = tm.tm_gmtoff; /* of UTC; timegm forgets it */
    if (iso && strchr(format, 'M'))
        ahead = offset(&end);
    if (*end == 'Z')
        end++;
    if (*end)
        return false;
    struct tm given = tm;
    time_t when = timegm(&tm);
    *seconds = (double)(when - ahead) + parts;
    return is_day(&given, when);
}

bool parse_time(const char *format, const char *text, double *seconds)
{
    static const char *const iso[] = {
        "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%H:%M:%S", "%H:%M"};
    if (*format)
        return parse_by(format, false, text, seconds);
    for (size_t i = 0; i < sizeof iso / sizeof iso[0]; i++)
        if (parse_by(iso[i], true, text, seconds))
            return true;
    return false;
}

/* ---- formats ---- */

/* What the conversions of a format say of a time. */
typedef struct Conversions {
    bool time, half_day, hours_to_12, week, weekday;
} Conversions;

/* Takes a conversion, named by its letter; false if it says nothing that parse_time reads. */
static bool take_conversion(Conversions *found, char letter)
{
    if (!letter || !strchr("YymdeCjHkIlMSbBhcDFRrTxXspPaAwuUWnt%z", letter))
        return false;
    found->time |= strchr("YymdeCjHkIlMSbBhcDFRrTxXs", letter) != NULL;
    found->half_day |= strchr("pP", letter) != NULL;
    found->hours_to_12 |= strchr("Ilr", letter) != NULL;
    found->week |= strchr("UW", letter) != NULL;
    found->weekday |= strchr("aAwu", letter) != NULL;
    return true;
}

bool time_format_fault(const char *format, char fault[static TIME_HINT])
{
    Conversions found = {0};
    char shown[EXCERPT];
    for (const char *c = format; *c; c++) {
        if (*c != '%')
            continue;
        c += 1 + strspn(c + 1, "-_0^#");
        c += *c == 'E' || *c == 'O';
        if (take_conversion(&found, *c))
            continue;
        const char *instead = *c == 'f'   ? "; a fraction of a second may follow %S, and no conversion stands for it"
                              : *c == 'Z' ? "; %z reads an offset from UTC, as in +0100"
                                          : "";
        snprintf(fault, TIME_HINT, "'%%%.*s' of the format reads no part of a time%s", (unsigned char)*c < 0x80, c, instead);
        return true;
    }
    if (*format && !found.time)
        snprintf(fault, TIME_HINT, "the format '%s' reads no date and no time of the day", excerpt(format, shown));
    else if (found.half_day && !found.hours_to_12)
        snprintf(fault, TIME_HINT, "%%p asks for hours up to 12, which are %%I, in the format '%s'", excerpt(format, shown));
    else if (found.week && !found.weekday)
        snprintf(fault, TIME_HINT, "a week needs its day, as in '%%Y-%%W-%%u', in the format '%s'", excerpt(format, shown));
    else
        return false;
    return true;
}

static const char *const days[] = {"%d/%m/%Y", "%m/%d/%Y",  "%d/%m/%y", "%m/%d/%y", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y",
                                   "%m-%d-%Y", "%d-%m-%y",  "%Y/%m/%d", "%Y.%m.%d", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y",
                                   "%b %d %Y", "%b %d, %Y", "%Y-%m-%d", "%Y-%m",    "%m/%Y",    "%Y%m%d",   ""};
static const char *const clocks[] = {"",          " %H:%M", " %H:%M:%S",   " %I:%M %p",   " %I:%M:%S %p",
                                     " %H.%M.%S", " %H.%M", "T%H:%M:%S%z", " %H:%M:%S %z"};

/* The next format of those above, from number *next on, that the text is written in; false if there is none. */
static bool find_format(const char *text, size_t *next, char format[static TIME_HINT])
{
    enum { DAYS = sizeof days / sizeof days[0], CLOCKS = sizeof clocks / sizeof clocks[0] };
    double seconds;
    for (; *next < DAYS * CLOCKS; ++*next) {
        const char *day = days[*next % DAYS], *clock = clocks[*next / DAYS];
        snprintf(format, TIME_HINT, "%s%s", day, clock + (!*day && *clock == ' '));
        if (*format && parse_by(format, false, text, &seconds))
            return ++*next;
    }
    return false;
}

bool time_hint(const char *text, char hint[static TIME_HINT])
{
    char format[TIME_HINT], other[TIME_HINT];
    size_t next = 0;
    double seconds;
    if (parse_time("", text, &seconds)) {
        snprintf(hint, TIME_HINT, "a date or a time is read by 'time(column)'");
        return true;
    }
    if (!find_format(text, &next, format))
        return false;
    const char *what = !strstr(format, "%H") && !strstr(format, "%I") ? "date"
                       : strstr(format, "%m") || strstr(format, "%b") ? "date with its time"
                                                                      : "time";
    int length = snprintf(hint, TIME_HINT, "a %s is read by its format, as in 'time(column, \"%s\")'", what, format);
    if (find_format(text, &next, other) && other[1] == 'm')
        snprintf(hint + length, TIME_HINT - (size_t)length, ", or \"%s\" with the month first", other);
    return true;
}
