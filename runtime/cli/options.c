#include "runtime/cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

enum { THREADS_LIMIT = 1024 };

void options_help(const Manifest *manifest)
{
    const char *name = report_program();
    const SweepInfo *sweep = manifest_sweep(manifest);
    char usage[96] = "", meaning[160] = "";
    if (sweep) {
        snprintf(usage, sizeof usage, " [--%.60s A,B,...]", sweep->axis_word);
        snprintf(meaning, sizeof meaning, "  --%.60s A,B,...  how much each %.30s matters, scaled to the sum 1\n",
                 sweep->axis_word, sweep->output_word);
    }
    printf("usage: %s train [--data DIR] [--out RUNDIR] [--seed N] [--epochs N | --steps N] [--seconds S]\n"
           "       %*s       [--threads N] [--from FILE | --resume] [--quiet]\n"
           "       %s eval --weights FILE [--data DIR] [--threads N] [--json]\n"
           "       %s predict --weights FILE [--export NAME]%s [--threads N] FILE...\n"
           "       %s plot RUNDIR\n"
           "       %s info\n"
           "\n"
           "  --data DIR      folder of the data files; else the environment variable HNC_DATA, else the current folder\n"
           "  --out RUNDIR    folder of the run's files (default: runs/MODEL-TRAIN)\n"
           "  --seed N        of all randomness (default: 0)\n"
           "  --epochs N      instead of the model's number\n"
           "  --steps N       stop after N steps of the first phase\n"
           "  --seconds S     stop after S seconds of training, evaluation not counted\n"
           "  --threads N     (default: 1, or the resumed run's)\n"
           "  --from FILE     begin with the weights of this checkpoint, where it has them\n"
           "  --resume        continue the run in RUNDIR where its last checkpoint stands\n"
           "  --quiet         print errors, warnings and the closing line only\n"
           "  --weights FILE  a checkpoint: last.safetensors or best.safetensors of a run, or any with the same tensors\n"
           "  --json          print the metrics as one JSON object\n"
           "  --export NAME   which of the model's exports is evaluated (default: the only one)\n"
           "%s"
           "  FILE...         what predict works on: a table, or one file per argument of the export\n",
           name, (int)strlen(name), "", name, name, usage, name, name, meaning);
}

static bool parse_integer(const char *flag, const char *text, int64_t least, int64_t most, int64_t *value)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (end == text || *end || errno || parsed < least || parsed > most)
        return report_error("%s expects an integer from %lld to %lld, not '%s'", flag, (long long)least, (long long)most, text);
    *value = parsed;
    return true;
}

static bool parse_seconds(const char *flag, const char *text, double *seconds)
{
    char *end;
    *seconds = strtod(text, &end);
    if (end == text || *end || !isfinite(*seconds) || *seconds <= 0)
        return report_error("%s expects a number of seconds above 0, not '%s'", flag, text);
    return true;
}

enum { FOR_TRAIN = 1 << COMMAND_TRAIN, FOR_EVAL = 1 << COMMAND_EVAL, FOR_PREDICT = 1 << COMMAND_PREDICT };

typedef enum {
    KEY_DATA,
    KEY_OUT,
    KEY_SEED,
    KEY_EPOCHS,
    KEY_STEPS,
    KEY_SECONDS,
    KEY_THREADS,
    KEY_WEIGHTS,
    KEY_FROM,
    KEY_RESUME,
    KEY_QUIET,
    KEY_JSON,
    KEY_EXPORT,
    KEY_POINT
} Key;

/* "--preference"; empty where the model has no sweep. */
static char point_flag[64];

static const struct {
    const char *name;
    int commands;
    bool takes_value;
} flags[] = {
    [KEY_DATA] = {"--data", FOR_TRAIN | FOR_EVAL, true},
    [KEY_OUT] = {"--out", FOR_TRAIN, true},
    [KEY_SEED] = {"--seed", FOR_TRAIN, true},
    [KEY_EPOCHS] = {"--epochs", FOR_TRAIN, true},
    [KEY_STEPS] = {"--steps", FOR_TRAIN, true},
    [KEY_SECONDS] = {"--seconds", FOR_TRAIN, true},
    [KEY_THREADS] = {"--threads", FOR_TRAIN | FOR_EVAL | FOR_PREDICT, true},
    [KEY_WEIGHTS] = {"--weights", FOR_EVAL | FOR_PREDICT, true},
    [KEY_FROM] = {"--from", FOR_TRAIN, true},
    [KEY_RESUME] = {"--resume", FOR_TRAIN, false},
    [KEY_QUIET] = {"--quiet", FOR_TRAIN, false},
    [KEY_JSON] = {"--json", FOR_EVAL, false},
    [KEY_EXPORT] = {"--export", FOR_PREDICT, true},
    [KEY_POINT] = {point_flag, FOR_PREDICT, true},
};
enum { FLAG_COUNT = sizeof flags / sizeof flags[0] };

