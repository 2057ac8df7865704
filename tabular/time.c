/* Dates and times as tables write them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tabular/dialect.h"

/* The seconds behind a decimal point, as in 18:00:00.25; *end becomes what follows them. */
static double fraction(const char **end)
{
    char *behind;
    if (**end != '.' || !isdigit((unsigned char)(*end)[1]))
        return 0;
    double seconds = strtod(*end, &behind);
    *end = behind;
    return seconds;
}

/* Whether the calendar has the day: timegm makes 3 March of 31 February. */
static bool is_day(const struct tm *given, time_t when)
{
    struct tm found;
    return gmtime_r(&when, &found) && found.tm_mday == given->tm_mday && found.tm_mon == given->tm_mon;
}

static bool parse_by(const char *format, const char *text, double *seconds)
{
    struct tm tm = {.tm_mday = 1, .tm_year = 70};
    const char *end = strptime(text, format, &tm);
    if (!end)
        return false;
    size_t length = strlen(format);
    double parts = length >= 2 && (format[length - 1] == 'S' || format[length - 1] == 'T') ? fraction(&end) : 0;
    if (*end == 'Z')
        end++;
    if (*end)
        return false;
    long ahead = tm.tm_gmtoff; /* of UTC; timegm forgets it */
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
        return parse_by(format, text, seconds);
    for (size_t i = 0; i < sizeof iso / sizeof iso[0]; i++)
        if (parse_by(iso[i], text, seconds))
            return true;
    return false;
}
