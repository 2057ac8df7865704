#include "support/diagnostics.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct Diagnostic {
    DiagLevel level;
    Span span;
    const char *message;
    Diagnostic *notes, *next; /* notes in the order they were added */
    uint32_t order;
};

/* Without the byte-order mark that some editors put in front. */
static Source make_source(Arena *arena, const char *path, const Text *text)
{
    size_t mark = text->len >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    size_t size = text->len - mark;
    return (Source){arena_copy(arena, path), arena_text(arena, size ? text->data + mark : NULL, size), size};
}

bool source_read(Arena *arena, const char *path, Source *source, const char **reason)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        *reason = strerror(errno);
        return false;
    }
    struct stat info;
    *reason = NULL;
    if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) {
        *reason = "is a directory";
        fclose(file);
        return false;
    }
    Text text = {0};
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0 && text.len <= SOURCE_LIMIT)
        text_append(&text, chunk, n);
    if (ferror(file))
        *reason = strerror(errno);
    else if (text.len > SOURCE_LIMIT)
        *reason = "file is larger than 16 MiB";
    else if (text.data && memchr(text.data, 0, text.len))
        *reason = "file holds a NUL byte: this is not a text file";
    else
        *source = make_source(arena, path, &text);
    fclose(file);
    text_free(&text);
    return !*reason;
}

Span span_join(Span first, Span last)
{
    if (!first.source || first.source != last.source)
        return first.source ? first : last;
    Span joined = first;
    if (last.begin < joined.begin)
        joined.begin = last.begin;
    if (last.end > joined.end)
        joined.end = last.end;
    return joined;
}

static uint32_t line_start(const Source *source, uint32_t at)
{
    while (at > 0 && source->text[at - 1] != '\n')
        at--;
    return at;
}

void span_place(Span span, unsigned *line, unsigned *column)
{
    *line = 1;
    uint32_t at = span.begin <= span.source->size ? span.begin : (uint32_t)span.source->size;
    for (uint32_t i = 0; i < at; i++)
        *line += span.source->text[i] == '\n';
    *column = at - line_start(span.source, at) + 1;
}

static Diagnostic *make(Diagnostics *diags, DiagLevel level, Span span, const char *format, va_list args)
{
    Diagnostic *diag = ARENA_NEW(&diags->arena, Diagnostic);
    diag->level = level;
    diag->span = span;
    diag->message = arena_vprintf(&diags->arena, format, args);
    diag->order = diags->list.len;
    return diag;
}

static void attach(Diagnostics *diags, Diagnostic *note)
{
    if (diags->list.len == 0 || diags->errors > DIAG_LIMIT)
        return;
    Diagnostic **tail = &vec_last(&diags->list)->notes;
    while (*tail)
        tail = &(*tail)->next;
    *tail = note;
}

void diag_error(Diagnostics *diags, Span span, const char *format, ...)
{
    if (++diags->errors > DIAG_LIMIT)
        return;
    va_list args;
    va_start(args, format);
    vec_push(&diags->list, make(diags, DIAG_ERROR, span, format, args));
    va_end(args);
}

void diag_warning(Diagnostics *diags, Span span, const char *format, ...)
{
    if (++diags->warnings > DIAG_LIMIT)
        return;
    va_list args;
    va_start(args, format);
    vec_push(&diags->list, make(diags, DIAG_WARNING, span, format, args));
    va_end(args);
}

void diag_note(Diagnostics *diags, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    attach(diags, make(diags, DIAG_NOTE, span, format, args));
    va_end(args);
}

void diag_help(Diagnostics *diags, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    attach(diags, make(diags, DIAG_HELP, (Span){0}, format, args));
    va_end(args);
}

static const char *const level_names[] = {"error", "warning", "note", "help"};

