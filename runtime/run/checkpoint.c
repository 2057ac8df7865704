#include "runtime/run/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/safetensors.h"
#include "support/fnv.h"

static bool is_model_state(const StateInfo *state)
{
    return state->role == STATE_WEIGHT || state->role == STATE_HYPER || state->role == STATE_SCALE ||
           state->role == STATE_ENCODER || state->role == STATE_FROZEN;
}

bool checkpoint_is_finite(const StateInfo *state, const void *data)
{
    if (state->tensor.dtype == DTYPE_F32)
        for (int64_t i = 0; i < state->tensor.elements; i++)
            if (!isfinite(((const float *)data)[i]))
                return false;
    if (state->tensor.dtype == DTYPE_F64)
        for (int64_t i = 0; i < state->tensor.elements; i++)
            if (!isfinite(((const double *)data)[i]))
                return false;
    return true;
}

/* Scratch is in no checkpoint, and constants are in its metadata. */
static bool is_stored(const StateInfo *state)
{
    return state->role != STATE_SCRATCH && state->role != STATE_CONSTANT;
}

static const char format_of_any[] = "hnc checkpoint ", format_here[] = "hnc checkpoint 4";

/* A fingerprint of all that decides whether a checkpoint's states mean the same to this model. */
static json_t *fingerprint(const Manifest *manifest)
{
    uint64_t hash = fnv_text(FNV_EMPTY, manifest->train->name);
    for (size_t i = 0; i < manifest->state_count; i++) {
        const StateInfo *state = &manifest->states[i];
        char type[TENSOR_TEXT_SIZE];
        if (!is_stored(state))
            continue;
        TensorInfo tensor = state->tensor;
        for (unsigned axis = 0; state->grows && axis < tensor.rank; axis++)
            tensor.dims[axis] = 0;
        tensor_text(&tensor, type);
        hash = fnv_text(hash, state->tensor.name);
        hash = fnv_text(hash, type);
        hash = fnv_text(hash, state_role_names[state->role]);
    }
    const json_t *datasets = json_object_get(manifest->json, "datasets");
    for (size_t i = 0; i < json_array_size(datasets); i++) {
        char *table = json_dumps(json_object_get(json_array_get(datasets, i), "schema"), JSON_COMPACT); /* NULL: there is none */
        hash = table ? fnv_text(hash, table) : hash;
        free(table);
    }
    return json_sprintf("%016" PRIx64, hash);
}

static const char *metadata_text(const json_t *metadata, const char *key)
{
    const char *text = json_string_value(json_object_get(metadata, key));
    return text ? text : "";
}

/* Under "data.NAME", or "data.NAME[member]"; for json_decref(). */
static json_t *fingerprint_text(uint64_t fingerprint)
{
    return json_sprintf("%016" PRIx64, fingerprint);
}

static void set_data(json_t *metadata, const Manifest *manifest, const uint64_t *fingerprints)
{
    char key[256], name[MEMBER_NAME_SIZE];
    for (size_t i = 0, next = 0; fingerprints && i < manifest->dataset_count; i++)
        for (size_t m = 0; m < own_members(&manifest->datasets[i]); m++, next++) {
            snprintf(key, sizeof key, "data.%s", member_name(&manifest->datasets[i], m, name));
            if (manifest->datasets[i].field_count)
                json_object_set_new(metadata, key, fingerprint_text(fingerprints[next]));
        }
}

/* "part.NAME": what makes the weight NAME, where the tensor NAME is only a part of it. */
static void set_parts(json_t *metadata, const Manifest *manifest)
{
    for (size_t i = 0; i < manifest->state_count; i++) {
        const StateInfo *state = &manifest->states[i];
        char *key = NULL;
        if (state->part_of && asprintf(&key, "part.%s", state->tensor.name) >= 0) {
            json_object_set_new(metadata, key, json_string(state->part_of));
            free(key);
        }
    }
}

enum { KEY_SIZE = 256 };

/* "set.NAME" */
static const char *constant_key(const ConstantInfo *constant, char key[static KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "set.%.200s", constant->name);
    return key;
}

/* The numbers of constants in this run. */
static void set_constants(json_t *metadata, const Program *program)
{
    const Manifest *manifest = program->manifest;
    for (size_t i = 0; i < manifest->constant_count; i++) {
        char key[KEY_SIZE];
        if (manifest->constants[i].state != NONE)
            json_object_set_new(metadata, constant_key(&manifest->constants[i], key),
                                json_sprintf("%.17g", program->constants[i]));
    }
}

