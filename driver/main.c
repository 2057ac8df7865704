/* hnc: the compiler for hypernetwork models. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "driver/driver.h"

#ifndef HNC_VERSION
#error "HNC_VERSION is defined by CMake"
#endif

static const struct {
    const char *name;
    int (*run)(const Options *options);
} commands[] = {
    {"build", command_build}, {"check", command_check}, {"explain", command_explain}, {"opt", command_opt}, {"run", command_run},
};

static const char help_before_passes[] =
    "hnc: compiles hypernetwork models (.hn) to native training programs\n"
    "\n"
    "  hnc build FILE.hn    the training program            hnc check FILE.hn      names, shapes, types; --gradients\n"
    "  hnc run FILE.hn      build to a cache and run        hnc explain FILE.hn    layers, sizes, FLOPs, memory plan\n"
    "  hnc opt FILE.ir      passes on textual IR            hnc --version, --help\n"
    "\n"
    "build, check, explain, run:\n"
    "  --train NAME         the train block to compile (the file's first)\n"
    "  -D CONST=VALUE       instead of a const's value in the file\n"
    "  --batch N            instead of the train block's batch\n"
    "  --data DIR           folder of csv files, which say how wide a model is ($HNC_DATA, else the folder of FILE)\n"
    "  --float=f32|f64      what f32 in the file means (f32)\n"
    "  -W no-NAME, -W error leave out a warning; make all of them errors\n"
    "build, check, run:\n"
    "  --blas=openblas|builtin\n"
    "                       what large products are: calls of OpenBLAS (default), or code of hnc's own, without that library\n"
    "build, run:\n"
    "  --cpu=NAME           auto (default: x86-64-v3, and AVX-512 code beside it for processors that have it),\n"
    "                       native, or any processor LLVM knows\n"
    "  -O0 .. -O3           effort of LLVM (2); results do not depend on it\n"
    "build:\n"
    "  -o OUT               output (default: FILE without .hn, in the current folder)\n"
    "  --emit=KIND,...      exe (default), obj, asm, llvm, ir, ast: OUT, OUT.o, OUT.s, OUT.ll, OUT.ir, OUT.ast\n"
    "  --save-temps         keep the object as OUT.o\n"
    "  --print-link-command print how the executable is linked\n"
    "  --time-passes        seconds of each stage\n"
    "build, check, opt:\n"
    "  --print-after=PASS   the IR after a pass, or after all\n"
    "  --verify-each        check the IR after every pass\n"
    "check:\n"
    "  --gradients          every objective's gradient against central differences, in f64\n"
    "opt:\n"
    "  --passes=A,B,...     what is done, in this order:\n";
static const char help_after_passes[] = "run:\n"
                                        "  hnc run FILE.hn -- FLAGS    FLAGS go to the program's `train`\n"
                                        "\n";

static void print_help(FILE *file)
{
    fputs(help_before_passes, file);
    for (uint32_t i = 0; i < pass_count; i++)
        fprintf(file, "    %-18s %s\n", pass_table[i].name, pass_table[i].summary);
    fputs(help_after_passes, file);
    fputs("Warnings:\n", file);
    for (unsigned kind = 0; kind < WARNING_COUNT; kind++)
        fprintf(file, "  W%u %-18s %s\n", warning_table[kind].number, warning_table[kind].name, warning_table[kind].summary);
    fputs("\nExit status: 0 fine, 1 an error in the input or the system, 2 wrong usage.\n", file);
}

static int run_command(size_t which, int argc, char **argv)
{
    Options options;
    int status = options_parse(argc, argv, &options);
    if (status == EXIT_FINE && options.help)
        print_help(stdout);
    else if (status == EXIT_FINE)
        status = commands[which].run(&options);
    options_free(&options);
    return status;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("hnc " HNC_VERSION);
        return EXIT_FINE;
    }
    const char *names[COUNT_OF(commands)];
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        names[i] = commands[i].name;
        if (strcmp(argv[1], commands[i].name) == 0)
            return run_command(i, argc - 1, argv + 1);
    }
    fprintf(stderr, "hnc: unknown command '%s'\n", argv[1]);
    const char *close = closest_name(argv[1], names, COUNT_OF(names));
    if (close)
        fprintf(stderr, "     did you mean '%s'?\n", close);
    fprintf(stderr, "Try 'hnc --help'.\n");
    return EXIT_USAGE;
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
