/* The command line of a built model (docs/runtime.md). */
#ifndef HN_RUNTIME_OPTIONS_H
#define HN_RUNTIME_OPTIONS_H

#include <stddef.h>

#include "runtime/core/manifest.h"
#include "runtime/run/settings.h"

enum { MAX_FILES = 64 };

typedef struct CommandInfo CommandInfo;

/* --task 3 */
typedef struct ConditionFlag {
    const char *word; /* of the conditions: "task" */
    bool standing;
    const char *text;
} ConditionFlag;

typedef struct Options {
    const CommandInfo *command;   /* NULL: the overview of all */
    bool help;                    /* of the command */
    RunSettings run;              /* eval and predict: its data and its threads */
    const char *weights;          /* eval, predict */
    const char *export;           /* predict; NULL: not given */
    ConditionFlag conditions[MAX_VALUES]; /* predict: of the export; eval: of the sweep */
    size_t condition_count;
    const char *files[MAX_FILES]; /* predict: the data; plot: the run folders */
    size_t file_count;
    bool json; /* eval */
    bool png;  /* plot */
    bool here; /* the folder of the data is the current one, as nothing says which */
} Options;

/* A row of commands.def. */
struct CommandInfo {
    const char *name;
    unsigned flags; /* set of them */
    size_t most_files;
    const char *files; /* what usage calls them */
    bool runs, trained;
    const char *summary;
    int (*run)(const Manifest *manifest, const Options *options); /* the exit status */
};

/* False (reported) on wrong usage. A model with conditions has flags for them, named after their kinds (ConditionInfo.word). */
bool options_parse(int argc, char **argv, const Manifest *manifest, Options *options);
/* What --help prints, to stdout, of one command or of all (NULL); after options_parse. */
void options_help(const Manifest *manifest, const CommandInfo *command);

#endif
