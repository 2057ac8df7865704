/* hnc aot --emit=exe: a program that has its weights inside and can only predict. */
#include <stdlib.h>

#include "backend/aot/aot.h"
#include "backend/backend.h"
#include "backend/link.h"
#include "backend/manifest.h"
#include "backend/tempfile.h"
#include "driver/aot.h"
#include "runtime/core/report.h"
#include "runtime/data/safetensors.h"

/* Of which members of families the examples of each export are, where a condition says it that the export takes and that is
 * fixed; -1: none. In the arena. */
static int64_t *fixed_members(Aot *a)
{
    const Model *model = a->c.model;
    int64_t *members = ARENA_ARRAY(&a->c.arena, int64_t, model->exports.len + 1);
    for (uint32_t i = 0; i < model->exports.len; i++) {
        const Export *export = &model->exports.data[i];
        const double *fixed = export->member < 0 ? NULL : a->fixed[export->member];
        members[i] = fixed && export_takes(export, (uint32_t)export->member) ? (int64_t)*fixed : -1;
    }
    return members;
}

/* What the program says of itself: it has no train, and its constants have the numbers of the run. In the arena; NULL (reported).
 */
static char *describe(Aot *a, const Manifest *manifest, const int64_t *members)
{
    Manifest served = *manifest;
    served.train = NULL;
    for (size_t i = 0; i < served.export_count; i++) {
        served.exports[i].spans = false;
        served.exports[i].member = members[i];
    }
    for (size_t i = 0; i < served.constant_count; i++)
        served.constants[i].number = a->program.constants[i];
    char *json = manifest_write(&served), *text = json ? arena_copy(&a->c.arena, json) : NULL;
    free(json);
    if (!text)
        report_error("a name of the model is not valid UTF-8");
    return text;
}

/* A file of the states that the program reads, all of which have literals. For free(); NULL (reported). */
static unsigned char *pack_weights(const Aot *a, const Manifest *manifest, size_t *size)
{
    const Module *module = a->c.model->module;
    VEC(TensorInfo) tensors = {0};
    VEC(const void *) data = {0};
    for (uint32_t s = 0; s < module->states.len; s++)
        if (module->states.data[s].literal && module->states.data[s].role != STATE_SCRATCH) {
            vec_push(&tensors, manifest->states[s].tensor);
            vec_push(&data, module->states.data[s].literal);
        }
    json_t *metadata = json_object();
    unsigned char *bytes = safetensors_bytes(tensors.data, data.data, tensors.len, metadata, size);
    json_decref(metadata);
    vec_free(&tensors);
    vec_free(&data);
    return bytes;
}

static bool link_program(Aot *a, const char *description, const BackendOptions *options, const char *path, char why[static 256])
{
    char *object = tempfile_create(path, why);
    if (!object)
        return false;
    bool fine = backend_emit(a->c.plan, description, options, EMIT_OBJ, object, why) &&
                link_executable(object, options->target.blas, path, why);
    tempfile_discard(object);
    return fine;
}

static bool make(Aot *a, const char *path)
{
    char why[256] = "";
    const int64_t *members = fixed_members(a); /* before the exports lose these arguments */
    if (!aot_program(a->c.model, (FixedConditions)a->fixed, &a->c.trace, &a->c.plan, why))
        return report_error("%s", why);
    Manifest manifest = manifest_of(a->c.model, a->c.plan, &a->options->target, &a->c.arena);
    BackendOptions options = {.target = a->options->target, .opt_level = a->options->opt_level};
    const char *description = describe(a, &manifest, members);
    unsigned char *weights = description ? pack_weights(a, &manifest, &options.weights_bytes) : NULL;
    options.weights = weights;
    bool fine = weights && (link_program(a, description, &options, path, why) || report_error("%s", why));
    free(weights);
    return fine;
}

bool aot_executable(const Options *given, const char *path)
{
    Options options = *given;
    if (!options.blas)
        options.target.blas = BLAS_BUILTIN;
    Aot a = {.options = &options};
    bool fine = aot_open(&a) && make(&a, path);
    aot_close(&a);
    return fine;
}
