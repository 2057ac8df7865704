#include "ir/model.h"

const char *const method_names[METHOD_COUNT] = {
#define METHOD(KIND, name, ...) #name,
#include "ir/methods.def"
#undef METHOD
};
const char *const solver_names[SOLVER_COUNT] = {
#define SOLVER(KIND, name, ...) #name,
#include "ir/solvers.def"
#undef SOLVER
};

void model_free(Model *model)
{
    for (uint32_t i = 0; i < model->datasets.len; i++) {
        vec_free(&model->datasets.data[i].files);
        vec_free(&model->datasets.data[i].test_files);
        vec_free(&model->datasets.data[i].splits);
    }
    for (uint32_t i = 0; i < model->trains.len; i++) {
        vec_free(&model->trains.data[i].phases);
        vec_free(&model->trains.data[i].metrics);
        vec_free(&model->trains.data[i].events);
        vec_free(&model->trains.data[i].acts);
    }
    vec_free(&model->datasets);
    vec_free(&model->nets);
    vec_free(&model->forms);
    vec_free(&model->hypers);
    vec_free(&model->trains);
    vec_free(&model->exports);
    module_free(model->module); /* last: *model may lie in the module's arena */
}
