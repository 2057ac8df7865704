/* Command lines of the subcommands. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "driver/driver.h"

enum {
    OPT_TRAIN = 256,
    OPT_EMIT,
    OPT_CPU,
    OPT_BLAS,
    OPT_FLOAT,
    OPT_BATCH,
    OPT_PRINT_AFTER,
    OPT_VERIFY_EACH,
    OPT_SAVE_TEMPS,
    OPT_TIME_PASSES,
    OPT_GRADIENTS,
    OPT_PASSES,
    OPT_DATA,
    OPT_PRINT_LINK
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"train", required_argument, NULL, OPT_TRAIN},
    {"emit", required_argument, NULL, OPT_EMIT},
    {"data", required_argument, NULL, OPT_DATA},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"blas", required_argument, NULL, OPT_BLAS},
    {"float", required_argument, NULL, OPT_FLOAT},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"print-after", required_argument, NULL, OPT_PRINT_AFTER},
    {"verify-each", no_argument, NULL, OPT_VERIFY_EACH},
    {"save-temps", no_argument, NULL, OPT_SAVE_TEMPS},
    {"time-passes", no_argument, NULL, OPT_TIME_PASSES},
    {"gradients", no_argument, NULL, OPT_GRADIENTS},
    {"passes", required_argument, NULL, OPT_PASSES},
    {"print-link-command", no_argument, NULL, OPT_PRINT_LINK},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Which subcommands know which options; all subcommands know --help. */
static const char *const known_to[][2] = {
    {"build", "o train data emit cpu blas float batch print-after verify-each save-temps time-passes D O W print-link-command"},
    {"check", "train data blas float batch print-after verify-each D W gradients"},
    {"explain", "train data float batch D W cpu"},
    {"opt", "o passes verify-each print-after"},
    {"run", "train data cpu blas float batch D O W"},
};

static bool knows(const char *command, const char *option)
{
    size_t len = strlen(option);
    for (size_t i = 0; i < COUNT_OF(known_to); i++) {
        if (strcmp(known_to[i][0], command) != 0)
            continue;
        for (const char *at = known_to[i][1]; (at = strstr(at, option)); at += len)
            if ((at == known_to[i][1] || at[-1] == ' ') && (at[len] == ' ' || at[len] == 0))
                return true;
    }
    return false;
}

static int usage(const char *command, const char *format, const char *what)
{
    fputs("hnc ", stderr);
    fputs(command, stderr);
    fputs(": ", stderr);
    fprintf(stderr, format, what); // NOLINT: every format is a literal of this file
    fprintf(stderr, "\nTry 'hnc --help'.\n");
    return EXIT_USAGE;
}

static bool parse_emit(const char *list, unsigned *emit)
{
    static const struct {
        const char *name;
        unsigned bit;
    } kinds[] = {{"exe", WANT_EXE},   {"obj", WANT_OBJ}, {"asm", WANT_ASM},
                 {"llvm", WANT_LLVM}, {"ir", WANT_IR},   {"ast", WANT_AST}};
    *emit = 0;
    while (*list) {
        size_t len = strcspn(list, ",");
        unsigned bit = 0;
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            if (strlen(kinds[i].name) == len && strncmp(kinds[i].name, list, len) == 0)
                bit = kinds[i].bit;
        if (!bit)
            return false;
        *emit |= bit;
        list += len;
        list += *list == ',';
    }
    return *emit != 0;
}

static bool parse_count(const char *text, int64_t *count)
{
    char *end;
    long long value = strtoll(text, &end, 10);
    *count = value;
    return end != text && *end == 0 && value > 0 && value <= INT32_MAX;
}

static bool parse_define(char *text, Options *options)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return false;
    *equals = 0;
    vec_push(&options->defines, (Define){text, equals + 1});
    return true;
}

/* error, NAME or no-NAME */
static bool parse_warning(const char *text, Options *options)
{
    bool silenced = strncmp(text, "no-", 3) == 0;
    if (strcmp(text, "error") == 0) {
        options->warnings_are_errors = true;
        return true;
    }
    for (unsigned kind = 0; kind < WARNING_COUNT; kind++) {
        if (strcmp(warning_table[kind].name, text + (silenced ? 3 : 0)) != 0)
            continue;
        options->silenced_warnings &= ~(UINT32_C(1) << kind);
        options->silenced_warnings |= (uint32_t)silenced << kind;
        return true;
    }
    return false;
}

/* Whether --print-after may have this name: a pass or, for a model, a stage before the passes (ORDER: pass_traced in
 * passes/methods). */
static bool is_stage(const char *command, const char *name)
{
    static const char *const stages[] = {"lower", "weights", "conditions", "batch"};
    if (strcmp(name, "all") == 0 || pass_by_name(name))
        return true;
    for (size_t i = 0; strcmp(command, "opt") != 0 && i < COUNT_OF(stages); i++)
        if (strcmp(name, stages[i]) == 0)
            return true;
    return false;
}

static int parse_cpu(const char *name, Options *options)
{
    char why[256] = "";
    if (target_set_cpu(&options->target, name, why))
        return EXIT_FINE;
    fprintf(stderr, "hnc: error: %s\n", why);
    return EXIT_USAGE;
}

