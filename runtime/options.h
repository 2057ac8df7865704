/* The command line of a built model (docs/runtime.md). */
#ifndef HN_RUNTIME_OPTIONS_H
#define HN_RUNTIME_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { COMMAND_TRAIN, COMMAND_EVAL, COMMAND_INFO, COMMAND_PLOT, COMMAND_HELP } Command;

typedef struct Options {
    Command command;
    const char *data;    /* folder of the data files; never NULL */
    const char *out;     /* run folder; NULL: the default one */
    const char *weights; /* eval */
    const char *run;     /* plot: the run folder */
    bool has_seed, resume, quiet, json;
    uint64_t seed;
    int64_t epochs, steps; /* -1: not given */
    double seconds;        /* 0: no limit */
    int threads;           /* 0: not given */
} Options;

/* False (reported) on wrong usage. */
bool options_parse(int argc, char **argv, Options *options);
/* What --help prints, to stdout. */
void options_help(void);

#endif
