/* hnc build and hnc run. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/link.h"
#include "backend/manifest.h"
#include "backend/tempfile.h"
#include "driver/driver.h"
#include "support/fnv.h"

static bool write_device(const char *path, const char *bytes, size_t size, char why[static 256])
{
    FILE *file = fopen(path, "w");
    bool written = file && fwrite(bytes, 1, size, file) == size;
    if (file)
        written = fclose(file) == 0 && written;
    if (!written)
        snprintf(why, 256, "cannot write '%.160s': %s", path, strerror(errno));
    return written;
}

bool write_output(const char *path, const Text *text)
{
    struct stat present;
    char why[256] = "";
    const char *bytes = text->data ? text->data : "";
    bool device = stat(path, &present) == 0 && !S_ISREG(present.st_mode) && !S_ISDIR(present.st_mode);
    bool written = device ? write_device(path, bytes, text->len, why) : tempfile_write(path, bytes, text->len, why);
    if (!written)
        fprintf(stderr, "hnc: error: %s\n", why);
    return written;
}

static bool emit_ast(const Options *options, const char *path)
{
    Arena arena = {0};
    Source source;
    Diagnostics diags = {0};
    Text text = {0};
    const char *reason;
    bool fine = source_read(&arena, options->file, &source, &reason);
    if (!fine)
        fprintf(stderr, "hnc: error: cannot read '%s': %s\n", options->file, reason);
    else
        fine = frontend_print_ast(&source, &diags, &text);
    diag_print(&diags, stderr);
    fine = fine && write_output(path, &text);
    text_free(&text);
    diag_free(&diags);
    arena_free(&arena);
    return fine;
}

static bool emit_code(const Options *options, Compilation *c, const char *manifest, EmitKind kind, const char *path)
{
    BackendOptions backend = {.target = options->target, .opt_level = options->opt_level, .time_passes = options->time_passes};
    char why[256] = "";
    if (backend_emit(c->plan, manifest, &backend, kind, path, why))
        return true;
    fprintf(stderr, "hnc: error: %s\n", why);
    return false;
}

/* The bits of --emit for the files that are kept. */
static unsigned kept_outputs(const Options *options)
{
    return options->emit | (options->save_temps && options->emit & WANT_EXE ? WANT_OBJ : 0u);
}

static bool link_object(const Options *options, const char *object, const char *path)
{
    char why[256] = "";
    Text command = {0};
    double start = seconds_now();
    bool fine = !options->print_link_command || link_command(object, options->target.blas, path, &command, why);
    if (command.len)
        puts(command.data);
    text_free(&command);
    fine = fine && link_executable(object, options->target.blas, path, why);
    if (!fine)
        fprintf(stderr, "hnc: error: %s\n", why);
    if (options->time_passes)
        fprintf(stderr, "  link      %8.3f s\n", seconds_now() - start);
    return fine;
}

/* Links from an object with a temporary name: an existing OUT.o may be the user's file. */
static bool emit_executable(const Options *options, Compilation *c, const char *manifest, const char *path)
{
    char why[256] = "";
    char *object = tempfile_create(path, why);
    if (!object) {
        fprintf(stderr, "hnc: error: %s\n", why);
        return false;
    }
    bool fine = emit_code(options, c, manifest, EMIT_OBJ, object) && link_object(options, object, path);
    tempfile_discard(object);
    return fine;
}

