/* What a user asks a run for. */
#ifndef HN_RUNTIME_SETTINGS_H
#define HN_RUNTIME_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of a flag that may be given several times. */
enum { MAX_VALUES = 64 };
typedef struct FlagValues {
    const char *texts[MAX_VALUES];
    size_t count;
} FlagValues;

typedef struct RunSettings {
    const char *data; /* folder of the data files; never NULL */
    const char *out;  /* run folder; NULL: one of its own (runtime/run/folder.h) */
    const char *trials; /* the file of trials; NULL: trials.jsonl in the run folder */
    const char *points; /* the file of points that trials begin with; NULL: none */
    const char *schedule; /* the file of a schedule of hyperparameters; NULL: none */
    const char *from; /* the file of the first weights; NULL: none */
    bool has_seed, resume, quiet;
    uint64_t seed;
    int64_t epochs, steps;   /* -1: not given */
    double seconds;          /* 0: no limit */
    double checkpoint_every; /* seconds from one checkpoint to the next within an epoch */
    int threads;             /* 0: not given */
    FlagValues set;          /* "NAME=NUMBER" */
} RunSettings;

#endif
