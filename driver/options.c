/* Command lines of the subcommands. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "driver/command_line.h"
#include "passes/serve.h"

/* getopt's code of a flag: its letter or, if it has none, a number that is no letter. */
static int code_of(FlagKey key)
{
    return flag_table[key].letter ? flag_table[key].letter : 256 + (int)key;
}

static FlagKey key_of(int code)
{
    int key = 0;
    while (key < FLAG_COUNT && code_of((FlagKey)key) != code)
        key++;
    return (FlagKey)key;
}

/* The flags that have a name, for getopt_long(). */
static void fill_long_options(struct option options[static FLAG_COUNT + 1])
{
    int count = 0;
    for (int key = 0; key < FLAG_COUNT; key++)
        if (*flag_table[key].name)
            options[count++] = (struct option){flag_table[key].name, flag_table[key].value ? required_argument : no_argument,
                                               NULL, code_of((FlagKey)key)};
    options[count] = (struct option){NULL, 0, NULL, 0};
}

static void fill_letters(char letters[static 2 * FLAG_COUNT + 2])
{
    *letters++ = ':';
    for (int key = 0; key < FLAG_COUNT; key++)
        if (flag_table[key].letter) {
            *letters++ = (char)flag_table[key].letter;
            if (flag_table[key].value)
                *letters++ = ':';
        }
    *letters = 0;
}

static bool knows(const char *command, FlagKey key)
{
    return flag_table[key].commands >> (find_command(command) - command_table) & 1;
}

static int usage(const char *command, const char *format, const char *what)
{
    fputs("hnc ", stderr);
    fputs(command, stderr);
    fputs(": ", stderr);
    fprintf(stderr, format, what); // NOLINT: every format is a literal of this file
    fprintf(stderr, "\nTry 'hnc %s --help'.\n", command);
    return EXIT_USAGE;
}

