#include "runtime/run/first_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"
#include "runtime/data/safetensors.h"
#include "runtime/run/checkpoint.h"

static bool read_numbers(const SafeFile *file, const Program *program, const StateInfo *state, const TensorInfo *named)
{
    return safetensors_read(file, named, program_state(program, state)) &&
           (checkpoint_is_finite(state, program_state(program, state)) ||
            report_error("%s: the tensor %s holds numbers that are not finite", file->path, named->name));
}

/* Refuses (reported) numbers that were only a part of the weight where they were trained. */
static bool is_whole(const SafeFile *file, const char *name)
{
    const char *part_of = checkpoint_part_of(file, name);
    return !part_of ||
           report_error("%s: the tensor %s is only a part of that weight there, which is '%s'", file->path, name, part_of);
}

/* "net.w/frozen" of this model is "net.w" of the one that trained it. */
static bool read_frozen(const SafeFile *file, const Program *program, const StateInfo *state)
{
    TensorInfo named = state->tensor;
    char *name = strndup(named.name, strcspn(named.name, "/"));
    named.name = name;
    bool fine = name ? is_whole(file, name) && read_numbers(file, program, state, &named) : report_error("out of memory");
    free(name);
    return fine;
}

static bool has_file(const char *path, const char *name)
{
    return path_exists(path) ||
           report_error("%s: No such file; the model takes frozen weights from it%s", path,
                        *name == '/' ? "" : ". Say with --data DIR or the environment variable HNC_DATA in which folder it is");
}

bool first_weights_frozen(const Program *program, const char *data)
{
    bool fine = true;
    for (size_t i = 0; i < program->manifest->state_count && fine; i++) {
        const StateInfo *state = &program->manifest->states[i];
        if (state->role != STATE_FROZEN || !state->file)
            continue;
        char *path = *state->file == '/' ? strdup(state->file) : path_join(data, state->file);
        SafeFile file;
        fine = path && has_file(path, state->file) && safetensors_open(&file, path);
        if (fine) {
            fine = read_frozen(&file, program, state);
            safetensors_close(&file);
        }
        free(path);
    }
    return fine;
}

static bool begins_nets_anew(const TrainInfo *train)
{
    for (size_t i = 0; i < train->act_count; i++)
        if (train->acts[i].kind == ACT_RESET && train->acts[i].lifetime >= LIFETIME_NET)
            return true;
    return false;
}

/* What a form makes of a weight has a name behind a '/': a checkpoint of plain weights holds "net.w" where this model has
 * "net.w/elem". */
static bool refuse_numbers(const SafeFile *file, size_t weights, const char *missing)
{
    size_t length = strcspn(missing, "/");
    char *plain = strndup(missing, length);
    bool made = plain && missing[length] && json_object_get(file->header, plain);
    if (made)
        report_error(
            "%s: holds none of this model's %zu weights: it has %s, a whole weight, where this model has %s, a part of what "
            "its form makes; 'frozen(\"FILE\") + ...' in the model takes whole weights",
            file->path, weights, plain, missing);
    else
        report_error("%s: holds none of this model's %zu weights; the first one is %s", file->path, weights, missing);
    free(plain);
    return false;
}

static bool read_trained(const SafeFile *file, const Program *program)
{
    size_t found = 0, weights = 0;
    const char *missing = NULL;
    for (size_t i = 0; i < program->manifest->state_count; i++) {
        const StateInfo *state = &program->manifest->states[i];
        if (state->role != STATE_WEIGHT && (state->role != STATE_FROZEN || state->file))
            continue;
        weights++;
        if (!json_object_get(file->header, state->tensor.name)) {
            missing = missing ? missing : state->tensor.name;
            continue;
        }
        if (!(state->part_of || is_whole(file, state->tensor.name)) || !read_numbers(file, program, state, &state->tensor))
            return false;
        found++;
    }
    if (found == 0)
        return refuse_numbers(file, weights, missing ? missing : "none");
    if (found < weights)
        report_note("%zu of %zu weights begin with the numbers of %s; the others, such as %s, as the model says", found, weights,
                    file->path, missing);
    return true;
}

/* What begins as another state does, which has the file's numbers now. */
static void copy_begun(const Program *program)
{
    for (size_t i = 0; i < program->manifest->state_count; i++) {
        const StateInfo *state = &program->manifest->states[i];
        const StateInfo *other = state->begins_as ? manifest_state(program->manifest, state->begins_as) : NULL;
        if (other)
            memcpy(program_state(program, state), program_state(program, other), state->tensor.bytes);
    }
}

bool first_weights_from(const Program *program, const char *path)
{
    SafeFile file;
    if (!path)
        return true;
    if (begins_nets_anew(program->manifest->train))
        return report_error("--from: this train begins several nets, one after the other, and only the first one would have the "
                            "numbers of %s",
                            path);
    if (!safetensors_open(&file, path))
        return false;
    bool fine = read_trained(&file, program);
    safetensors_close(&file);
    if (fine)
        copy_begun(program);
    return fine;
}
