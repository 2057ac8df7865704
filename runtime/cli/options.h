/* The command line of a built model (docs/runtime.md). */
#ifndef HN_RUNTIME_OPTIONS_H
#define HN_RUNTIME_OPTIONS_H

#include <stddef.h>

#include "runtime/core/manifest.h"
#include "runtime/run/settings.h"

typedef enum { COMMAND_TRAIN, COMMAND_EVAL, COMMAND_PREDICT, COMMAND_INFO, COMMAND_PLOT, COMMAND_HELP } Command;

enum { MAX_FILES = 16 };

typedef struct Options {
    Command command;
    RunSettings run;              /* eval and predict: its data and its threads */
    const char *weights;          /* eval, predict */
    const char *export, *point;   /* predict; NULL: not given */
    const char *files[MAX_FILES]; /* predict: the data; plot: the run folder */
    size_t file_count;
    bool json; /* eval */
} Options;

/* False (reported) on wrong usage. A model with a sweep has a flag for a point of it, named after its condition
 * (SweepInfo.axis_word). */
bool options_parse(int argc, char **argv, const Manifest *manifest, Options *options);
/* What --help prints, to stdout. */
void options_help(const Manifest *manifest);

#endif