/* Constants have the numbers of the run that wrote the file; those of which it says nothing keep theirs. */
static void restore_constants(const json_t *metadata, const Program *program)
{
    const Manifest *manifest = program->manifest;
    for (size_t i = 0; i < manifest->constant_count; i++) {
        char key[KEY_SIZE];
        const char *text = json_string_value(json_object_get(metadata, constant_key(&manifest->constants[i], key)));
        double number = text ? strtod(text, NULL) : NAN;
        if (manifest->constants[i].state != NONE && isfinite(number) && (number > 0 || !manifest->constants[i].positive))
            program->constants[i] = number;
    }
    program_write_constants(program);
}

static json_t *build_metadata(const Program *program, const Identity *identity, const Position *position, bool finished)
{
    const Manifest *manifest = program->manifest;
    json_t *metadata = json_object();
    json_object_set_new(metadata, "format", json_string(format_here));
    json_object_set_new(metadata, "model", json_string(manifest->model));
    json_object_set_new(metadata, "train", json_string(manifest->train->name));
    json_object_set_new(metadata, "fingerprint", fingerprint(manifest));
    json_object_set_new(metadata, "digest", json_string(manifest->digest));
    json_object_set_new(metadata, "seed", json_sprintf("%" PRIu64, identity->seed));
    metadata_set_integer(metadata, "batch", identity->batch);
    metadata_set_integer(metadata, "total_steps", identity->total_steps);
    metadata_set_integer(metadata, "epoch_steps", identity->epoch_steps);
    metadata_set_integer(metadata, "rounds", identity->rounds);
    metadata_set_integer(metadata, "threads", identity->threads);
    set_data(metadata, manifest, identity->data);
    set_parts(metadata, manifest);
    set_constants(metadata, program);
    position_store(position, finished, metadata);
    return metadata;
}

bool checkpoint_write(const char *path, const Program *program, const Identity *identity, const Position *position, bool finished)
{
    const Manifest *manifest = program->manifest;
    TensorInfo *tensors = calloc(manifest->state_count + 1, sizeof *tensors);
    const void **data = calloc(manifest->state_count + 1, sizeof *data);
    json_t *metadata = build_metadata(program, identity, position, finished);
    bool fine = (tensors && data && metadata) || report_error("%s: out of memory", path);
    size_t count = 0;
    for (size_t i = 0; fine && i < manifest->state_count; i++) {
        const StateInfo *state = &manifest->states[i];
        if (!is_stored(state))
            continue;
        tensors[count] = state->tensor;
        data[count] = program_state(program, state);
        if (is_model_state(state) && !checkpoint_is_finite(state, data[count]))
            fine = report_error("%s is not written: the %s %s holds a value that is not finite", path,
                                state_role_names[state->role], state->tensor.name);
        count++;
    }
    fine = fine && safetensors_write(path, tensors, data, count, metadata);
    json_decref(metadata);
    free(tensors);
    free(data);
    return fine;
}

/* Whether a run can have written these numbers. Code that uses them relies on it. */
static bool is_possible(const char *path, const Manifest *manifest, const Identity *identity, const Position *position)
{
    enum { MOST_THREADS = 1 << 16 };
    const struct {
        const char *name;
        int64_t value, least, most;
    } numbers[] = {{"batch", identity->batch, 1, INT32_MAX},
                   {"total_steps", identity->total_steps, 0, INT32_MAX},
                   {"epoch_steps", identity->epoch_steps, 1, INT32_MAX},
                   {"rounds", identity->rounds, 1, INT32_MAX},
                   {"threads", identity->threads, 1, MOST_THREADS}};
    const char *what = NULL;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && !what; i++)
        if (numbers[i].value < numbers[i].least || numbers[i].value > numbers[i].most)
            what = numbers[i].name;
    RunPlan plan;
    if (!what)
        plan_make(&plan, manifest->train, identity->epoch_steps, identity->total_steps / identity->rounds);
    return (!what && position_is_possible(position, manifest->train, &plan, &what)) ||
           report_error("%s: its metadata say what no run can have done ('%s'); the file is damaged, or of another program", path,
                        what);
}

