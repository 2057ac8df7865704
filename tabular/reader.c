#include "tabular/reader.h"

#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 1 << 18, BLOCK = 1 << 12, FIELD_END = 0x1F /* the unit separator of ASCII */ };

typedef struct Reader {
    const char *path;
    const Dialect *dialect;
    ReaderTake *take;
    void *context;
    char *error;
    bool failed; /* the error is written; further calls by libcsv are ignored */
    struct csv_parser parser;
    Division division, likely; /* its separator is 0 while it is still to be found */
    Comments comments;
    bool any_row;    /* was handed on */
    bool quoted;     /* blanks: the line that was fed last leaves a quote open */
    char *line_text; /* blanks: the line with one FIELD_END per run of them */
    size_t line_capacity;
    int64_t line;     /* of the line being read */
    int64_t row_line; /* where the row being read began */
    bool row_ended;   /* by the line that was fed last */
    bool only_cr;     /* ends a line of this file, as on old Macs */
    /* the row so far */
    char *text;
    size_t *offsets;
    size_t text_size, text_capacity, count, offset_capacity;
} Reader;

static void reader_fail(Reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void reader_fail(Reader *r, const char *format, ...)
{
    char message[TABULAR_ERROR / 2];
    if (r->failed)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    r->failed = !tabular_error(r->error, "%s:%" PRId64 ": %s", r->path, r->row_line, message);
}

/* Room for `wanted` elements of `size` bytes; false without memory. */
static bool reserve(void **array, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity)
        return true;
    size_t more = *capacity * 2 > wanted ? *capacity * 2 : wanted + 64;
    void *grown = realloc(*array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = more;
    return true;
}

/* ---- what libcsv calls ---- */

static void take_field(void *bytes, size_t size, void *context)
{
    Reader *r = context;
    if (r->failed)
        return;
    if (r->count == READER_MAX_FIELDS) {
        reader_fail(r, "the row has more than %d fields", READER_MAX_FIELDS);
        return;
    }
    if (!reserve((void **)&r->text, &r->text_capacity, r->text_size + size + 1, 1) ||
        !reserve((void **)&r->offsets, &r->offset_capacity, r->count + 1, sizeof *r->offsets)) {
        reader_fail(r, "out of memory");
        return;
    }
    r->offsets[r->count++] = r->text_size;
    memcpy(r->text + r->text_size, bytes, size);
    r->text_size += size;
    r->text[r->text_size++] = 0;
}

static void take_row(int end, void *context)
{
    (void)end;
    Reader *r = context;
    r->row_ended = r->any_row = true;
    ReaderRow row = {r->path, r->row_line, r->count, r->text, r->offsets, &r->division, &r->likely};
    if (!r->failed && r->count > 0)
        r->failed = !r->take(r->context, &row, r->error);
    r->count = r->text_size = 0;
}

/* ---- lines ---- */

/* The length of the UTF-8 sequence that begins with these bytes; 0: none does. */
static size_t utf8_length(const unsigned char *s, size_t size)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t length;
    } forms[] = {
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].first || s[0] > forms[i].last)
            continue;
        if (forms[i].length > size || (forms[i].length > 1 && (s[1] < forms[i].second_first || s[1] > forms[i].second_last)))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((s[k] & 0xC0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

static bool check_text(Reader *r, const unsigned char *line, size_t size)
{
    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_length(line + i, size - i);
        if (length)
            continue;
        bool utf16 = r->line == 1 && size >= 2 && line[0] + line[1] == 0xFF + 0xFE;
        if (line[i] == 0 || utf16)
            return tabular_error(r->error, "%s:%" PRId64 ": holds %s", r->path, r->line,
                                 utf16 ? "UTF-16 text; 'iconv -f UTF-16 -t UTF-8' makes UTF-8 text of it"
                                       : "a NUL byte: this is not a text file");
        return tabular_error(r->error,
                             "%s:%" PRId64 ": the byte 0x%02x is not UTF-8 text; if the file is in Latin-1, 'iconv -f LATIN1 "
                             "-t UTF-8' makes UTF-8 text of it",
                             r->path, r->line, line[i]);
    }
    return true;
}

static void explain_parse_error(Reader *r)
{
    int code = csv_error(&r->parser);
    char likely = r->likely.separator;
    bool other = likely != r->division.separator;
    if (code == CSV_EPARSE)
        reader_fail(r,
                    "a quote '\"' stands within a field: a field that holds quotes is quoted as a whole, with its own quotes "
                    "doubled%s%s",
                    other ? "; " : "", other ? separator_advice(likely) : "");
    else
        reader_fail(r, "%s", csv_strerror(code));
}

/* ---- separators ---- */

static int is_space(unsigned char c)
{
    return c == ' ';
}

/* Where the lines begin that are read: behind a byte order mark and the dialect's first lines. */
static size_t begin_of_rows(const Reader *r, const char *text, size_t size)
{
    size_t at = size >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3) ? 3 : 0;
    for (uint32_t line = 0; line < r->dialect->skip && at < size; line++) {
        const char *end = memchr(text + at, '\n', size - at);
        at = end ? (size_t)(end - text) + 1 : size;
    }
    return at;
}