static bool is_continuation_byte(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* The source line under a message, with a caret and tildes under the span's part of that line. Long lines are cut around the
 * span. */
static void print_excerpt(Span span, unsigned line, FILE *out)
{
    enum { WIDTH = 120 };
    const char *text = span.source->text;
    uint32_t begin = span.begin <= span.source->size ? span.begin : (uint32_t)span.source->size;
    uint32_t start = line_start(span.source, begin), stop = begin;
    while (text[stop] && text[stop] != '\n' && text[stop] != '\r')
        stop++;
    if (begin - start > WIDTH / 2)
        start = begin - WIDTH / 2;
    while (start < begin && is_continuation_byte(text[start]))
        start++;
    if (stop - start > WIDTH)
        stop = start + WIDTH;
    while (stop > begin && text[stop] && is_continuation_byte(text[stop]))
        stop--;
    fprintf(out, "%6u | ", line);
    for (uint32_t i = start; i < stop; i++)
        fputc(text[i] == '\t' ? ' ' : (unsigned char)text[i] < 32 || text[i] == 127 ? '?' : text[i], out);
    fputs("\n       | ", out);
    for (uint32_t i = start; i < begin; i++)
        if (!is_continuation_byte(text[i]))
            fputc(' ', out);
    fputc('^', out);
    for (uint32_t i = begin + 1; i < span.end && i < stop; i++)
        if (!is_continuation_byte(text[i]))
            fputc('~', out);
    fputc('\n', out);
}

static void print_one(const Diagnostic *diag, FILE *out)
{
    if (!diag->span.source) {
        fprintf(out, diag->level == DIAG_HELP ? "        %s: %s\n" : "hnc: %s: %s\n", level_names[diag->level], diag->message);
    } else {
        unsigned line, column;
        span_place(diag->span, &line, &column);
        fprintf(out, "%s:%u:%u: %s: %s\n", diag->span.source->name, line, column, level_names[diag->level], diag->message);
        print_excerpt(diag->span, line, out);
    }
    for (const Diagnostic *note = diag->notes; note; note = note->next)
        print_one(note, out);
}

static int by_place(const void *left, const void *right)
{
    const Diagnostic *a = *(Diagnostic *const *)left, *b = *(Diagnostic *const *)right;
    if (a->span.source == b->span.source && a->span.begin != b->span.begin)
        return a->span.begin < b->span.begin ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static bool same(const Diagnostic *a, const Diagnostic *b)
{
    return a->level == b->level && a->span.source == b->span.source && a->span.begin == b->span.begin &&
           strcmp(a->message, b->message) == 0;
}

void diag_print(const Diagnostics *diags, FILE *out)
{
    if (diags->list.len == 0)
        return;
    Diagnostic **sorted = support_malloc(diags->list.len * sizeof *sorted);
    memcpy(sorted, diags->list.data, diags->list.len * sizeof *sorted);
    qsort(sorted, diags->list.len, sizeof *sorted, by_place);
    for (uint32_t i = 0; i < diags->list.len; i++)
        if (i == 0 || !same(sorted[i - 1], sorted[i]))
            print_one(sorted[i], out);
    if (diags->errors > DIAG_LIMIT)
        fprintf(out, "hnc: %u more errors are not shown\n", diags->errors - DIAG_LIMIT);
    free(sorted);
}

void diag_free(Diagnostics *diags)
{
    vec_free(&diags->list);
    arena_free(&diags->arena);
    *diags = (Diagnostics){0};
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned least_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, substitutions and exchanges of neighbours that make one name of the other, whatever their case. */
static unsigned edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST)
        return LONGEST;
    unsigned rows[3][LONGEST + 1];
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3], *twice_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = least_of(least_of(row[j - 1], above[j]) + 1, above[j - 1] + !same_letter(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                row[j] = least_of(row[j], twice_above[j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

const char *closest_name(const char *name, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t len = strlen(name);
    unsigned least = len <= 1 ? 0 : len <= 4 ? 1 : len <= 6 ? 2 : 3; /* that many changes of a short name make no other */
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, candidates[i]) == 0)
            continue;
        unsigned distance = edit_distance(name, candidates[i]);
        if (len >= 3 && strncmp(name, candidates[i], len) == 0 && distance > 1)
            distance = 1; /* an unfinished word */
        if (distance < least || (distance == least && !best)) {
            best = candidates[i];
            least = distance;
        }
    }
    return best;
}
