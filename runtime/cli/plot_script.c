#include "runtime/cli/plot_script.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"

extern char **environ;

const char *const plot_colours[PLOT_COLOURS] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};

static bool is_png(const char *picture)
{
    size_t length = strlen(picture);
    return length >= 4 && !strcmp(picture + length - 4, ".png");
}

FILE *plot_begin(const char *picture, int width, int height)
{
    FILE *script = tmpfile();
    if (!script) {
        report_error("cannot create a temporary file: %s", strerror(errno));
        return NULL;
    }
    if (is_png(picture))
        fprintf(script,
                "set terminal pngcairo size %d,%d noenhanced font 'sans-serif,10' fontscale 2 linewidth 2 pointscale 2 "
                "background '#ffffff'\n",
                2 * width, 2 * height);
    else
        fprintf(script, "set terminal svg size %d,%d noenhanced font 'sans-serif,13' background '#ffffff'\n", width, height);
    fprintf(script, "set encoding utf8\n"
                    "set datafile missing 'NaN'\n"
                    "set border 3 linecolor '#404040'\n"
                    "set tics nomirror scale 0.5 textcolor '#404040'\n"
                    "set grid linetype 1 linewidth 0.5 linecolor '#e0e0e0'\n");
    return script;
}

/* Within double quotes, where gnuplot reads octal numbers as bytes. Quotes, backslashes, and backquotes, which would run a
 * command, are written as such numbers. */
static void write_letter(FILE *script, char letter)
{
    if ((unsigned char)letter < ' ')
        fputc(' ', script);
    else if (strchr("\"'\\`", letter))
        fprintf(script, "\\%03o", (unsigned)letter);
    else
        fputc(letter, script);
}

void plot_text(FILE *script, const char *text)
{
    fputc('"', script);
    for (; *text; text++)
        write_letter(script, *text);
    fputc('"', script);
}

static bool is_continuation(char letter)
{
    return ((unsigned char)letter & 0xc0) == 0x80; /* of a letter of UTF-8 */
}

void plot_clip(char *text, size_t letters)
{
    size_t length = strlen(text), head = (letters - 2) / 2, tail = letters - 2 - head;
    if (length <= letters)
        return;
    const char *rest = text + length - tail;
    while (is_continuation(*rest))
        rest++;
    while (head > 0 && is_continuation(text[head]))
        head--;
    memcpy(text + head, "..", 2);
    memmove(text + head + 2, rest, strlen(rest) + 1);
}

int plot_title(FILE *script, const char *text, size_t letters)
{
    size_t column = 0;
    int lines = 1;
    if (script)
        fputc('"', script);
    while (*text) {
        size_t part = strcspn(text, ",:");
        part += text[part] ? 1 : 0; /* with the comma */
        if (column > 0 && column + part > letters) {
            bool blank = *text == ' ';
            text += blank;
            part -= blank;
            lines++;
            column = 0;
            if (script)
                fputs("\\n", script);
        }
        column += part;
        for (; part > 0 && *text; part--, text++)
            if (script)
                write_letter(script, *text);
    }
    if (script)
        fputc('"', script);
    return lines;
}

double plot_step(double width, double most)
{
    double least = width / most, power = pow(10, floor(log10(least)));
    return least <= power ? power : least <= 2 * power ? 2 * power : least <= 5 * power ? 5 * power : 10 * power;
}

/* Starts gnuplot with the files as its input, output and errors; its process, or -1 (reported). */
static pid_t start_gnuplot(FILE *script, FILE *drawing, FILE *complaints)
{
    char *arguments[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char[]){"-"}, NULL}; /* -d: no file of the user's is read first */
    pid_t process = -1;
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        report_error("out of memory");
        return -1;
    }
    posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(drawing), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(complaints), STDERR_FILENO);
    int error = posix_spawnp(&process, "gnuplot", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0)
        return process;
    if (error == ENOENT)
        report_error("plot needs gnuplot, which is not installed; on Debian or Ubuntu: apt-get install gnuplot-nox");
    else
        report_error("gnuplot cannot be started: %s", strerror(error));
    return -1;
}

/* Reports the first line of gnuplot's complaints that says something. */
static void report_complaint(FILE *complaints, const char *picture)
{
    char line[512], said[512] = "it gave no reason";
    rewind(complaints);
    while (fgets(line, sizeof line, complaints)) { /* the script's line, a mark under it, "line N: reason" */
        line[strcspn(line, "\n")] = '\0';
        if (strstr(line, "line ") && strchr(line, ':')) {
            memcpy(said, line, sizeof line);
            break;
        }
    }
    report_error("gnuplot cannot draw %s: %s", picture, said);
}

static bool copy_drawing(FILE *drawing, const char *picture)
{
    ReplacedFile file;
    char part[1 << 12];
    size_t size;
    rewind(drawing);
    if (!replace_begin(&file, picture))
        return false;
    while ((size = fread(part, 1, sizeof part, drawing)) > 0)
        if (!replace_write(&file, part, size))
            return false;
    return replace_finish(&file);
}

static bool run_gnuplot(FILE *script, FILE *drawing, FILE *complaints, const char *picture)
{
    if (fflush(script) != 0 || ferror(script) || lseek(fileno(script), 0, SEEK_SET) != 0)
        return report_error("cannot write a temporary file: %s", strerror(errno));
    pid_t process = start_gnuplot(script, drawing, complaints);
    if (process < 0)
        return false;
    int status;
    pid_t ended;
    do
        ended = waitpid(process, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (ended < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        report_complaint(complaints, picture);
        return false;
    }
    return copy_drawing(drawing, picture);
}

bool plot_render(FILE *script, const char *picture)
{
    FILE *drawing = tmpfile(), *complaints = tmpfile();
    bool fine = drawing && complaints ? run_gnuplot(script, drawing, complaints, picture)
                                      : report_error("cannot create a temporary file: %s", strerror(errno));
    if (drawing)
        fclose(drawing);
    if (complaints)
        fclose(complaints);
    fclose(script);
    return fine;
}
