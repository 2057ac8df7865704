/* Exports of weights that no train of the file trains: they would compute with random numbers. */
#include <string.h>

#include "frontend/declare/declare.h"

/* Marks the weights of the module that the function reads, directly or as what a weight is made of. */
static void mark_read(const Model *model, const Function *f, bool *read)
{
    for (Value v = 0; v < f->ops.len; v++) {
        uint32_t weight = OP_AT(f, v)->symbol;
        if (OP_AT(f, v)->code != OP_PARAM || read[weight])
            continue;
        read[weight] = true;
        const Function *value = weight_value_function(model->module, weight);
        if (value)
            mark_read(model, value, read);
    }
}

static bool *new_marks(const Model *model)
{
    uint32_t count = model->module->weights.len;
    bool *marks = support_malloc(count + 1);
    memset(marks, 0, count + 1);
    return marks;
}

void note_trained(Session *s)
{
    const Train *train = &vec_last(&s->model->trains);
    bool *read = new_marks(s->model);
    for (uint32_t i = 0; i < train->phases.len; i++)
        if (train->phases.data[i].objective)
            mark_read(s->model, train->phases.data[i].objective, read);
    for (uint32_t i = 0; i < s->module->weights.len; i++)
        if (read[i])
            vec_push(&s->file->trained, arena_copy(&s->file->arena, s->module->weights.data[i].name));
    support_free(read);
}

static bool is_noted(const ModelFile *file, const char *name)
{
    for (uint32_t i = 0; i < file->trained.len; i++)
        if (strcmp(file->trained.data[i], name) == 0)
            return true;
    return false;
}

void check_exported_weights(ModelFile *file, const Model *model, const Decl *decl)
{
    Session s = {.file = file};
    for (uint32_t i = 0; i < model->exports.len; i++) {
        if (strcmp(model->exports.data[i].name, decl->name.text))
            continue;
        bool *read = new_marks(model);
        const Weight *random = NULL;
        mark_read(model, model->exports.data[i].function, read);
        for (uint32_t w = 0; w < model->module->weights.len && !random; w++) {
            const Weight *weight = &model->module->weights.data[w];
            bool made = weight->value || weight->file || weight->fixed;
            random = read[w] && !made && !is_noted(file, weight->name) ? weight : NULL;
        }
        if (random) {
            warn(&s, WARNING_UNTRAINED_EXPORT, decl->name.span,
                 "the export '%s' reads the weights '%s', which no train of this file trains", decl->name.text, random->name);
            add_help(&s, "it would compute with the numbers that they begin with");
        }
        support_free(read);
    }
}
