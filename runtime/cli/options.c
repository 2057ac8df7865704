#include "runtime/cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/cli/commands.h"
#include "runtime/cli/domains/domains.h"
#include "runtime/core/report.h"
#include "runtime/data/safetensors.h"
#include "support/wrap.h"

enum { THREADS_LIMIT = 1024, HELP_WIDTH = 100, HELP_MARGIN = 23 };

/* A row of flags.def, or from KEY_COUNT on a flag of conditions. */
typedef int Key;
enum {
#define FLAG(KEY, ...) KEY_##KEY,
#include "runtime/cli/flags.def"
#undef FLAG
    KEY_COUNT
};

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

static const CommandInfo all_commands[] = {
#define COMMAND(name, flags, most, files, runs, trained, summary) {#name, flags, most, files, runs, trained, summary, command_##name},
#include "runtime/cli/commands.def"
#undef COMMAND
};

/* Those that the program has. */
static CommandInfo commands[sizeof all_commands / sizeof all_commands[0]];
static size_t command_count;

/* A program without a train has its weights inside, and needs no flag for them. */
static void offer_commands(const Manifest *manifest)
{
    command_count = 0;
    for (size_t i = 0; i < sizeof all_commands / sizeof all_commands[0]; i++) {
        if (all_commands[i].trained && !manifest->train)
            continue;
        commands[command_count] = all_commands[i];
        if (safetensors_inside())
            commands[command_count].flags &= ~(unsigned)WEIGHTS;
        command_count++;
    }
}


/* The flags of conditions, behind those of the table: one per word, "--task". */
enum { MOST_WORDS = 16 };
static struct {
    char name[64];
    const ConditionInfo *condition; /* the first of this word */
    bool swept;                     /* the points of the sweep are values of one, which is an index */
} words[MOST_WORDS];
static size_t word_count;

static int key_count(void)
{
    return KEY_COUNT + (int)word_count;
}

static const char *flag_name(Key key)
{
    return key < KEY_COUNT ? flags[key].name : words[key - KEY_COUNT].name;
}

/* What the value of the flag is; NULL: it takes none. */
static const char *flag_value(Key key)
{
    if (key < KEY_COUNT)
        return flags[key].value;
    const ConditionInfo *condition = words[key - KEY_COUNT].condition;
    return condition->standing ? flags[KEY_CONDITIONS].value : domain_examples[condition->domain];
}

static bool takes(const CommandInfo *command, Key key)
{
    if (key < KEY_COUNT)
        return key != KEY_CONDITIONS && key != KEY_INDICES && command->flags >> key & 1;
    return command->flags & CONDITIONS || (command->flags & INDICES && words[key - KEY_COUNT].swept);
}

static void name_condition_flags(const Manifest *manifest)
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    word_count = 0;
    for (size_t i = 0; i < manifest->condition_count; i++) {
        const ConditionInfo *condition = &manifest->conditions[i];
        size_t word = 0;
        while (word < word_count && strcmp(words[word].condition->word, condition->word))
            word++;
        if (word == MOST_WORDS)
            continue;
        if (word == word_count) {
            words[word_count++].condition = condition;
            words[word].swept = false;
            snprintf(words[word].name, sizeof words[word].name, "--%.60s", condition->word);
        }
        words[word].swept |= sweep && i == sweep->condition && domain_is_index[condition->domain];
    }
}

/* ---- help ---- */

/* "--data DIR" */
static void flag_text(Key key, char *text, size_t size)
{
    const char *value = flag_value(key);
    snprintf(text, size, "%s%s%s", flag_name(key), value ? " " : "", value ? value : "");
}

/* One command with its flags, which continue below one another. */
static void print_usage(const CommandInfo *command, bool first)
{
    const char *program = report_program();
    int margin = (int)(strlen("usage: ") + strlen(program) + strlen(" ") + strlen(command->name));
    int column = margin;
    printf("%s%s %s", first ? "usage: " : "       ", program, command->name);
    for (int key = 0; key < key_count(); key++) {
        char text[96];
        if (!takes(command, key))
            continue;
        flag_text(key, text, sizeof text);
        int length = (int)strlen(text) + (int)strlen(" []");
        if (column + length > HELP_WIDTH) {
            printf("\n%*s", margin, "");
            column = margin;
        }
        printf(" [%s]", text);
        column += length;
    }
    printf("%s%s\n", *command->files ? " " : "", command->files);
}

