#include "runtime/cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/commands.h"
#include "runtime/core/report.h"

enum { THREADS_LIMIT = 1024 };

typedef enum {
#define FLAG(KEY, ...) KEY_##KEY,
#include "runtime/cli/flags.def"
#undef FLAG
    KEY_COUNT
} Key;

/* Sets of flags. */
enum {
#define FLAG(KEY, ...) KEY = 1 << KEY_##KEY,
#include "runtime/cli/flags.def"
#undef FLAG
};

static const struct {
    const char *name, *value, *help; /* value: what it is; NULL: the flag takes none */
} flags[KEY_COUNT] = {
#define FLAG(KEY, ...) {__VA_ARGS__},
#include "runtime/cli/flags.def"
#undef FLAG
};

static const CommandInfo commands[] = {
#define COMMAND(name, flags, needed, fewest, most, files, runs) {#name, flags, needed, fewest, most, files, runs, command_##name},
#include "runtime/cli/commands.def"
#undef COMMAND
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

/* "--preference"; empty where the model has no sweep. */
static char point_flag[64];

static const char *flag_name(Key key)
{
    return key == KEY_POINT ? point_flag : flags[key].name;
}

static void name_point_flag(const Manifest *manifest)
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    snprintf(point_flag, sizeof point_flag, "%s%.60s", sweep ? "--" : "", sweep ? sweep->axis_word : "");
}

/* ---- help ---- */

/* "--data DIR" */
static void flag_text(Key key, char *text, size_t size)
{
    const char *value = flags[key].value;
    snprintf(text, size, "%s%s%s", flag_name(key), value ? " " : "", value ? value : "");
}

/* One command with its flags, which continue below one another. */
static void print_usage(const CommandInfo *command, bool first)
{
    enum { WIDTH = 110 };
    const char *program = report_program();
    int margin = (int)(strlen("usage: ") + strlen(program) + strlen(" ") + strlen(command->name));
    int column = margin;
    printf("%s%s %s", first ? "usage: " : "       ", program, command->name);
    for (int key = 0; key < KEY_COUNT; key++) {
        char text[96];
        bool needed = command->needed >> key & 1;
        if (!(command->flags >> key & 1) || !*flag_name((Key)key))
            continue;
        flag_text((Key)key, text, sizeof text);
        int length = (int)strlen(text) + (needed ? 1 : 3);
        if (column + length > WIDTH) {
            printf("\n%*s", margin, "");
            column = margin;
        }
        printf(needed ? " %s" : " [%s]", text);
        column += length;
    }
    printf("%s%s\n", *command->files ? " " : "", command->files);
}

void options_help(const Manifest *manifest)
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        print_usage(&commands[i], i == 0);
    putchar('\n');
    for (int key = 0; key < KEY_COUNT; key++) {
        char text[96];
        flag_text((Key)key, text, sizeof text);
        if (key == KEY_POINT && sweep)
            printf("  %s  how much each %.30s matters, scaled to the sum 1\n", text, sweep->output_word);
        else if (key != KEY_POINT)
            printf("  %-15s %s\n", text, flags[key].help);
    }
    printf("  FILE...         what predict works on: a table, or one file per argument of the export\n");
}

/* ---- flags ---- */

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

static bool set_flag(Options *options, Key key, const char *value)
{
    const char *flag = flag_name(key);
    int64_t number;
    switch (key) {
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
    case KEY_SET:
        if (options->run.set_count == MAX_SET)
            return report_error("%s is given more than %d times", flag, MAX_SET);
        options->run.set[options->run.set_count++] = value;
        return true;
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
    case KEY_COUNT:
        break;
    }
    return false;
}

/* The flag written as argument, "--flag" or "--flag=value"; KEY_COUNT if the command has no such flag. */
static Key find_flag(const char *argument, const CommandInfo *command)
{
    size_t length = strcspn(argument, "=");
    int key = 0;
    while (key < KEY_COUNT && !(command->flags >> key & 1 && length > 0 && strlen(flag_name((Key)key)) == length &&
                                !strncmp(flag_name((Key)key), argument, length)))
        key++;
    return (Key)key;
}

/* More files than the command works on. */
static bool refuse_file(const char *file, const CommandInfo *command)
{
    if (command->most_files == 0)
        return report_error("%s takes no file, but got '%s'; see --help", command->name, file);
    if (command->most_files == 1)
        return report_error("%s takes one %s, not also '%s'; see --help", command->name, command->files, file);
    return report_error("%s takes %zu files at most, and '%s' is one more; see --help", command->name, command->most_files, file);
}

static bool parse_flags(int argc, char **argv, Options *options)
{
    const CommandInfo *command = options->command;
    for (int i = 2; i < argc; i++) {
        const char *argument = argv[i];
        if (options->file_count < command->most_files && argument[0] != '-') {
            options->files[options->file_count++] = argument;
            continue;
        }
        if (!strcmp(argument, "--help") || !strcmp(argument, "-h")) {
            options->command = NULL;
            return true;
        }
        if (argument[0] != '-')
            return refuse_file(argument, command);
        Key key = find_flag(argument, command);
        if (key == KEY_COUNT)
            return report_error("'%s' is not a flag of '%s'; see --help", argument, command->name);
        const char *value = strchr(argument, '=');
        if (value && !flags[key].value)
            return report_error("%s takes no value", flag_name(key));
        if (value)
            value++;
        else if (flags[key].value && (++i == argc || find_flag(argv[i], command) != KEY_COUNT)) /* "--out --resume" */
            return report_error("%s expects a value; see --help", flag_name(key));
        else
            value = argv[i];
        if (!set_flag(options, key, value))
            return false;
        options->given |= 1u << key;
    }
    return true;
}

/* ---- commands ---- */

static bool is_help(const char *text)
{
    return !strcmp(text, "help") || !strcmp(text, "--help") || !strcmp(text, "-h");
}

/* "train, eval, predict, plot or info" */
static const char *all_commands(void)
{
    static char text[256];
    size_t length = 0;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
                                   i == 0                  ? ""
                                   : i + 1 < COMMAND_COUNT ? ", "
                                                           : " or ",
                                   commands[i].name);
    return text;
}

/* Whether the options that the command needs are there. */
static bool is_complete(const Options *options)
{
    const CommandInfo *command = options->command;
    for (int key = 0; key < KEY_COUNT; key++) {
        char text[96];
        flag_text((Key)key, text, sizeof text);
        if (command->needed & ~options->given & 1u << key)
            return report_error("%s needs %s; see --help", command->name, text);
    }
    if (options->file_count < command->fewest_files)
        return report_error("%s needs %s; see --help", command->name, command->files);
    if (options->run.epochs >= 0 && options->run.steps >= 0)
        return report_error("--epochs and --steps exclude each other");
    return true;
}

bool options_parse(int argc, char **argv, const Manifest *manifest, Options *options)
{
    name_point_flag(manifest);
    *options = (Options){.run = {.epochs = -1, .steps = -1}};
    if (argc < 2)
        return report_error("expected a command: %s; see --help", all_commands());
    if (is_help(argv[1]))
        return true;
    for (size_t i = 0; i < COMMAND_COUNT && !options->command; i++)
        if (!strcmp(commands[i].name, argv[1]))
            options->command = &commands[i];
    if (!options->command)
        return report_error("'%s' is not a command (%s); see --help", argv[1], all_commands());
    if (!parse_flags(argc, argv, options))
        return false;
    if (!options->command)
        return true;
    const char *variable = getenv("HNC_DATA");
    if (!options->run.data)
        options->run.data = variable && *variable ? variable : ".";
    return is_complete(options);
}
