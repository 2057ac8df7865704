#include "tabular/separator.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 20 }; /* looked at */

static size_t blanks_at(const char *line, size_t size)
{
    size_t i = 0;
    while (i < size && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r' || line[i] == '\n'))
        i++;
    return i;
}

bool line_is_blank(const char *line, size_t size)
{
    return blanks_at(line, size) == size;
}

bool line_is_comment(const Dialect *dialect, const char *line, size_t size)
{
    size_t length = strlen(dialect->comment), begin = blanks_at(line, size);
    return length > 0 && size - begin >= length && !memcmp(line + begin, dialect->comment, length);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The length of the row that begins here, with the LF at its end: a LF between quotes does not end it. 0: its end is not in the
 * text, where the text is not `whole`. */
static size_t row_length(const char *text, size_t size, bool whole)
{
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        quoted ^= text[i] == '"';
        if (text[i] == '\n' && !quoted)
            return i + 1;
    }
    return whole ? size : 0;
}

/* Fields of the row; *empty_last: whether nothing stands in the last one. */
static size_t count_fields(const char *row, size_t size, char separator, bool *empty_last)
{
    bool quoted = false, runs = separator == SEPARATOR_BLANKS;
    size_t fields = 1;
    while (size > 0 && (row[size - 1] == '\n' || row[size - 1] == '\r' || (runs && is_blank(row[size - 1]))))
        size--;
    size_t i = 0;
    while (runs && i < size && is_blank(row[i]))
        i++;
    for (; i < size; i++) {
        quoted ^= row[i] == '"';
        bool divides = runs ? is_blank(row[i]) && !is_blank(row[i - 1]) : row[i] == separator;
        fields += divides && !quoted;
    }
    *empty_last = size > 0 && !runs && row[size - 1] == separator;
    return quoted ? 0 : fields;
}

size_t line_fields(const char *line, size_t size, char separator)
{
    bool empty_last;
    return count_fields(line, size, separator, &empty_last);
}

/* Fields that most of the counts are; *alike: how many are. */
static size_t most_frequent(const size_t *counts, size_t rows, size_t *alike)
{
    size_t found = 0;
    *alike = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t same = 0;
        for (size_t k = 0; k < rows; k++)
            same += counts[k] == counts[i];
        if (same > *alike) {
            *alike = same;
            found = counts[i];
        }
    }
    return found;
}

static Division divide(const Dialect *dialect, const char *text, size_t size, bool whole, char separator)
{
    Division division = {.separator = separator};
    size_t counts[ROWS];
    bool first_empty_last = false;
    for (size_t at = 0, length; at < size && division.rows < ROWS; at += length) {
        bool empty_last;
        length = 0;
        const char *end = memchr(text + at, '\n', size - at);
        size_t line = end ? (size_t)(end - (text + at)) + 1 : size - at;
        bool skipped = (end || whole) && (line_is_blank(text + at, line) || line_is_comment(dialect, text + at, line));
        length = skipped ? line : row_length(text + at, size - at, whole || division.rows == 0);
        if (length == 0)
            break;
        if (skipped)
            continue;
        size_t fields = count_fields(text + at, length, separator, &empty_last);
        /* a separator at the ends of rows, though not of the first, or of the first alone */
        bool more = division.rows && empty_last && fields == counts[0] + 1;
        bool less = division.rows && first_empty_last && fields > 1 && fields + 1 == counts[0];
        first_empty_last = division.rows ? first_empty_last : empty_last;
        counts[division.rows] = more || less ? counts[0] : fields;
        division.rows++;
    }
    division.first = division.rows ? counts[0] : 0;
    division.fields = most_frequent(counts, division.rows, &division.alike);
    return division;
}

static bool divides_all(const Division *division, size_t wanted)
{
    return division->rows > 0 && division->alike == division->rows &&
           (wanted ? division->fields == wanted : division->fields > 1);
}

Division separator_find(const Dialect *dialect, const char *text, size_t size, bool whole, Division *likely)
{
    static const char candidates[] = {'\t', ';', '|', SEPARATOR_COMMA, SEPARATOR_BLANKS};
    enum { COUNT = sizeof candidates };
    Division divisions[COUNT];
    if (*dialect->separator)
        return *likely = divide(dialect, text, size, whole, *dialect->separator);
    for (size_t i = 0; i < COUNT; i++) {
        divisions[i] = divide(dialect, text, size, whole, candidates[i]);
        if (dialect->name_count && divides_all(&divisions[i], dialect->name_count))
            return *likely = divisions[i];
    }
    Division *best = NULL, *comma = &divisions[COUNT - 2], *found = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        Division *division = &divisions[i];
        if (divides_all(division, 0))
            return *likely = *division;
        if (division->fields > 1 && (!best || division->alike > best->alike))
            best = division;
        bool as_first = division->fields == division->first && 2 * division->alike > division->rows;
        if (division->fields > 1 && as_first && division->separator != SEPARATOR_BLANKS &&
            (!found || division->alike > found->alike))
            found = division;
    }
    bool one_column = *dialect->decimal == ','; /* whose numbers have commas, though its header has none */
    for (size_t i = 0; i < COUNT; i++)
        one_column &= divisions[i].first == 1;
    if (one_column)
        return *likely = divisions[0];
    *likely = best ? *best : *comma;
    return found ? *found : *comma;
}

const char *separator_name(char separator)
{
    static _Thread_local char other[] = "' '";
    switch (separator) {
    case '\t':
        return "tabs";
    case SEPARATOR_BLANKS:
        return "blanks";
    case SEPARATOR_COMMA:
        return "commas";
    default:
        other[1] = separator;
        return other;
    }
}

const char *separator_advice(char separator)
{
    static _Thread_local char advice[64];
    const char other[] = {separator, 0};
    snprintf(advice, sizeof advice, "if the fields are divided by %s, say 'separator \"%s\"'", separator_name(separator),
             separator == '\t' ? "\\t" : other);
    return advice;
}
