#include "tabular/separator.h"

#include <string.h>

enum { ROWS = 20 }; /* looked at */

bool line_is_skipped(const char *line, size_t size)
{
    size_t i = 0;
    while (i < size && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r' || line[i] == '\n'))
        i++;
    return i == size || line[i] == '#';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Fields of the line, where no quote is open behind it; *empty_last: whether nothing stands in the last one. */
static size_t count_fields(const char *line, size_t size, char separator, bool *empty_last)
{
    bool quoted = false, runs = separator == SEPARATOR_BLANKS;
    size_t fields = 1;
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r' || (runs && is_blank(line[size - 1]))))
        size--;
    size_t i = 0;
    while (runs && i < size && is_blank(line[i]))
        i++;
    for (; i < size; i++) {
        quoted ^= line[i] == '"';
        bool divides = runs ? is_blank(line[i]) && !is_blank(line[i - 1]) : line[i] == separator;
        fields += divides && !quoted;
    }
    *empty_last = size > 0 && !runs && line[size - 1] == separator;
    return quoted ? 0 : fields;
}

/* Whether it divides all rows alike. */
static bool divides_all(const char *text, size_t size, bool whole, char separator)
{
    size_t first = 0, rows = 0;
    for (size_t at = 0; at < size && rows < ROWS;) {
        const char *end = memchr(text + at, '\n', size - at);
        if (!end && !whole && rows > 0)
            break;
        size_t length = end ? (size_t)(end - (text + at)) + 1 : size - at;
        bool empty_last, skipped = line_is_skipped(text + at, length);
        size_t fields = skipped ? 0 : count_fields(text + at, length, separator, &empty_last);
        at += length;
        if (skipped)
            continue;
        if (rows++ == 0)
            first = fields;
        else if (fields != first && !(fields == first + 1 && empty_last))
            return false;
    }
    return first > 1;
}

char separator_find(const char *text, size_t size, bool whole)
{
    static const char candidates[] = {'\t', ';', '|', SEPARATOR_COMMA, SEPARATOR_BLANKS};
    if (size >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) /* a byte order mark */
        text += 3, size -= 3;
    for (size_t i = 0; i < sizeof candidates; i++)
        if (divides_all(text, size, whole, candidates[i]))
            return candidates[i];
    return SEPARATOR_COMMA;
}

const char *separator_name(char separator)
{
    return separator == '\t'               ? "tabs"
           : separator == ';'              ? "';'"
           : separator == '|'              ? "'|'"
           : separator == SEPARATOR_BLANKS ? "blanks"
                                           : "commas";
}
