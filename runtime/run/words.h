/* What a run says at its beginning and at its end, on stdout. */
#ifndef HN_RUNTIME_WORDS_H
#define HN_RUNTIME_WORDS_H

#include "runtime/run/loop.h"

/* Model, weights, data, seed, threads and folder. */
void words_header(const Run *run);
/* What ended the run ("steps", "patience" or "seconds"), its best evaluation, its files and the commands that may come next; one
 * line where the user wants it quiet. */
void words_end(const Run *run, const char *reason);
/* The command that continues an interrupted run. */
void words_interrupted(const Run *run);
/* A run of which nothing is left to do. */
void words_finished(const Run *run);
/* A run that has done more steps than this command asks for. */
void words_has_done_more(const Run *run);

#endif
