/* hnc: the compiler for hypernetwork models. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "driver/command_line.h"

#ifndef HNC_VERSION
#error "HNC_VERSION is defined by CMake"
#endif

static int run_command(const CommandInfo *command, int argc, char **argv)
{
    Options options;
    int status = options_parse(argc, argv, &options);
    if (status == EXIT_FINE && options.help)
        print_help(stdout, command);
    else if (status == EXIT_FINE)
        status = command->run(&options);
    options_free(&options);
    return status;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static bool is_model(const char *word)
{
    size_t length = strlen(word);
    return length > 3 && strcmp(word + length - 3, ".hn") == 0;
}

/* The program that hnc makes of the model by default: its name without folder and .hn. */
static int program_length(const char *model)
{
    return (int)strlen(model) - 3;
}

/* What is meant by a word that is no command. */
static int unknown_command(int argc, char **argv)
{
    static const char *const of_programs[] = {"train", "eval", "predict", "plot", "info"};
    const char *names[COMMAND_COUNT], *word = argv[1], *model = NULL;
    bool of_program = false;
    for (int i = 0; i < COMMAND_COUNT; i++)
        names[i] = command_table[i].name;
    for (size_t i = 0; i < COUNT_OF(of_programs); i++)
        of_program |= strcmp(word, of_programs[i]) == 0;
    char with_suffix[4096];
    snprintf(with_suffix, sizeof with_suffix, "%s.hn", word);
    if (access(with_suffix, R_OK) == 0) /* the suffix is missing */
        word = with_suffix;
    for (int i = 1; i < argc && !model; i++)
        model = is_model(argv[i]) ? argv[i] : NULL;
    const char *base = model && strrchr(model, '/') ? strrchr(model, '/') + 1 : model ? model : "model.hn";
    const char *close = closest_name(word, names, COUNT_OF(names));
    fprintf(stderr, "hnc: unknown command '%s'\n", argv[1]);
    if (of_program) {
        fprintf(stderr, "     '%s' is a command of the built program: hnc build %s && ./%.*s %s\n", word,
                model ? model : "model.hn", program_length(base), base, word);
        if (strcmp(word, "train") == 0)
            fprintf(stderr, "     'hnc run %s' does both\n", model ? model : "model.hn");
    } else if (is_model(word)) {
        fprintf(stderr, "     say what to do with the model: hnc build %s, hnc run %s or hnc check %s\n", word, word, word);
    } else if (close) {
        fprintf(stderr, "     did you mean '%s'?\n", close);
    }
    fprintf(stderr, "Try 'hnc --help'.\n");
    return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr, NULL);
        return EXIT_USAGE;
    }
    if (is_help(argv[1])) {
        const CommandInfo *command = argc > 2 ? find_command(argv[2]) : NULL;
        if (argc > 2 && !command)
            return unknown_command(argc - 1, argv + 1);
        print_help(stdout, command);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("hnc " HNC_VERSION);
        return EXIT_FINE;
    }
    const CommandInfo *command = find_command(argv[1]);
    return command ? run_command(command, argc - 1, argv + 1) : unknown_command(argc, argv);
}

/* If a standard stream is closed, the next file that is opened gets its number, and printed text would go into that file. Opens a
 * stand-in for each closed stream; using it fails. */
static void reserve_standard_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
}

int main(int argc, char **argv)
{
    reserve_standard_streams();
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to report, not a reason to die */
    int status = run(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_FINE) {
        fprintf(stderr, "hnc: error: cannot write to standard output: %s\n", strerror(errno));
        status = EXIT_ERROR;
    }
    return status;
}