static bool identify(const char *path, const Manifest *manifest, const json_t *metadata, Identity *identity, Position *position)
{
    const char *format = json_string_value(json_object_get(metadata, "format"));
    const char *model = json_string_value(json_object_get(metadata, "model"));
    const char *train = json_string_value(json_object_get(metadata, "train"));
    const char *seed = json_string_value(json_object_get(metadata, "seed"));
    if (format && strcmp(format, format_here) && !strncmp(format, format_of_any, strlen(format_of_any)))
        return report_error("%s was written by another version of hnc, whose runs --resume cannot continue; eval and predict "
                            "read its weights",
                            path);
    if (!format || strcmp(format, format_here) || !model || !train || !seed || sscanf(seed, "%" SCNu64, &identity->seed) != 1 ||
        !metadata_integer(metadata, "batch", &identity->batch) ||
        !metadata_integer(metadata, "total_steps", &identity->total_steps) ||
        !metadata_integer(metadata, "epoch_steps", &identity->epoch_steps) ||
        !metadata_integer(metadata, "threads", &identity->threads) || !position_load(position, metadata))
        return report_error("%s: its metadata is not that of a training run, which --resume needs", path);
    if (!json_object_get(metadata, "rounds"))
        identity->rounds = plan_budgets(manifest->train);
    else if (!metadata_integer(metadata, "rounds", &identity->rounds))
        return report_error("%s: its metadata is not that of a training run, which --resume needs", path);
    if (identity->rounds > plan_budgets(manifest->train))
        return report_error("%s belongs to a run of %" PRId64 " %ss, and this program has %" PRId64
                            ": a run may get more of them, but not lose any",
                            path, identity->rounds, manifest->train->sweep ? manifest->train->sweep->point_word : manifest->train->trials ? "trial" : "round",
                            plan_budgets(manifest->train));
    if (!is_possible(path, manifest, identity, position))
        return false;
    json_t *own = fingerprint(manifest);
    bool same = json_equal(own, json_object_get(metadata, "fingerprint"));
    json_decref(own);
    if (!same)
        return report_error("%s: belongs to another model: it was written by train %s of %s with other weights or states than "
                            "train %s of %s has here",
                            path, train, model, manifest->train->name, manifest->model);
    return !strcmp(metadata_text(metadata, "digest"), manifest->digest) ||
           report_error(
               "%s: belongs to a run that computes something else: since it was written, the losses, the settings, the splits or "
               "the measure of the best have changed in train %s of %s",
               path, train, model);
}

bool checkpoint_identify(const char *path, const Manifest *manifest, Identity *identity, Position *position)
{
    SafeFile file;
    if (!safetensors_open(&file, path))
        return false;
    bool fine = identify(path, manifest, safetensors_metadata(&file), identity, position);
    safetensors_close(&file);
    return fine;
}

/* Whether the file, if it knows the member, was written by a run on the same rows. */
static bool check_member(const char *path, const SafeFile *file, const DatasetInfo *dataset, size_t member, uint64_t fingerprint)
{
    char key[256], name[MEMBER_NAME_SIZE];
    snprintf(key, sizeof key, "data.%s", member_name(dataset, member, name));
    const json_t *found = json_object_get(safetensors_metadata(file), key);
    json_t *here = fingerprint_text(fingerprint);
    bool fine = !found || json_equal(found, here) ||
                report_error("%s belongs to a run on other data: %s of the data set %s have changed since, or are others", path,
                             dataset->file_count ? "the files" : "the rows", name);
    json_decref(here);
    return fine;
}

bool checkpoint_check_data(const char *path, const Manifest *manifest, const uint64_t *fingerprints)
{
    SafeFile file;
    bool fine = true;
    if (!safetensors_open(&file, path))
        return false;
    for (size_t i = 0; i < manifest->dataset_count; i++)
        for (size_t m = 0; m < own_members(&manifest->datasets[i]); m++)
            fine = check_member(path, &file, &manifest->datasets[i], m, *fingerprints++) && fine;
    safetensors_close(&file);
    return fine;
}

bool checkpoint_seed(const char *path, uint64_t *seed)
{
    SafeFile file;
    if (!safetensors_open(&file, path))
        return false;
    const char *text = json_string_value(json_object_get(safetensors_metadata(&file), "seed"));
    bool fine = text && sscanf(text, "%" SCNu64, seed) == 1;
    safetensors_close(&file);
    return fine ||
           report_error("%s: its metadata holds no seed, which says how the examples were shuffled, permuted or computed", path);
}

