#include "runtime/run/screen.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LEAST_COLUMNS = 40, MOST_COLUMNS = 100 };

int screen_columns(void)
{
    struct winsize size;
    const char *variable = getenv("COLUMNS");
    long columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 0;
    if (columns == 0 && variable)
        columns = strtol(variable, NULL, 10);
    if (columns <= 0 || columns > MOST_COLUMNS)
        return MOST_COLUMNS;
    return columns < LEAST_COLUMNS ? LEAST_COLUMNS : (int)columns;
}

const char *screen_duration(double seconds, char text[static DURATION_SIZE])
{
    int64_t whole = seconds < 1e12 ? (int64_t)(seconds + 0.5) : 1000000000000;
    if (seconds < 59.95)
        snprintf(text, DURATION_SIZE, "%.1f s", seconds);
    else if (whole >= 100 * 3600)
        snprintf(text, DURATION_SIZE, "%" PRId64 "d %02" PRId64 "h", whole / 86400, whole / 3600 % 24);
    else if (whole < 3600)
        snprintf(text, DURATION_SIZE, "%" PRId64 ":%02" PRId64, whole / 60, whole % 60);
    else
        snprintf(text, DURATION_SIZE, "%" PRId64 ":%02" PRId64 ":%02" PRId64, whole / 3600, whole / 60 % 60, whole % 60);
    return text;
}

const char *screen_count(double number, const char *word, char text[static COUNT_SIZE])
{
    bool whole = number == floor(number) && fabs(number) < 1e15;
    snprintf(text, COUNT_SIZE, whole ? "%.0f %.30s%s" : "%.4g %.30s%s", number, word, number == 1 ? "" : "s");
    return text;
}

void screen_field(const char *label, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return;
    int room = screen_columns() - SCREEN_LABEL, column = 0;
    printf("%-*s", SCREEN_LABEL, label);
    for (char *state = NULL, *word = strtok_r(text, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
        int size = (int)strlen(word);
        for (char *blank = strchr(word, *SCREEN_BLANK); blank; blank = strchr(blank, *SCREEN_BLANK))
            *blank = ' ';
        if (column > 0 && column + 1 + size > room) {
            printf("\n%*s", SCREEN_LABEL, "");
            column = 0;
        }
        printf("%s%s", column ? " " : "", word);
        column += (column > 0) + size;
    }
    printf("\n");
    free(text);
}
