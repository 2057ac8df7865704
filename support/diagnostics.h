/* Source files, places in them, and the messages that point at them.
 *
 * Messages are collected, sorted by place and printed at the end, so that one run shows every error of a file:
 *
 *     models/a.hn:12:7: error: 'lin' is not a layer or a function
 *        12 |   h = lin(x, 300)
 *           |       ^~~
 *        help: did you mean 'linear'?
 *     models/a.hn:4:5: note: ...
 */
#ifndef HNC_SUPPORT_DIAGNOSTICS_H
#define HNC_SUPPORT_DIAGNOSTICS_H

#include <stdbool.h>
#include <stdio.h>

#include "support/arena.h"

typedef struct Source {
    const char *name; /* as the user wrote it */
    const char *text; /* NUL-terminated; text[size] == 0 */
    size_t size;
} Source;

/* Reads a whole file. On failure returns false and sets *reason to a static or errno text (no path in it).
 * Files over SOURCE_LIMIT bytes and files holding a NUL byte are refused. A byte-order mark at the beginning does not belong to
 * the text, which lives in the arena. */
enum { SOURCE_LIMIT = 16 * 1024 * 1024 };
bool source_read(Arena *arena, const char *path, Source *source, const char **reason);

/* Half-open byte range of one source; source == NULL: no place. */
typedef struct Span {
    const Source *source;
    uint32_t begin, end;
} Span;
Span span_join(Span first, Span last);
/* 1-based line and column (in bytes) of the span's begin. */
void span_place(Span span, unsigned *line, unsigned *column);

typedef enum { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE, DIAG_HELP } DiagLevel;
typedef struct Diagnostic Diagnostic;
typedef struct Diagnostics {
    Arena arena;
    VEC(Diagnostic *) list; /* errors and warnings, each with its notes */
    unsigned errors, warnings;
} Diagnostics;

/* An error or a warning; notes and helps attach to the message reported last. Errors beyond DIAG_LIMIT are counted, not kept. */
enum { DIAG_LIMIT = 64 };
void diag_error(Diagnostics *diags, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_warning(Diagnostics *diags, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_note(Diagnostics *diags, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_help(Diagnostics *diags, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints everything collected, ordered by place, duplicates once. */
void diag_print(const Diagnostics *diags, FILE *out);
void diag_free(Diagnostics *diags);

/* The candidate closest to `name` by edit distance, or NULL if none is close enough to suggest. */
const char *closest_name(const char *name, const char *const *candidates, size_t count);

#endif
