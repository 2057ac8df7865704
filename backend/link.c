#include "backend/link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/tempfile.h"

typedef VEC(char *) Arguments;

/* The folder of the running hnc, without a slash at its end; NULL if the system does not tell. */
static char *own_folder(Arena *arena)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    if (length <= 0 || length >= (ssize_t)sizeof path)
        return NULL;
    while (length > 0 && path[length - 1] != '/')
        length--;
    return arena_text(arena, path, length > 0 ? (size_t)length - 1 : 0);
}

static char *runtime_library(Arena *arena, char why[static 256])
{
    char *chosen = getenv("HNC_RUNTIME");
    if (chosen && *chosen) {
        if (access(chosen, R_OK) == 0)
            return arena_copy(arena, chosen);
        snprintf(why, 256, "cannot read the runtime library '%.160s' that HNC_RUNTIME names: %s", chosen, strerror(errno));
        return NULL;
    }
    static const char *const places[] = {"runtime/libhnrt.a", "../lib/hnc/libhnrt.a"};
    char *folder = own_folder(arena);
    for (size_t i = 0; folder && i < COUNT_OF(places); i++) {
        char *path = arena_printf(arena, "%s/%s", folder, places[i]);
        if (access(path, R_OK) == 0)
            return path;
    }
    snprintf(
        why, 256,
        "cannot find the runtime library libhnrt.a, in neither runtime/ nor ../lib/hnc/ of '%.100s'; HNC_RUNTIME can name it",
        folder ? folder : "the folder of hnc");
    return NULL;
}

/* $CC may hold arguments, separated by spaces. */
static void add_compiler(Arguments *arguments, Arena *arena)
{
    const char *compiler = getenv("CC");
    if (!compiler || !compiler[strspn(compiler, " ")])
        compiler = HNC_LINKER;
    for (const char *word = compiler + strspn(compiler, " "); *word;) {
        size_t length = strcspn(word, " ");
        vec_push(arguments, arena_text(arena, word, length));
        word += length;
        word += strspn(word, " ");
    }
}

static void add_openblas(Arguments *arguments, Arena *arena)
{
    static const char openblas[] = HNC_OPENBLAS;
    vec_push(arguments, arena_copy(arena, openblas));
    vec_push(arguments, arena_printf(arena, "-Wl,-rpath,%.*s", (int)(strrchr(openblas, '/') - openblas), openblas));
}

/* The whole command, NULL-terminated. */
static bool build_arguments(const char *object, Blas blas, const char *out, Arguments *arguments, Arena *arena,
                            char why[static 256])
{
    char *runtime = runtime_library(arena, why);
    if (!runtime)
        return false;
    add_compiler(arguments, arena);
    vec_push(arguments, arena_copy(arena, object));
    vec_push(arguments, runtime);
    if (blas == BLAS_OPENBLAS) {
        add_openblas(arguments, arena);
        vec_push(arguments, arena_printf(arena, "-Wl,--wrap=cblas_sgemm,--wrap=cblas_dgemm")); /* runtime/core/products.c */
    }
    const char *const rest[] = {
        "-l:libjansson.a", "-l:libcsv.a", "-l:libpng16.a", "-l:libjpeg.a", "-l:libz.a", "-lgomp", "-lm", "-o", out,
    };
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        vec_push(arguments, arena_copy(arena, rest[i]));
    vec_push(arguments, NULL);
    return true;
}

/* Starts the command with both of its outputs going into *output, to be read and closed. Returns errno's value. */
static int spawn(char *const *arguments, pid_t *process, int *output)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    int error = posix_spawnp(process, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *output = ends[0];
    if (error)
        close(ends[0]);
    return error;
}

static void read_all(int file, Text *text)
{
    char bytes[4096];
    ssize_t length;
    while ((length = read(file, bytes, sizeof bytes)) > 0 || (length < 0 && errno == EINTR))
        if (length > 0)
            text_append(text, bytes, (size_t)length);
    close(file);
}

static bool run(char *const *arguments, char why[static 256])
{
    pid_t process;
    int output = -1, status = 0;
    int error = spawn(arguments, &process, &output);
    if (error) {
        snprintf(why, 256, "cannot run '%.160s' to link: %s", arguments[0], strerror(error));
        return false;
    }
    Text said = {0};
    read_all(output, &said);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    bool fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!fine) {
        fwrite(said.data, 1, said.len, stderr);
        if (WIFEXITED(status))
            snprintf(why, 256, "linking failed: '%.160s' ended with status %d", arguments[0], WEXITSTATUS(status));
        else
            snprintf(why, 256, "linking failed: '%.160s' was ended by signal %d", arguments[0], WTERMSIG(status));
    }
    text_free(&said);
    return fine;
}

/* Renames the temporary file to `out`, or removes it. */
static bool finish(char *temp, bool linked, const char *out, char why[static 256])
{
    if (linked)
        return tempfile_commit(temp, out, why);
    tempfile_discard(temp);
    return false;
}