/* Whether the file says that another model or another train of it wrote it, or this one when it had other weights or states. */
static bool is_of_another_model(const SafeFile *file, const Manifest *manifest)
{
    const json_t *metadata = safetensors_metadata(file);
    const json_t *found = json_object_get(metadata, "fingerprint");
    json_t *own = found ? fingerprint(manifest) : NULL; /* a program that has its weights inside has no train, and no need */
    bool another = found && !json_equal(own, found);
    json_decref(own);
    return another;
}

/* Always false. */
static bool refuse_another_model(const SafeFile *file, const Manifest *manifest, const char *tensor)
{
    const json_t *metadata = safetensors_metadata(file);
    const char *model = metadata_text(metadata, "model"), *train = metadata_text(metadata, "train");
    if (!strcmp(model, manifest->model) && !strcmp(train, manifest->train->name))
        return report_error(
            "%s was written by '%s' (train %s) when its weights were others: it does not have the tensor %s as it is "
            "here",
            file->path, model, train, tensor);
    return report_error(
        "%s is a checkpoint of '%s' (train %s), not of '%s' (train %s): it does not have the tensor %s as it is here", file->path,
        model, train, manifest->model, manifest->train->name, tensor);
}

enum { NAME_SIZE = 1024 };

/* The tensor by the name under which the file has it: version 1 had a '.' where there is a '/' now. */
static TensorInfo named_in(const SafeFile *file, TensorInfo tensor, char name[static NAME_SIZE])
{
    if (safetensors_fits(file, &tensor) || strlen(tensor.name) >= NAME_SIZE)
        return tensor;
    TensorInfo earlier = tensor;
    earlier.name = strcpy(name, tensor.name);
    for (char *slash = name; (slash = strchr(slash, '/'));)
        *slash = '.';
    return safetensors_fits(file, &earlier) ? earlier : tensor;
}

/* Weights of another model may fit all the same. Digests of another version of the format cannot be compared with this one's. */
static void note_origin(const char *path, const SafeFile *file, const Manifest *manifest)
{
    const json_t *metadata = safetensors_metadata(file);
    if (!strcmp(metadata_text(metadata, "format"), format_here) && json_object_get(metadata, "digest") &&
        strcmp(metadata_text(metadata, "digest"), manifest->digest))
        report_note("%s was written by train %s of %s, whose losses, weights, settings or splits are others than those of train "
                    "%s of %s here",
                    path, metadata_text(metadata, "train"), metadata_text(metadata, "model"),
                    manifest->train ? manifest->train->name : "-", manifest->model);
}

const char *checkpoint_part_of(const SafeFile *file, const char *name)
{
    const json_t *metadata = safetensors_metadata(file);
    char *key = NULL;
    if (asprintf(&key, "part.%s", name) < 0)
        return NULL;
    const char *part_of = json_string_value(json_object_get(metadata, key));
    free(key);
    return part_of;
}

/* A weight that is only its numbers must not take a tensor that was a part of a weight. */
static bool is_whole(const SafeFile *file, const StateInfo *state)
{
    const char *there = state->role == STATE_WEIGHT && !state->part_of ? checkpoint_part_of(file, state->tensor.name) : NULL;
    return !there ||
           report_error("%s: the tensor %s is only a part of that weight there, which is '%s', but all of it in this model",
                        file->path, state->tensor.name, there);
}

/* The encoder of a table as programs before ABI 5 wrote it, in single precision: the tensor as it is there. */
static bool is_narrow(const SafeFile *file, const StateInfo *state, const TensorInfo *tensor, TensorInfo *narrow)
{
    *narrow = *tensor;
    narrow->dtype = DTYPE_F32;
    narrow->bytes = (size_t)tensor->elements * sizeof(float);
    return state->role == STATE_ENCODER && tensor->dtype == DTYPE_F64 && !safetensors_fits(file, tensor) &&
           safetensors_fits(file, narrow);
}

/* Whether the file has the first part of a state that grows: no axis is longer there. */
static bool is_first_part(const SafeFile *file, const StateInfo *state, TensorInfo *there)
{
    if (!state->grows || !safetensors_shape(file, &state->tensor, there))
        return false;
    for (unsigned axis = 0; axis < there->rank; axis++)
        if (there->dims[axis] > state->tensor.dims[axis])
            return false;
    return true;
}