static int parse_blas(const char *command, const char *name, Options *options)
{
    for (unsigned blas = 0; blas < BLAS_COUNT; blas++)
        if (strcmp(blas_names[blas], name) == 0) {
            options->target.blas = (Blas)blas;
            return EXIT_FINE;
        }
    return usage(command, "--blas=%s: openblas or builtin", name);
}

/* The option's name as in known_to. */
static const char *option_name(int code)
{
    static char letter[2];
    for (const struct option *o = long_options; o->name; o++)
        if (o->val == code && code >= 256)
            return o->name;
    letter[0] = (char)code;
    return letter;
}

static int unknown_option(const char *command, const char *option)
{
    if (strcmp(command, "run") == 0)
        return usage(command, "unknown option '%s'; flags of the program's `train` go behind --", option);
    return usage(command, "unknown option '%s'", option);
}

static int foreign_option(const char *command, int code)
{
    const char *name = option_name(code);
    if (name[1])
        return usage(command, "option '--%s' does not belong to this command", name);
    return usage(command, "option '-%s' does not belong to this command", name);
}

static int take_option(const char *command, int code, Options *options)
{
    switch (code) {
    case 'o':
        options->output = optarg;
        return strcmp(optarg, "-") != 0 ? EXIT_FINE : usage(command, "-o %s: expected the name of a file", optarg);
    case 'O':
        if (optarg[0] < '0' || optarg[0] > '3' || optarg[1])
            return usage(command, "-O%s: the level is 0, 1, 2 or 3", optarg);
        options->opt_level = optarg[0] - '0';
        return EXIT_FINE;
    case 'D':
        return parse_define(optarg, options) ? EXIT_FINE : usage(command, "-D %s: expected NAME=VALUE", optarg);
    case 'W':
        return parse_warning(optarg, options)
                   ? EXIT_FINE
                   : usage(command, "-W %s: expected error, or the name of a warning behind no-", optarg);
    case OPT_TRAIN:
        options->train = optarg;
        return EXIT_FINE;
    case OPT_DATA:
        options->data = optarg;
        return *optarg ? EXIT_FINE : usage(command, "--data%s: expected a folder", "");
    case OPT_EMIT:
        return parse_emit(optarg, &options->emit) ? EXIT_FINE
                                                  : usage(command, "--emit=%s: kinds are exe, obj, asm, llvm, ir, ast", optarg);
    case OPT_CPU:
        return parse_cpu(optarg, options);
    case OPT_BLAS:
        return parse_blas(command, optarg, options);
    case OPT_FLOAT:
        if (strcmp(optarg, "f32") != 0 && strcmp(optarg, "f64") != 0)
            return usage(command, "--float=%s: f32 or f64", optarg);
        options->real = strcmp(optarg, "f64") == 0 ? DTYPE_F64 : DTYPE_F32;
        return EXIT_FINE;
    case OPT_BATCH:
        return parse_count(optarg, &options->batch)
                   ? EXIT_FINE
                   : usage(command, "--batch %s: expected a whole number from 1 to 2147483647", optarg);
    case OPT_PRINT_AFTER:
        options->print_after = optarg;
        return is_stage(command, optarg) ? EXIT_FINE : usage(command, "--print-after=%s: there is no such pass", optarg);
    case OPT_VERIFY_EACH:
        options->verify_each = true;
        return EXIT_FINE;
    case OPT_SAVE_TEMPS:
        options->save_temps = true;
        return EXIT_FINE;
    case OPT_TIME_PASSES:
        options->time_passes = true;
        return EXIT_FINE;
    case OPT_GRADIENTS:
        options->gradients = true;
        return EXIT_FINE;
    case OPT_PASSES:
        options->passes = optarg;
        return EXIT_FINE;
    default:
        options->print_link_command = true;
        return EXIT_FINE;
    }
}

int options_parse(int argc, char **argv, Options *options)
{
    const char *command = argv[0];
    *options = (Options){.target = target_for(AUTO_CPU), .opt_level = 2, .real = DTYPE_F32, .emit = WANT_EXE};
    int end = argc;
    for (int i = 1; i < argc && end == argc; i++)
        if (strcmp(argv[i], "--") == 0)
            end = i;
    options->rest = end < argc ? argv + end + 1 : argv + argc;
    if (end < argc && strcmp(command, "run") != 0)
        return usage(command, "'%s' only separates the flags of `hnc run`", "--");
    opterr = 0;
    optind = 1;
    int code;
    while ((code = getopt_long(end, argv, ":ho:O:D:W:", long_options, NULL)) != -1) {
        if (code == ':')
            return usage(command, "option '%s' needs a value", argv[optind - 1]);
        if (code == '?')
            return unknown_option(command, argv[optind - 1]);
        if (code == 'h') {
            options->help = true;
            return EXIT_FINE;
        }
        if (!knows(command, option_name(code)))
            return foreign_option(command, code);
        int status = take_option(command, code, options);
        if (status != EXIT_FINE)
            return status;
    }
    if (optind == end)
        return usage(command, "%s", "no input file");
    if (optind + 1 < end)
        return usage(command, "one input file, not also '%s'", argv[optind + 1]);
    options->file = argv[optind];
    return EXIT_FINE;
}

void options_free(Options *options)
{
    vec_free(&options->defines);
}