static bool set_flag(Options *options, unsigned key, const char *value)
{
    const char *flag = flags[key].name;
    int64_t number;
    switch ((Key)key) {
    case KEY_DATA:
        options->run.data = value;
        return *value || report_error("%s expects a folder", flag);
    case KEY_OUT:
        options->run.out = value;
        return *value || report_error("%s expects a folder", flag);
    case KEY_WEIGHTS:
        options->weights = value;
        return *value || report_error("%s expects a file", flag);
    case KEY_FROM:
        options->run.from = value;
        return *value || report_error("%s expects a file", flag);
    case KEY_SEED:
        if (!parse_integer(flag, value, 0, INT64_MAX, &number))
            return false;
        options->run.has_seed = true;
        options->run.seed = (uint64_t)number;
        return true;
    case KEY_EPOCHS:
        return parse_integer(flag, value, 0, INT32_MAX, &options->run.epochs);
    case KEY_STEPS:
        return parse_integer(flag, value, 0, INT32_MAX, &options->run.steps);
    case KEY_SECONDS:
        return parse_seconds(flag, value, &options->run.seconds);
    case KEY_THREADS:
        if (!parse_integer(flag, value, 1, THREADS_LIMIT, &number))
            return false;
        options->run.threads = (int)number;
        return true;
    case KEY_RESUME:
        options->run.resume = true;
        return true;
    case KEY_QUIET:
        options->run.quiet = true;
        return true;
    case KEY_JSON:
        options->json = true;
        return true;
    case KEY_EXPORT:
        options->export = value;
        return *value || report_error("%s expects a name", flag);
    case KEY_POINT:
        options->point = value;
        return *value || report_error("%s expects numbers with commas between them", flag);
    }
    return false;
}

/* The flag written as argument, "--flag" or "--flag=value"; FLAG_COUNT if there is none such for the command. */
static unsigned find_flag(const char *argument, Command command)
{
    size_t length = strcspn(argument, "=");
    for (unsigned i = 0; i < FLAG_COUNT; i++)
        if (length > 0 && strlen(flags[i].name) == length && !strncmp(flags[i].name, argument, length) &&
            flags[i].commands & 1 << command)
            return i;
    return FLAG_COUNT;
}

static size_t most_files(Command command)
{
    return command == COMMAND_PREDICT ? MAX_FILES : command == COMMAND_PLOT;
}

static bool parse_flags(int argc, char **argv, const char *command, Options *options)
{
    for (int i = 2; i < argc; i++) {
        const char *argument = argv[i];
        if (options->file_count < most_files(options->command) && argument[0] != '-') {
            options->files[options->file_count++] = argument;
            continue;
        }
        if (!strcmp(argument, "--help") || !strcmp(argument, "-h")) {
            options->command = COMMAND_HELP;
            return true;
        }
        unsigned key = find_flag(argument, options->command);
        if (key == FLAG_COUNT)
            return report_error("'%s' is not a flag of '%s'; see --help", argument, command);
        const char *value = strchr(argument, '=');
        if (value && !flags[key].takes_value)
            return report_error("%s takes no value", flags[key].name);
        if (value)
            value++;
        else if (flags[key].takes_value && ++i == argc)
            return report_error("%s expects a value; see --help", flags[key].name);
        else
            value = argv[i];
        if (!set_flag(options, key, value))
            return false;
    }
    return true;
}

static bool parse_command(const char *text, Command *command)
{
    static const struct {
        const char *name;
        Command command;
    } commands[] = {{"train", COMMAND_TRAIN}, {"eval", COMMAND_EVAL}, {"predict", COMMAND_PREDICT}, {"plot", COMMAND_PLOT},
                    {"info", COMMAND_INFO},   {"help", COMMAND_HELP}, {"--help", COMMAND_HELP},     {"-h", COMMAND_HELP}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (!strcmp(commands[i].name, text)) {
            *command = commands[i].command;
            return true;
        }
    }
    return false;
}

bool options_parse(int argc, char **argv, const Manifest *manifest, Options *options)
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    snprintf(point_flag, sizeof point_flag, "%s%.60s", sweep ? "--" : "", sweep ? sweep->axis_word : "");
    *options = (Options){.run = {.epochs = -1, .steps = -1}};
    if (argc < 2)
        return report_error("expected a command: train, eval, predict, plot or info; see --help");
    if (!parse_command(argv[1], &options->command))
        return report_error("'%s' is not a command (train, eval, predict, plot or info); see --help", argv[1]);
    if (!parse_flags(argc, argv, argv[1], options))
        return false;
    if ((options->command == COMMAND_EVAL || options->command == COMMAND_PREDICT) && !options->weights)
        return report_error("%s needs --weights FILE; see --help", argv[1]);
    if (options->command == COMMAND_PLOT && !options->file_count)
        return report_error("plot needs the folder of a run; see --help");
    if (options->run.epochs >= 0 && options->run.steps >= 0)
        return report_error("--epochs and --steps exclude each other");
    const char *variable = getenv("HNC_DATA");
    if (!options->run.data)
        options->run.data = variable && *variable ? variable : ".";
    return true;
}