/* The same for a value that must be one of some words: the one that is near or, if none is, all of them. */
static int usage_of_words(const char *command, const char *flag, const char *value, const char *const *words, size_t count)
{
    const char *close = closest_name(value, words, count);
    fprintf(stderr, "hnc %s: %s%s: ", command, flag, value);
    if (close)
        fprintf(stderr, "did you mean '%s'?", close);
    for (size_t i = 0; i < count && !close; i++)
        fprintf(stderr, "%s%s%s", i == 0 ? "expected " : "", before_alternative(i, count), words[i]);
    fprintf(stderr, "\nTry 'hnc %s --help'.\n", command);
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

/* A name for --print-after: a pass or, for a model, a stage before the passes (ORDER: pass_traced in passes/methods). */
static int parse_stage(const char *command, const char *name, Options *options)
{
    static const char *const stages[] = {"all", "lower", "weights", "conditions", "batch"};
    VEC(const char *) names = {0};
    size_t count = strcmp(command, "opt") == 0 ? 1 : COUNT_OF(stages);
    bool found = false;
    for (size_t i = 0; i < count; i++)
        vec_push(&names, stages[i]);
    for (uint32_t i = 0; i < pass_count; i++)
        vec_push(&names, pass_table[i].name);
    for (uint32_t i = 0; i < names.len; i++)
        found |= strcmp(names.data[i], name) == 0;
    options->print_after = name;
    int status = found ? EXIT_FINE : usage_of_words(command, "--print-after=", name, names.data, names.len);
    vec_free(&names);
    return status;
}

/* The processor is one of the target, whichever flag stands first. Programs are for that of HNC_CPU unless a flag says otherwise; code
 * that is to be shipped, and what explain says of it, never depends on the environment. */
static int set_target(const char *command, Options *options)
{
    char why[256] = "";
    bool program = strcmp(command, "build") == 0 || strcmp(command, "run") == 0;
    const char *usual = program ? getenv("HNC_CPU") : NULL;
    const char *cpu = options->cpu ? options->cpu : usual;
    if ((options->triple && !target_set_triple(&options->target, options->triple, why)) ||
        (cpu && !target_set_cpu(&options->target, cpu, why))) {
        fprintf(stderr, "hnc: error: %s%s\n", cpu && !options->cpu ? "HNC_CPU: " : "", why);
        return EXIT_USAGE;
    }
    return EXIT_FINE;
}

static int parse_blas(const char *command, const char *name, Options *options)
{
    for (unsigned blas = 0; blas < BLAS_COUNT; blas++)
        if (strcmp(blas_names[blas], name) == 0) {
            options->target.blas = (Blas)blas;
            options->blas = true;
            return EXIT_FINE;
        }
    return usage_of_words(command, "--blas=", name, blas_names, BLAS_COUNT);
}

static int unknown_option(const char *command, const char *option)
{
    const char *names[FLAG_COUNT];
    size_t count = 0, length = strcspn(option, "=");
    Arena arena = {0};
    for (int key = 0; key < FLAG_COUNT; key++)
        if (*flag_table[key].name && knows(command, (FlagKey)key))
            names[count++] = arena_printf(&arena, "--%s", flag_table[key].name);
    const char *close = closest_name(arena_text(&arena, option, length), names, count);
    fprintf(stderr, "hnc %s: unknown option '%s'", command, option);
    if (close)
        fprintf(stderr, "; did you mean '%s'?", close);
    else if (strcmp(command, "run") == 0)
        fputs("; flags of the program's `train` go behind --", stderr);
    else if (strcmp(command, "build") == 0)
        fputs("; flags of the built program are given to the program", stderr);
    fprintf(stderr, "\nTry 'hnc %s --help'.\n", command);
    arena_free(&arena);
    return EXIT_USAGE;
}

static int foreign_option(const char *command, FlagKey key)
{
    Arena arena = {0};
    const char *flag = *flag_table[key].name ? arena_printf(&arena, "--%s", flag_table[key].name)
                                             : arena_printf(&arena, "-%c", flag_table[key].letter);
    fprintf(stderr, "hnc %s: option '%s' does not belong to this command, but to ", command, flag);
    const char *between = "";
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (flag_table[key].commands >> i & 1) {
            fprintf(stderr, "%s%s", between, command_table[i].name);
            between = ", ";
        }
    fprintf(stderr, "\nTry 'hnc %s --help'.\n", command);
    arena_free(&arena);
    return EXIT_USAGE;
}

static int parse_warning_flag(const char *command, const char *text, Options *options)
{
    const char *names[WARNING_COUNT + 1] = {"error"};
    Arena arena = {0};
    for (unsigned kind = 0; kind < WARNING_COUNT; kind++)
        names[kind + 1] = arena_printf(&arena, "no-%s", warning_table[kind].name);
    int status = parse_warning(text, options) ? EXIT_FINE : usage_of_words(command, "-W ", text, names, COUNT_OF(names));
    arena_free(&arena);
    return status;
}

static int parse_float(const char *command, const char *text, Options *options)
{
    if (strcmp(text, "f32") != 0 && strcmp(text, "f64") != 0)
        return usage(command, "--float=%s: 'f32' in the file means f32 (single precision, the default) or f64 (double precision)",
                     text);
    options->real = strcmp(text, "f64") == 0 ? DTYPE_F64 : DTYPE_F32;
    return EXIT_FINE;
}

static int parse_level(const char *command, const char *text, Options *options)
{
    if (text[0] < '0' || text[0] > '3' || text[1])
        return usage(command, "-O%s: the level is 0, 1, 2 or 3", text);
    options->opt_level = text[0] - '0';
    return EXIT_FINE;
}

/* What a flag without a value switches on; NULL: it has one. */
static bool *switch_of(FlagKey key, Options *options)
{
    return key == FLAG_VERIFY_EACH   ? &options->verify_each
           : key == FLAG_SAVE_TEMPS  ? &options->save_temps
           : key == FLAG_TIME_PASSES ? &options->time_passes
           : key == FLAG_GRADIENTS   ? &options->gradients
           : key == FLAG_PLAN        ? &options->plan
           : key == FLAG_PRINT_LINK  ? &options->print_link_command
           : key == FLAG_EMBED       ? &options->embed
           : key == FLAG_EXTERNAL    ? &options->external
           : key == FLAG_NO_STD      ? &options->no_std
           : key == FLAG_HELP        ? &options->help
                                     : NULL;
}

/* Where the value of a flag goes that may be any text; NULL: it may not. */
static const char **text_of(FlagKey key, Options *options)
{
    return key == FLAG_TRAIN     ? &options->train
           : key == FLAG_CPU     ? &options->cpu
           : key == FLAG_TARGET  ? &options->triple
           : key == FLAG_PASSES  ? &options->passes
           : key == FLAG_WEIGHTS ? &options->weights
                                 : NULL;
}

/* The batch of the train, or the examples that one call of an object computes. */
static int parse_batch(const char *command, const char *text, Options *options)
{
    bool aot = strcmp(command, "aot") == 0, any = aot && strcmp(text, "any") == 0;
    if (any)
        options->rows = SERVE_ANY;
    else if (!parse_count(text, aot ? &options->rows : &options->batch))
        return usage(command, aot ? "--batch %s: expected a whole number from 1 to 2147483647, or any"
                                  : "--batch %s: expected a whole number from 1 to 2147483647", text);
    if (options->rows == 1) /* without an axis, as when nothing is said */
        options->rows = 0;
    return EXIT_FINE;
}

static int take_option(const char *command, FlagKey key, Options *options)
{
    if (switch_of(key, options))
        *switch_of(key, options) = true;
    else if (text_of(key, options))
        *text_of(key, options) = optarg;
    switch (key) {
    case FLAG_OUTPUT:
        options->output = optarg;
        return strcmp(optarg, "-") != 0 ? EXIT_FINE : usage(command, "-o %s: expected the name of a file", optarg);
    case FLAG_FIX:
        vec_push(&options->fixes, optarg);
        return EXIT_FINE;
    case FLAG_LEVEL:
        return parse_level(command, optarg, options);
    case FLAG_DEFINE:
        return parse_define(optarg, options) ? EXIT_FINE : usage(command, "-D %s: expected NAME=VALUE", optarg);
    case FLAG_WARNING:
        return parse_warning_flag(command, optarg, options);
    case FLAG_DATA:
        options->data = optarg;
        return *optarg ? EXIT_FINE : usage(command, "--data%s: expected a folder", "");
    case FLAG_EMIT:
        options->outputs = optarg;
        return strcmp(command, "aot") == 0 || parse_emit(optarg, &options->emit) ? EXIT_FINE
                                                  : usage(command, "--emit=%s: kinds are exe, obj, asm, llvm, ir, ast", optarg);
    case FLAG_BLAS:
        return parse_blas(command, optarg, options);
    case FLAG_FLOAT:
        return parse_float(command, optarg, options);
    case FLAG_BATCH:
        return parse_batch(command, optarg, options);
    case FLAG_PRINT_AFTER:
        return parse_stage(command, optarg, options);
    default:
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
    struct option long_options[FLAG_COUNT + 1];
    char letters[2 * FLAG_COUNT + 2];
    fill_long_options(long_options);
    fill_letters(letters);
    opterr = 0;
    optind = 1;
    int code;
    while ((code = getopt_long(end, argv, letters, long_options, NULL)) != -1) {
        if (code == ':')
            return usage(command, "option '%s' needs a value", argv[optind - 1]);
        if (code == '?')
            return unknown_option(command, argv[optind - 1]);
        FlagKey key = key_of(code);
        if (!knows(command, key))
            return foreign_option(command, key);
        int status = take_option(command, key, options);
        if (status != EXIT_FINE || options->help)
            return status;
    }
    if (optind == end)
        return usage(command, "%s", "no input file");
    if (optind + 1 < end)
        return usage(command, "one input file, not also '%s'", argv[optind + 1]);
    options->file = argv[optind];
    options->aot = strcmp(command, "aot") == 0;
    return set_target(command, options);
}

void options_free(Options *options)
{
    vec_free(&options->defines);
    vec_free(&options->fixes);
}