static void find_separator(Reader *r, const char *text, size_t size)
{
    size_t begin = begin_of_rows(r, text, size);
    r->division = separator_find(r->dialect, text + begin, size - begin, size < CHUNK, &r->likely);
    char separator = r->division.separator;
    csv_set_delim(&r->parser, separator == SEPARATOR_BLANKS ? FIELD_END : (unsigned char)separator);
    if (separator == '\t') /* then a tab is no blank */
        csv_set_space_func(&r->parser, is_space);
}

/* The line with one FIELD_END per run of blanks outside quotes, and none at its ends; *size becomes its length. NULL without
 * memory. */
static const char *join_blanks(Reader *r, const char *line, size_t *size)
{
    size_t length = 0;
    bool blank = !r->quoted; /* those at the beginning divide nothing */
    if (!reserve((void **)&r->line_text, &r->line_capacity, *size + 1, 1))
        return NULL;
    for (size_t i = 0; i < *size; i++) {
        r->quoted ^= line[i] == '"';
        if (!r->quoted && (line[i] == ' ' || line[i] == '\t')) {
            if (!blank)
                r->line_text[length++] = FIELD_END;
            blank = true;
            continue;
        }
        if ((line[i] == '\r' || line[i] == '\n') && !r->quoted && blank && length > 0 && r->line_text[length - 1] == FIELD_END)
            length--;
        r->line_text[length++] = line[i];
        blank = false;
    }
    if (!r->quoted && length > 0 && r->line_text[length - 1] == FIELD_END) /* the last line of a file may lack its end */
        length--;
    *size = length;
    return r->line_text;
}

/* A line with the LF at its end, if it has one. */
static bool feed_line(Reader *r, const char *line, size_t size)
{
    r->line++;
    if (r->line == 1 && size >= 3 && !memcmp(line, "\xEF\xBB\xBF", 3))
        line += 3, size -= 3;
    if (r->line <= r->dialect->skip)
        return true;
    if (!check_text(r, (const unsigned char *)line, size))
        return false;
    bool comment = r->row_ended && line_is_comment(r->dialect, line, size);
    r->comments.skipped += comment;
    if (comment && r->any_row && r->division.first > 1)
        r->comments.like_rows += line_fields(line, size, r->division.separator) == r->division.first;
    if (comment || (r->row_ended && line_is_blank(line, size)))
        return true;
    if (r->row_ended)
        r->row_line = r->line;
    r->row_ended = false;
    if (r->division.separator == SEPARATOR_BLANKS && !(line = join_blanks(r, line, &size)))
        return tabular_error(r->error, "%s: out of memory", r->path);
    if (csv_parse(&r->parser, line, size, take_field, take_row, r) != size)
        explain_parse_error(r);
    if (csv_get_buffer_size(&r->parser) > READER_MAX_FIELD + BLOCK)
        reader_fail(r, "a field is longer than %d bytes; is a quote not closed?", READER_MAX_FIELD);
    return !r->failed;
}

static bool finish(Reader *r)
{
    if (csv_fini(&r->parser, take_field, take_row, r) != 0)
        reader_fail(r, "a quoted field is not closed before the end of the file");
    return !r->failed;
}

/* ---- bytes ---- */

