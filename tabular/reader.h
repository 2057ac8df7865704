/* The rows of a CSV file, plain or gzip: libcsv finds the fields, this decides what a line is.
 *
 * What separates the fields is said by the dialect or found in the first rows (separator.h). A field may be quoted, a quote
 * within a quoted field being doubled; blanks around a field do not belong to it. The dialect's first lines are not read. Where a
 * row could begin, blank lines and comments are skipped. Lines end with LF or CRLF. A byte order mark at the beginning is
 * skipped; everything else must be UTF-8 without NUL bytes. */
#ifndef HN_TABULAR_READER_H
#define HN_TABULAR_READER_H

#include <stddef.h>
#include <stdint.h>

#include "tabular/error.h"
#include "tabular/separator.h"

/* What a file may hold; each is named by the message that refuses more. */
enum {
    READER_MAX_FIELDS = 1 << 16, /* of a row */
    READER_MAX_FIELD = 1 << 20,  /* bytes of a field */
    READER_MAX_LINE = 1 << 24,   /* bytes of a line */
};

typedef struct ReaderRow {
    const char *path;
    int64_t line; /* where it begins, from 1 */
    size_t count;
    const char *text;                  /* the fields one after the other, each ended by NUL */
    const size_t *offsets;             /* where in `text` each begins */
    const Division *division, *likely; /* of the file: how it is read, and what divides most of its first rows alike */
} ReaderRow;

static inline const char *row_field(const ReaderRow *row, size_t field)
{
    return row->text + row->offsets[field];
}

/* Takes one row, which is valid during the call only. False, with the error written, ends the reading. */
typedef bool ReaderTake(void *context, const ReaderRow *row, char error[static TABULAR_ERROR]);

/* Comments of a file: all that were skipped, and those of them, behind the first row, that divide into fields as the rows do. */
typedef struct Comments {
    int64_t skipped, like_rows;
} Comments;

/* Reads a file from the first row to the last. False, with the error written: the file cannot be read, is damaged, breaks the
 * rules above, or `take` refused a row. Only regular files are read. Adds to *comments (may be NULL) those of the file. */
bool reader_read(const char *path, const Dialect *dialect, ReaderTake *take, void *context, Comments *comments,
                 char error[static TABULAR_ERROR]);

/* FOLDER/name (or name, if it is absolute), or the same with .gz added or removed: the one that exists, or else the first. For
 * free(); NULL without memory. */
char *reader_find(const char *folder, const char *name);

#endif