/* Adds what is said of other conditions of that word, each of which is then given by its name. */
static void add_others(const Manifest *manifest, const ConditionInfo *first, char help[static DOMAIN_TEXT])
{
    enum { ROOM = 120 };
    size_t length = strlen(help), begun = length;
    for (size_t i = (size_t)(first - manifest->conditions) + 1; i < manifest->condition_count; i++) {
        const ConditionInfo *other = &manifest->conditions[i];
        char text[DOMAIN_TEXT];
        if (strcmp(other->word, first->word) || length + 2 * ROOM > DOMAIN_TEXT)
            continue;
        domain_of(other)->help(manifest, other, text);
        length += (size_t)snprintf(help + length, ROOM, "; %.100s", text);
    }
    if (length > begun && length + ROOM < DOMAIN_TEXT)
        snprintf(help + length, ROOM, "; of several, each is named: %.40s=%s", first->name, domain_examples[first->domain]);
}

static void print_flag_help(const Manifest *manifest, Key key)
{
    const ConditionInfo *condition = key < KEY_COUNT ? NULL : words[key - KEY_COUNT].condition;
    char text[96], help[DOMAIN_TEXT];
    flag_text(key, text, sizeof text);
    snprintf(help, sizeof help, "%s", flags[condition ? KEY_CONDITIONS : key].help);
    if (condition && !condition->standing) {
        domain_of(condition)->help(manifest, condition, help);
        add_others(manifest, condition, help);
    }
    printf("  %-*s ", HELP_MARGIN - 3, text);
    if (strlen(text) > HELP_MARGIN - 3)
        printf("\n%*s", HELP_MARGIN, "");
    print_wrapped(stdout, help, HELP_MARGIN, HELP_WIDTH);
}

void options_help(const Manifest *manifest, const CommandInfo *command)
{
    CommandInfo shown = {.name = ""}; /* all flags of these commands */
    for (size_t i = 0; i < command_count; i++)
        if (!command || command == &commands[i]) {
            print_usage(&commands[i], command || i == 0);
            shown.flags |= commands[i].flags;
        }
    if (command)
        printf("\n%s\n", command->summary);
    if (shown.flags)
        putchar('\n');
    for (int key = 0; key < key_count(); key++)
        if (takes(&shown, key))
            print_flag_help(manifest, key);
    if (!command || !strncmp(command->files, "FILE", 4))
        printf("  FILE...              what predict works on: a table, or one file per argument of the export\n");
    if (!command)
        printf("\n%s COMMAND --help says what a command does and which flags it takes.\n", report_program());
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

static bool add_value(FlagValues *values, const char *flag, const char *value, const char *what)
{
    if (!*value)
        return report_error("%s expects %s", flag, what);
    if (values->count == MAX_VALUES)
        return report_error("%s is given more than %d times", flag, MAX_VALUES);
    values->texts[values->count++] = value;
    return true;
}

static bool set_text(const char **text, const char *flag, const char *value, const char *what)
{
    *text = value;
    return *value || report_error("%s expects %s", flag, what);
}

static bool add_condition(Options *options, Key key, const char *value)
{
    const ConditionInfo *condition = words[key - KEY_COUNT].condition;
    if (!*value)
        return report_error("%s expects %s", flag_name(key), flag_value(key));
    if (options->condition_count == MAX_VALUES)
        return report_error("%s is given more than %d times", flag_name(key), MAX_VALUES);
    options->conditions[options->condition_count++] = (ConditionFlag){condition->word, condition->standing, value};
    return true;
}

static bool set_flag(Options *options, Key key, const char *value)
{
    const char *flag = flag_name(key);
    int64_t number;
    if (key >= KEY_COUNT)
        return add_condition(options, key, value);
    switch (key) {
    case KEY_DATA:
        return set_text(&options->run.data, flag, value, "a folder");
    case KEY_OUT:
        return set_text(&options->run.out, flag, value, "a folder");
    case KEY_WEIGHTS:
        return set_text(&options->weights, flag, value, "a file");
    case KEY_TRIALS:
        return set_text(&options->run.trials, flag, value, "a file");
    case KEY_POINTS:
        return set_text(&options->run.points, flag, value, "a file");
    case KEY_SCHEDULE:
        return set_text(&options->run.schedule, flag, value, "a file");
    case KEY_FROM:
        return set_text(&options->run.from, flag, value, "a file");
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
    case KEY_CHECKPOINT:
        return parse_seconds(flag, value, &options->run.checkpoint_every);
    case KEY_SET:
        return add_value(&options->run.set, flag, value, flags[key].value);
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
    case KEY_PNG:
        options->png = true;
        return true;
    case KEY_EXPORT:
        return set_text(&options->export, flag, value, "a name");
    case KEY_CONDITIONS:
    case KEY_INDICES:
    case KEY_COUNT:
        break;
    }
    return false;
}

/* The flag written as argument, "--flag" or "--flag=value"; key_count() if the command has no such flag. */
static Key find_flag(const char *argument, const CommandInfo *command)
{
    size_t length = strcspn(argument, "=");
    int key = 0;
    while (key < key_count() && !(takes(command, key) && length > 0 && strlen(flag_name(key)) == length &&
                                  !strncmp(flag_name(key), argument, length)))
        key++;
    return key;
}

/* ---- wrong flags ---- */

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions and substitutions that make one text of the other. */
static size_t edit_distance(const char *a, size_t length, const char *b)
{
    enum { LONGEST = 31 };
    size_t row[LONGEST + 1], other = strlen(b);
    if (length > LONGEST || other > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= other; j++)
        row[j] = j;
    for (size_t i = 1; i <= length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= other; j++) {
            size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least_of(substituted, least_of(row[j], row[j - 1]) + 1);
        }
    }
    return row[other];
}

