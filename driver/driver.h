/* The hnc command: one file per subcommand, one pipeline for all of them. */
#ifndef HNC_DRIVER_DRIVER_H
#define HNC_DRIVER_DRIVER_H

#include "backend/target.h"
#include "frontend/frontend.h"
#include "passes/passes.h"
#include "passes/schedule.h"

enum { EXIT_FINE = 0, EXIT_ERROR = 1, EXIT_USAGE = 2 };

/* Bits of --emit. */
enum { WANT_EXE = 1, WANT_OBJ = 2, WANT_ASM = 4, WANT_LLVM = 8, WANT_IR = 16, WANT_AST = 32 };

typedef struct Options {
    const char *file, *output, *train, *data, *passes, *print_after, *weights, *cpu, *triple, *outputs;
    VEC(const char *) fixes; /* of --fix, in order */
    int64_t rows;            /* examples per call of an object; 0: one, without an axis; SERVE_ANY */
    VEC(Define) defines;
    Target target;
    unsigned emit;
    int opt_level;
    DType real;
    int64_t batch;
    bool trial; /* nothing is trained */
    uint32_t silenced_warnings; /* bit set of WarningKind */
    bool warnings_are_errors;
    bool every_export; /* checks the exports with every train, not only with the selected one */
    bool blas;     /* it was asked for one: that of the target */
    bool no_std;   /* an object that needs no library at all */
    bool embed;    /* an object with them, as by default */
    bool external; /* an object without the trained numbers */
    bool aot; /* exports are left to serve.h: nothing calls them in batches */
    bool verify_each, save_temps, time_passes, gradients, plan, print_link_command, help;
    char **rest; /* after `--`, NULL-terminated */
} Options;

/* Whether both paths are there and name one file. */
bool same_file(const char *left, const char *right);

/* Options of a subcommand from argv (argv[0]: its name). Returns EXIT_FINE or EXIT_USAGE, having said what is wrong. */
int options_parse(int argc, char **argv, Options *options);
void options_free(Options *options);

/* A model on its way from text to kernels. */
typedef struct Compilation {
    Arena arena; /* source text */
    Source source;
    Diagnostics diags;
    Model *model;
    Plan *plan;
    PassTrace trace;
    Text failure;
    double seconds[3]; /* frontend, passes, plan */
} Compilation;

/* Reads, checks and lowers the file, then assembles the selected train's functions. On failure everything has been said on
 * stderr. */
bool compile_model(const Options *options, Compilation *compilation);
/* The CountData of the frontend (count.c). */
bool count_data(const Dataset *data, const Field *fields, uint32_t field_count, const char *folder, DataCounts *counts,
                char *reason, size_t size);
/* After compile_model: fusion and the memory plan. */
bool compile_plan(Compilation *compilation);
/* compile_model, then compile_plan. */
bool compile_program(const Options *options, Compilation *compilation);
void compilation_free(Compilation *compilation);
double seconds_now(void);

int command_aot(const Options *options);
int command_build(const Options *options);
int command_check(const Options *options);
int command_explain(const Options *options);
int command_opt(const Options *options);
int command_run(const Options *options);

/* Between compile_model and compile_plan: initialises the model as a run does, and says for each weight that a net makes which
 * standard deviation it begins with, and how that compares with what its layer gives it (spread.c). */
void explain_spread(Model *model, Arena *arena, const PassTrace *trace, Text *out);

/* Prints what an object of the model's exports would hold and need, in bytes (sizes.c). The model must be one that compiles. */
void explain_sizes(const Options *options);

/* Checks the gradients of every loss, and compiled code; prints what it finds and returns an exit status (gradients.c).
 * *not_finite: a loss is no finite number on so few examples, and nothing was checked or said. */
int check_gradients(Model *model, bool *not_finite);

/* Writes a file whole or not at all; a device or a pipe as it is. On failure the reason has been said on stderr. */
bool write_output(const char *path, const Text *text);

/* Builds the executable of options->file at `path`; used by build and run. */
int build_executable(const Options *options, const char *path);

#endif
