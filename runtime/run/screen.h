/* What the texts of a run on stdout share: how wide they may be, durations, fields with a label. */
#ifndef HN_RUNTIME_SCREEN_H
#define HN_RUNTIME_SCREEN_H

#include <stdint.h>

/* Columns of a line: those of the terminal, else the environment variable COLUMNS, at most 100 and at least 40; 100 if neither is
 * known. */
int screen_columns(void);
/* "7.3 s", "12:34", "1:02:03", "4d 07h": eight letters at most, up to 99 days */
enum { DURATION_SIZE = 24 };
const char *screen_duration(double seconds, char text[static DURATION_SIZE]);
/* "1 epoch", "2.5 epochs" */
enum { COUNT_SIZE = 64 };
const char *screen_count(double number, const char *word, char text[static COUNT_SIZE]);
enum { SCREEN_LABEL = 11 }; /* the width of a label */
/* A line "LABEL      TEXT". A text that is too long for it goes on below, from blank to blank, but not at a SCREEN_BLANK. */
#define SCREEN_BLANK "\001"
void screen_field(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