/* The flag of the command that the argument, up to a '=', is near to; NULL: none. */
static const char *near_flag(const char *argument, const CommandInfo *command)
{
    enum { NEAR = 2 };
    const char *best = NULL;
    size_t least = NEAR + 1;
    for (int key = 0; key < key_count(); key++) {
        const char *name = flag_name(key);
        size_t distance = edit_distance(argument, strcspn(argument, "="), name);
        bool begins_alike = !strncmp(argument, name, strlen("--ab")); /* two changes of a short name make any other */
        if (takes(command, key) && distance < least && (distance == 1 || begins_alike)) {
            least = distance;
            best = name;
        }
    }
    return best;
}

static bool is_flag(const char *argument, const char *name)
{
    size_t length = strcspn(argument, "=");
    return *name && strlen(name) == length && strncmp(argument, name, length) == 0;
}

/* What is fixed when the program is built: flags of hnc, and settings of the model file that are flags elsewhere. */
static const char *place_of_setting(const char *argument)
{
    static const char *const of_a_device[] = {"--gpu", "--device", "--cuda", "--gpus"};
    for (size_t i = 0; i < sizeof of_a_device / sizeof *of_a_device; i++)
        if (is_flag(argument, of_a_device[i]))
            return "has no place here: all code runs on the processors of the machine, and --threads says on how many";
    static const char *const of_hnc[] = {"--batch", "-D", "--train", "--float", "--cpu", "--blas", "--batch-size", "--dtype"};
    static const char *const of_the_model[] = {"--lr",           "--rate",     "--decay",   "--learning-rate",
                                               "--optimizer",    "--patience", "--dropout", "--momentum",
                                               "--weight-decay", "--hidden",   "--width",   "--loss"};
    for (size_t i = 0; i < sizeof of_hnc / sizeof *of_hnc; i++)
        if (is_flag(argument, of_hnc[i]))
            return "is chosen when the program is built, as in 'hnc build MODEL.hn --batch 64 -D CONST=VALUE'; "
                   "'--set CONST=VALUE' changes a constant on which no shape depends";
    if (is_flag(argument, "--preference")) /* without a sweep there is no such flag */
        return "needs a model whose exports take a preference, and this one has none";
    for (size_t i = 0; i < sizeof of_the_model / sizeof *of_the_model; i++)
        if (is_flag(argument, of_the_model[i]))
            return "stands in the model file: change it there and build the program again, or make it a constant, "
                   "'const rate = 1e-3', which '--set rate=3e-4' changes";
    return NULL;
}

/* What other programs call flags that exist here. */
static Key meant_by(const char *argument)
{
    static const struct {
        const char *name;
        Key key;
    } names[] = {{"--output", KEY_OUT},
                 {"-o", KEY_OUT},
                 {"--logdir", KEY_OUT},
                 {"--save", KEY_OUT},
                 {"--dir", KEY_OUT},
                 {"--workers", KEY_THREADS},
                 {"--num-workers", KEY_THREADS},
                 {"-j", KEY_THREADS},
                 {"--jobs", KEY_THREADS},
                 {"--cpus", KEY_THREADS},
                 {"--checkpoint", KEY_WEIGHTS},
                 {"--ckpt", KEY_WEIGHTS},
                 {"--load", KEY_WEIGHTS},
                 {"--model", KEY_WEIGHTS},
                 {"-w", KEY_WEIGHTS},
                 {"--continue", KEY_RESUME},
                 {"--restart", KEY_RESUME},
                 {"--max-epochs", KEY_EPOCHS},
                 {"--num-epochs", KEY_EPOCHS},
                 {"-e", KEY_EPOCHS},
                 {"--data-dir", KEY_DATA},
                 {"--dataset", KEY_DATA},
                 {"-d", KEY_DATA},
                 {"--path", KEY_DATA},
                 {"--random-seed", KEY_SEED},
                 {"-s", KEY_SEED},
                 {"--time", KEY_SECONDS},
                 {"-q", KEY_QUIET},
                 {"--weights", KEY_FROM},
                 {"--init", KEY_FROM},
                 {"--pretrained", KEY_FROM}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_flag(argument, names[i].name))
            return names[i].key;
    return KEY_COUNT;
}