static bool emit_all(const Options *options, Compilation *c, const char *path)
{
    Arena *arena = &c->arena;
    static const struct {
        unsigned want;
        EmitKind kind;
        const char *suffix;
    } kinds[] = {{WANT_OBJ, EMIT_OBJ, ".o"}, {WANT_ASM, EMIT_ASM, ".s"}, {WANT_LLVM, EMIT_LLVM, ".ll"}};
    const char *manifest = manifest_json(c->model, c->plan, &options->target, arena);
    if (!manifest) {
        fprintf(stderr, "%s: error: a name of the model is not valid UTF-8\n", options->file);
        return false;
    }
    if (options->emit & WANT_IR) {
        Text text = {0};
        print_module(c->model->module, &text);
        bool written = write_output(arena_printf(arena, "%s.ir", path), &text);
        text_free(&text);
        if (!written)
            return false;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if ((kept_outputs(options) & kinds[i].want) &&
            !emit_code(options, c, manifest, kinds[i].kind, arena_printf(arena, "%s%s", path, kinds[i].suffix)))
            return false;
    if (!(options->emit & WANT_EXE))
        return true;
    if (kept_outputs(options) & WANT_OBJ)
        return link_object(options, arena_printf(arena, "%s.o", path), path);
    return emit_executable(options, c, manifest, path);
}

int build_executable(const Options *options, const char *path)
{
    Compilation c;
    bool fine = compile_program(options, &c);
    if (fine && options->time_passes)
        fprintf(stderr, "  frontend  %8.3f s\n  passes    %8.3f s\n  plan      %8.3f s\n", c.seconds[0], c.seconds[1],
                c.seconds[2]);
    fine = fine && emit_all(options, &c, path);
    compilation_free(&c);
    return fine ? EXIT_FINE : EXIT_ERROR;
}

/* A name of the same file that neither a command nor the linker takes for an option. */
static const char *plain_path(Arena *arena, const char *path)
{
    return *path && strchr("-=@", *path) ? arena_printf(arena, "./%s", path) : path;
}

/* The file's name without folder and .hn. */
static const char *default_output(Arena *arena, const char *file)
{
    const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    size_t len = strlen(base);
    const char *stem =
        len > 3 && strcmp(base + len - 3, ".hn") == 0 ? arena_text(arena, base, len - 3) : arena_printf(arena, "%s.out", base);
    return plain_path(arena, stem);
}

bool same_file(const char *left, const char *right)
{
    struct stat a, b;
    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Whether a file that will be written is the one that is read. */
static bool overwrites_input(const Options *options, const char *path, Arena *arena)
{
    static const struct {
        unsigned want;
        const char *suffix;
    } outputs[] = {{WANT_EXE, ""}, {WANT_OBJ, ".o"}, {WANT_ASM, ".s"}, {WANT_LLVM, ".ll"}, {WANT_IR, ".ir"}, {WANT_AST, ".ast"}};
    for (size_t i = 0; i < COUNT_OF(outputs); i++) {
        const char *output = arena_printf(arena, "%s%s", path, outputs[i].suffix);
        if ((kept_outputs(options) & outputs[i].want) && same_file(output, options->file)) {
            fprintf(stderr, "hnc build: the output '%s' is the input\n", output);
            return true;
        }
    }
    return false;
}

int command_build(const Options *options)
{
    Arena arena = {0};
    const char *path = options->output ? plain_path(&arena, options->output) : default_output(&arena, options->file);
    int status = overwrites_input(options, path, &arena) ? EXIT_USAGE : EXIT_FINE;
    if (status == EXIT_FINE && (options->emit & WANT_AST))
        status = emit_ast(options, arena_printf(&arena, "%s.ast", path)) ? EXIT_FINE : EXIT_ERROR;
    if (status == EXIT_FINE && (options->emit & ~(unsigned)WANT_AST))
        status = build_executable(options, path);
    arena_free(&arena);
    return status;
}

/* The user's home as the environment says, else as the password file says; NULL: neither does. */
static const char *home_folder(void)
{
    const char *home = getenv("HOME");
    if (home && *home == '/')
        return home;
    const struct passwd *user = getpwuid(getuid());
    return user && user->pw_dir && *user->pw_dir == '/' ? user->pw_dir : NULL;
}

/* Whether nobody else can put a program into the folder. */
static bool is_private(const char *folder)
{
    struct stat status;
    return lstat(folder, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
           !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* $XDG_CACHE_HOME/hnc or ~/.cache/hnc, made if missing. Programs in it are run, so nobody else may write to it. */
static const char *cache_folder(Arena *arena)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = home_folder();
    if (!(cache && *cache == '/') && !home) {
        fprintf(stderr,
                "hnc: error: there is no home folder to keep the program in: set HOME or XDG_CACHE_HOME, or use hnc build\n");
        return NULL;
    }
    const char *base = cache && *cache == '/' ? cache : arena_printf(arena, "%s/.cache", home);
    mkdir(base, 0777);
    const char *folder = arena_printf(arena, "%s/hnc", base);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "hnc: error: cannot make the cache folder '%s': %s\n", folder, strerror(errno));
        return NULL;
    }
    if (!is_private(folder)) {
        fprintf(stderr,
                "hnc: error: the cache folder '%s' is not yours alone: others may write to it, or own it, and hnc runs what lies "
                "there\n",
                folder);
        return NULL;
    }
    return folder;
}

/* One place in the cache per file and set of options: `folder/NAME-HASH`. */
static const char *cached_executable(Arena *arena, const char *folder, const Options *options)
{
    char *absolute = realpath(options->file, NULL);
    uint64_t hash = fnv_text(FNV_EMPTY, absolute ? absolute : options->file);
    free(absolute);
    hash = fnv_text(hash, options->train ? options->train : "");
    hash = fnv_text(hash, options->data ? options->data : "");
    hash = fnv_text(fnv_text(hash, options->target.cpu), blas_names[options->target.blas]);
    hash = fnv_text(hash, arena_printf(arena, "%d %d %lld", options->real, options->opt_level, (long long)options->batch));
    for (uint32_t i = 0; i < options->defines.len; i++)
        hash = fnv_text(fnv_text(hash, options->defines.data[i].name), options->defines.data[i].value);
    return arena_printf(arena, "%s/%s-%016llx", folder, default_output(arena, options->file), (unsigned long long)hash);
}

/* Builds into the cache, always anew (a build costs less than running an outdated program by mistake), and runs it. */
int command_run(const Options *options)
{
    Arena arena = {0};
    int status = EXIT_ERROR;
    const char *folder = cache_folder(&arena);
    if (folder) {
        const char *path = cached_executable(&arena, folder, options);
        status = build_executable(options, path);
        if (status == EXIT_FINE) {
            VEC(char *) args = {0};
            vec_push(&args, (char *)path);
            vec_push(&args, (char *)"train");
            if (options->data) {
                vec_push(&args, (char *)"--data");
                vec_push(&args, (char *)options->data);
            }
            for (char **rest = options->rest; *rest; rest++)
                vec_push(&args, *rest);
            vec_push(&args, NULL);
            execv(path, args.data);
            fprintf(stderr, "hnc: error: cannot run '%s': %s\n", path, strerror(errno));
            status = EXIT_ERROR;
        }
    }
    arena_free(&arena);
    return status;
}