/* Row by row along the last axis, to where the row lies in the larger tensor. */
static void place_part(const TensorInfo *part, const char *from, const TensorInfo *whole, char *to)
{
    size_t size = dtype_sizes[part->dtype];
    int64_t row = part->rank ? part->dims[part->rank - 1] : 1;
    for (int64_t done = 0; done < part->elements; done += row) {
        int64_t place = 0, stride = 1, rest = done;
        for (unsigned axis = part->rank; axis-- > 0;) {
            place += rest % part->dims[axis] * stride;
            rest /= part->dims[axis];
            stride *= whole->dims[axis];
        }
        memcpy(to + (size_t)place * size, from + (size_t)done * size, (size_t)row * size);
    }
}

static bool read_first_part(const SafeFile *file, const StateInfo *state, const TensorInfo *there, void *data)
{
    char *part = malloc(there->bytes + 1);
    bool fine = part ? safetensors_read(file, there, part) : report_error("out of memory");
    if (fine)
        place_part(there, part, &state->tensor, data);
    free(part);
    return fine;
}

bool checkpoint_may_grow(const Manifest *manifest)
{
    bool grows = false;
    for (size_t i = 0; i < manifest->state_count; i++)
        grows |= manifest->states[i].grows;
    return grows;
}

/* grown: NULL where the file must hold all of the state. */
static bool read_state(const SafeFile *file, const StateInfo *state, const TensorInfo *tensor, bool *grown, void *data)
{
    TensorInfo narrow;
    if (grown && !safetensors_fits(file, tensor) && is_first_part(file, state, &narrow)) {
        *grown = true;
        return read_first_part(file, state, &narrow, data);
    }
    if (!is_narrow(file, state, tensor, &narrow))
        return safetensors_read(file, tensor, data);
    if (!safetensors_read(file, &narrow, data))
        return false;
    for (int64_t i = tensor->elements; i-- > 0;) { /* from the last on: the wide numbers take the place of narrow ones */
        float number;
        memcpy(&number, (char *)data + (size_t)i * sizeof number, sizeof number);
        ((double *)data)[i] = (double)number;
    }
    return true;
}

/* Restores the wanted states; the file must have each of them with its type and shape. Errors name every tensor that does not
 * fit, unless another model wrote the file: then they say only that. */
static bool restore(const char *path, const Program *program, bool model_states_only, bool *grown)
{
    SafeFile file;
    if (!safetensors_open(&file, path))
        return false;
    const Manifest *manifest = program->manifest;
    bool fine = true, another = is_of_another_model(&file, manifest);
    for (size_t i = 0; i < manifest->state_count && (fine || !another); i++) {
        const StateInfo *state = &manifest->states[i];
        char name[NAME_SIZE];
        TensorInfo tensor = named_in(&file, state->tensor, name), narrow;
        bool wanted = model_states_only ? is_model_state(state) : is_stored(state);
        /* seed and steps, under which metrics may draw random numbers: where the file has them */
        wanted |= model_states_only && state->role == STATE_COUNTER && safetensors_fits(&file, &tensor);
        if (wanted && another && !safetensors_fits(&file, &tensor) && !is_narrow(&file, state, &tensor, &narrow)) {
            fine = refuse_another_model(&file, manifest, state->tensor.name);
        } else if (wanted) {
            fine = is_whole(&file, state) &&
                   read_state(&file, state, &tensor, grown, program_state(program, state)) && fine;
            if (fine && is_model_state(state) && !checkpoint_is_finite(state, program_state(program, state)))
                report_warning("%s: the %s %s holds a value that is not finite", path, state_role_names[state->role],
                               state->tensor.name);
        }
    }
    if (fine)
        restore_constants(safetensors_metadata(&file), program);
    if (fine && model_states_only)
        note_origin(path, &file, manifest);
    safetensors_close(&file);
    return fine;
}

bool checkpoint_restore(const char *path, const Program *program, bool *grown)
{
    *grown = false;
    return restore(path, program, false, grown);
}

bool checkpoint_load_weights(const char *path, const Program *program, bool part)
{
    bool grown;
    return restore(path, program, true, part ? &grown : NULL);
}

bool checkpoint_load_state(const char *path, const Program *program, const StateInfo *state, bool *found)
{
    SafeFile file;
    if (!safetensors_open(&file, path))
        return false;
    *found = json_object_get(file.header, state->tensor.name) != NULL;
    bool fine = !*found || safetensors_read(&file, &state->tensor, program_state(program, state));
    safetensors_close(&file);
    return fine;
}