static bool refuse_flag(const char *argument, const CommandInfo *command)
{
    const char *place = place_of_setting(argument), *near = near_flag(argument, command);
    Key meant = meant_by(argument);
    if (meant != KEY_COUNT && command->flags >> meant & 1)
        near = flag_name(meant);
    if (place)
        return report_error("'%s' is not a flag of '%s': this %s", argument, command->name, place);
    if (meant == KEY_FROM && near)
        return report_error("'%s' is not a flag of '%s'; '%s FILE' begins with the weights of a file", argument, command->name,
                            near);
    for (size_t i = 0; i < command_count; i++)
        for (int key = 0; key < key_count(); key++)
            if (takes(&commands[i], key) && is_flag(argument, flag_name(key)))
                return report_error("'%s' is not a flag of '%s', but of '%s'; see '%s %s --help'", argument, command->name,
                                    commands[i].name, report_command(), command->name);
    if (near)
        return report_error("'%s' is not a flag of '%s'; did you mean '%s'?", argument, command->name, near);
    return report_error("'%s' is not a flag of '%s'; see '%s %s --help'", argument, command->name, report_command(),
                        command->name);
}

static bool path_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* More files than the command works on. */
static bool refuse_file(const char *file, const CommandInfo *command)
{
    if (command->flags & WEIGHTS && strstr(file, ".safetensors"))
        return report_error("%s takes no file, but got '%s'; did you mean '--weights %s'?", command->name, file, file);
    if (command->most_files == 0 && command->flags & DATA && path_is_folder(file))
        return report_error("%s takes no file, but got '%s'; did you mean '--data %s'?", command->name, file, file);
    if (command->most_files == 0)
        return report_error("%s takes no file, but got '%s'; see --help", command->name, file);
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
            options->help = true;
            return true;
        }
        if (argument[0] != '-')
            return refuse_file(argument, command);
        Key key = find_flag(argument, command);
        if (key == key_count())
            return refuse_flag(argument, command);
        const char *value = strchr(argument, '=');
        if (value && !flag_value(key))
            return report_error("%s takes no value", flag_name(key));
        if (value)
            value++;
        else if (flag_value(key) && (++i == argc || find_flag(argv[i], command) != key_count())) /* "--out --resume" */
            return report_error("%s expects a value; see --help", flag_name(key));
        else
            value = argv[i];
        if (!set_flag(options, key, value))
            return false;
    }
    return true;
}

/* ---- commands ---- */

static bool is_help(const char *text)
{
    return !strcmp(text, "help") || !strcmp(text, "--help") || !strcmp(text, "-h");
}

/* "train, eval, predict, plot or info" */
static const char *command_names(void)
{
    static char text[256];
    size_t length = 0;
    for (size_t i = 0; i < command_count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
                                   i == 0                  ? ""
                                   : i + 1 < command_count ? ", "
                                                           : " or ",
                                   commands[i].name);
    return text;
}

/* Whether the options go together. */
static bool fit_together(const Options *options)
{
    if (options->run.epochs >= 0 && options->run.steps >= 0)
        return report_error("--epochs and --steps exclude each other");
    return true;
}

static bool refuse_command(const char *word)
{
    for (size_t i = 0; i < command_count; i++)
        for (int key = 0; key < key_count(); key++)
            if (takes(&commands[i], key) && is_flag(word, flag_name(key)))
                return report_error("'%s' is not a command: flags stand behind one, as in '%s %s %s'", word, report_command(),
                                    commands[i].name, word);
    return report_error("'%s' is not a command (%s); see --help", word, command_names());
}

bool options_parse(int argc, char **argv, const Manifest *manifest, Options *options)
{
    name_condition_flags(manifest);
    offer_commands(manifest);
    *options = (Options){.run = {.epochs = -1, .steps = -1, .checkpoint_every = 600}};
    if (argc < 2)
        return report_error("expected a command: %s; see --help", command_names());
    options->help = is_help(argv[1]);
    const char *word = options->help ? (argc > 2 ? argv[2] : NULL) : argv[1];
    for (size_t i = 0; i < command_count && word && !options->command; i++)
        if (!strcmp(commands[i].name, word))
            options->command = &commands[i];
    if (word && !options->command)
        return refuse_command(word);
    if (options->help)
        return true;
    if (!parse_flags(argc, argv, options))
        return false;
    if (options->help)
        return true;
    const char *variable = getenv("HNC_DATA");
    options->here = !options->run.data && !(variable && *variable);
    if (!options->run.data)
        options->run.data = options->here ? "." : variable;
    return fit_together(options);
}
