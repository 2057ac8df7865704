/* The command line of a built model (docs/runtime.md). */
#ifndef HN_RUNTIME_OPTIONS_H
#define HN_RUNTIME_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { COMMAND_TRAIN, COMMAND_EVAL, COMMAND_PREDICT, COMMAND_INFO, COMMAND_PLOT, COMMAND_HELP } Command;

enum { MAX_FILES = 16 };

typedef struct Options {
    Command command;
    const char *data;                /* folder of the data files; never NULL */
    const char *out;                 /* run folder; NULL: the default one */
    const char *weights;             /* eval, predict */
    const char *from;                /* train: the file of the first weights; NULL: none */
    const char *export, *preference; /* predict; NULL: not given */
    const char *files[MAX_FILES];    /* predict: the data; plot: the run folder */
    size_t file_count;
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
