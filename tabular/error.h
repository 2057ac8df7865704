/* Errors of this folder: one message in a buffer of the caller's, naming the file and, where there is one, the line. */
#ifndef HN_TABULAR_ERROR_H
#define HN_TABULAR_ERROR_H

#include <stdbool.h>

enum { TABULAR_ERROR = 640 };

/* Writes the message; returns false, so that a function that failed can end with `return tabular_error(...)`. */
bool tabular_error(char error[static TABULAR_ERROR], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text of the user's for a message: in one line, at most 48 bytes of it, cut between characters. A character that nobody sees
 * becomes its number, as in <U+00A0>. */
enum { EXCERPT = 56 };
const char *excerpt(const char *text, char out[static EXCERPT]);

#endif