bool link_executable(const char *object, Blas blas, const char *out, char why[static 256])
{
    char *temp = tempfile_create(out, why);
    if (!temp)
        return false;
    Arena arena = {0};
    Arguments arguments = {0};
    bool linked = build_arguments(object, blas, temp, &arguments, &arena, why) && run(arguments.data, why);
    vec_free(&arguments);
    arena_free(&arena);
    return finish(temp, linked, out, why);
}

bool link_objects(const char *const *objects, unsigned n, const char *out, char why[static 256])
{
    char *temp = tempfile_create(out, why);
    if (!temp)
        return false;
    Arena arena = {0};
    Arguments arguments = {0};
    static const char *const partial[] = {"ld", "-r", "-o"};
    for (size_t i = 0; i < COUNT_OF(partial); i++)
        vec_push(&arguments, arena_copy(&arena, partial[i]));
    vec_push(&arguments, temp);
    for (unsigned i = 0; i < n; i++)
        vec_push(&arguments, arena_copy(&arena, objects[i]));
    vec_push(&arguments, NULL);
    bool linked = run(arguments.data, why);
    vec_free(&arguments);
    arena_free(&arena);
    return finish(temp, linked, out, why);
}

static void push_words(Arguments *arguments, Arena *arena, size_t count, const char *const *words)
{
    for (size_t i = 0; i < count; i++)
        vec_push(arguments, arena_copy(arena, words[i]));
}

/* Runs a command that writes `temp`, which then becomes `out`. Where it is not there, says what to install. */
static bool run_tool(Arguments *arguments, char *temp, const char *package, const char *out, char why[static 256])
{
    vec_push(arguments, NULL);
    bool done = run(arguments->data, why);
    if (!done && strstr(why, strerror(ENOENT)))
        snprintf(why, 256, "there is no '%.60s', which makes '%.80s': install %.60s", arguments->data[0], out, package);
    vec_free(arguments);
    return finish(temp, done, out, why);
}

bool link_shared(const char *object, const Target *target, const char *const *exports, size_t count, const char *out,
                 char why[static 256])
{
    char *temp = tempfile_create(out, why);
    if (!temp)
        return false;
    Arena arena = {0};
    Arguments arguments = {0};
    const TargetTools tools = target_tools(target);
    if (target_is_linked_once(target)) {
        /* The stack of a module is 64 KiB and lies above the data unless it is told otherwise; blocks of large products take
         * more. At the beginning of the memory, one that is too small traps. */
        push_words(&arguments, &arena, 8,
                   (const char *const[]){tools.linker, "--no-entry", "--export=__heap_base", "-z", "stack-size=1048576",
                                         "--stack-first", "-o", temp});
        for (size_t i = 0; i < count; i++)
            vec_push(&arguments, arena_printf(&arena, "--export=%s", exports[i]));
        push_words(&arguments, &arena, 1, &object);
    } else {
        if (target_is_host(target))
            add_compiler(&arguments, &arena);
        else
            push_words(&arguments, &arena, 1, &tools.linker);
        push_words(&arguments, &arena, 5, (const char *const[]){"-shared", "-o", temp, object, "-lm"});
        if (target->blas == BLAS_OPENBLAS && target_is_host(target))
            add_openblas(&arguments, &arena);
    }
    bool linked = run_tool(&arguments, temp, tools.package, out, why);
    arena_free(&arena);
    return linked;
}

bool link_archive(const char *object, const Target *target, const char *out, char why[static 256])
{
    char *temp = tempfile_create(out, why);
    if (!temp)
        return false;
    remove(temp); /* the archiver would add to it */
    Arena arena = {0};
    Arguments arguments = {0};
    const TargetTools tools = target_tools(target);
    push_words(&arguments, &arena, 4, (const char *const[]){tools.archiver, "rcsD", temp, object});
    bool made = run_tool(&arguments, temp, tools.package, out, why);
    arena_free(&arena);
    return made;
}

/* Plain words as they are, others in single quotes. */
static void append_quoted(Text *command, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%";
    if (*word && !word[strspn(word, plain)]) {
        text_printf(command, "%s", word);
        return;
    }
    text_append(command, "'", 1);
    for (const char *c = word; *c; c++) {
        if (*c == '\'')
            text_printf(command, "'\\''");
        else
            text_append(command, c, 1);
    }
    text_append(command, "'", 1);
}

bool link_command(const char *object, Blas blas, const char *out, Text *command, char why[static 256])
{
    Arena arena = {0};
    Arguments arguments = {0};
    bool found = build_arguments(object, blas, out, &arguments, &arena, why);
    for (uint32_t i = 0; found && i + 1 < arguments.len; i++) {
        if (i)
            text_append(command, " ", 1);
        append_quoted(command, arguments.data[i]);
    }
    vec_free(&arguments);
    arena_free(&arena);
    return found;
}
