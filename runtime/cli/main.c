/* The entry point of every binary that hnc builds: OUT COMMAND (commands.def). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/abi/frame.h"
#include "runtime/cli/options.h"
#include "runtime/core/blas.h"
#include "runtime/core/cpu.h"
#include "runtime/core/manifest.h"
#include "runtime/core/report.h"

enum { EXIT_USAGE = 2 };

static int run_command(const Manifest *manifest, const Options *options, char **argv)
{
    if (options->command->runs) {
        if (!cpu_check(manifest->cpu))
            return EXIT_FAILURE;
        blas_repair_detection(argv);
    }
    return options->command->run(manifest, options);
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
    static char output_buffer[BUFSIZ]; /* so that printing allocates nothing */
    setvbuf(stdout, output_buffer, _IOFBF, sizeof output_buffer);
    report_name(argc > 0 ? argv[0] : "model");
    Manifest manifest;
    Options options;
    if (!manifest_read(&manifest, hn_manifest))
        return EXIT_FAILURE;
    int status = EXIT_SUCCESS;
    if (!options_parse(argc, argv, &manifest, &options)) {
        status = EXIT_USAGE;
    } else if (options.help) {
        options_help(&manifest, options.command);
    } else {
        report_quiet(options.run.quiet);
        status = run_command(&manifest, &options, argv);
    }
    manifest_free(&manifest);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_SUCCESS) {
        report_error("the output cannot be written");
        status = EXIT_FAILURE;
    }
    return status;
}