static bool explain_stream(Reader *r, gzFile stream)
{
    int code;
    const char *reason = gzerror(stream, &code);
    if (code == Z_ERRNO)
        return tabular_error(r->error, "%s: cannot be read: %s", r->path, strerror(errno));
    return tabular_error(r->error, "%s: the compressed data is %s", r->path,
                         code == Z_BUF_ERROR ? "truncated"
                         : *reason           ? reason
                                             : "damaged");
}

/* Hands every whole line of the buffer on and moves the rest to its beginning. */
static bool feed_lines(Reader *r, char *buffer, size_t *size)
{
    size_t done = 0;
    for (char *end; (end = memchr(buffer + done, '\n', *size - done)); done = (size_t)(end - buffer) + 1)
        if (!feed_line(r, buffer + done, (size_t)(end - buffer) + 1 - done))
            return false;
    *size -= done;
    memmove(buffer, buffer + done, *size);
    if (*size > READER_MAX_LINE)
        return tabular_error(r->error, "%s:%" PRId64 ": the line is longer than %d bytes", r->path, r->line + 1, READER_MAX_LINE);
    return true;
}

/* Makes LF of the CR that end the lines of a file without any LF; `done` bytes are of lines before. */
static void take_line_ends(Reader *r, char *buffer, size_t done, size_t size)
{
    if (!r->division.separator) /* the first bytes */
        r->only_cr = !memchr(buffer, '\n', size) && memchr(buffer, '\r', size - 1);
    for (size_t i = done; r->only_cr && i < size; i++)
        if (buffer[i] == '\r')
            buffer[i] = '\n';
}

static bool feed_stream(Reader *r, gzFile stream)
{
    char *buffer = NULL;
    size_t size = 0, capacity = 0;
    bool fine = true;
    for (int got = 1; fine && got > 0;) {
        fine = reserve((void **)&buffer, &capacity, size + CHUNK, 1) || tabular_error(r->error, "%s: out of memory", r->path);
        got = fine ? gzread(stream, buffer + size, CHUNK) : 0;
        int code = Z_OK;
        if (fine && (got < 0 || (got == 0 && (gzerror(stream, &code), code == Z_BUF_ERROR))))
            fine = explain_stream(r, stream);
        if (fine && got > 0) {
            size += (size_t)got;
            take_line_ends(r, buffer, size - (size_t)got, size);
            if (!r->division.separator)
                find_separator(r, buffer, size);
            fine = feed_lines(r, buffer, &size);
        }
    }
    fine = fine && (size == 0 || feed_line(r, buffer, size)) && finish(r);
    free(buffer);
    return fine;
}

bool reader_read(const char *path, const Dialect *dialect, ReaderTake *take, void *context, Comments *comments,
                 char error[static TABULAR_ERROR])
{
    struct stat status;
    if (stat(path, &status) != 0)
        return tabular_error(error, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return tabular_error(error, "%s: is not a file", path);
    gzFile stream = gzopen(path, "rbe");
    if (!stream)
        return tabular_error(error, "%s: cannot be opened: %s", path, errno ? strerror(errno) : "out of memory");
    gzbuffer(stream, CHUNK);
    Reader r = {.path = path, .dialect = dialect, .take = take, .context = context, .error = error, .row_ended = true};
    csv_init(&r.parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL);
    csv_set_blk_size(&r.parser, BLOCK);
    bool fine = feed_stream(&r, stream);
    csv_free(&r.parser);
    int end = gzclose(stream);
    free(r.text);
    free(r.offsets);
    free(r.line_text);
    if (comments) {
        comments->skipped += r.comments.skipped;
        comments->like_rows += r.comments.like_rows;
    }
    return fine && (end != Z_BUF_ERROR || tabular_error(error, "%s: the compressed data is truncated", path));
}

char *reader_find(const char *folder, const char *name)
{
    char *path = NULL, *other = NULL;
    bool plain = *name == '/' || !strcmp(folder, ".");
    if (asprintf(&path, "%s%s%s", plain ? "" : folder, plain ? "" : "/", name) < 0)
        return NULL;
    if (access(path, F_OK) == 0)
        return path;
    size_t length = strlen(path);
    if (length > 3 && !strcmp(path + length - 3, ".gz"))
        other = strndup(path, length - 3);
    else if (asprintf(&other, "%s.gz", path) < 0)
        other = NULL;
    bool found = other && access(other, F_OK) == 0;
    free(found ? path : other);
    return found ? other : path;
}
