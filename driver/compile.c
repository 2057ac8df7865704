/* The pipeline, from a file to planned kernels. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "driver/driver.h"

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char *model_folder(Arena *arena, const Options *options)
{
    const char *slash = strrchr(options->file, '/');
    return slash ? arena_text(arena, options->file, (size_t)(slash - options->file)) : ".";
}

/* The folder of data that the compiler reads: as --data or HNC_DATA says, else the model's. */
static const char *data_folder(Arena *arena, const Options *options)
{
    const char *variable = getenv("HNC_DATA");
    if (options->data)
        return options->data;
    return variable && *variable ? variable : model_folder(arena, options);
}

/* The functions that compute rows of data sets, which have nothing to do with trains. */
static void finish_rows(Compilation *c)
{
    for (uint32_t i = 0; i < c->model->datasets.len; i++)
        for (uint32_t k = 0; k < c->model->datasets.data[i].makers.len; k++) {
            Function *function = c->model->datasets.data[i].makers.data[k];
            pass_traced(&c->trace, "lower", c->model->module, function);
            pass_finish(&c->trace, c->model->module, function);
            pass_run(&c->trace, "bounds", c->model->module, function);
        }
}

bool compile_model(const Options *options, Compilation *c)
{
    *c = (Compilation){0};
    c->trace = (PassTrace){options->print_after, options->verify_each, stdout, &c->failure};
    double start = seconds_now();
    const char *reason;
    if (!source_read(&c->arena, options->file, &c->source, &reason)) {
        fprintf(stderr, "hnc: error: cannot read '%s': %s\n", options->file, reason);
        const char *model = arena_printf(&c->arena, "%s.hn", options->file);
        if (access(model, R_OK) == 0)
            fprintf(stderr, "     did you mean '%s'?\n", model);
        return false;
    }
    FrontendOptions frontend = {
        .real = options->real,
        .batch = options->batch,
        .trial = options->trial,
        .train = options->train,
        .every_export = options->every_export,
        .defines = options->defines.data,
        .ndefines = options->defines.len,
        .data = data_folder(&c->arena, options),
        .home = model_folder(&c->arena, options),
        .silenced = options->silenced_warnings,
        .warnings_are_errors = options->warnings_are_errors,
        .count = count_data,
    };
    c->model = frontend_compile(&c->source, &frontend, &c->diags);
    diag_print(&c->diags, stderr);
    if (!c->model)
        return false;
    c->model->module->target = options->target;
    c->model->digest = model_digest(c->model);
    double lowered = seconds_now();
    c->seconds[0] = lowered - start;

    for (uint32_t i = 0; i < c->model->trains.len; i++)
        method_assemble(c->model, &c->model->trains.data[i], &c->trace);
    if (!options->aot)
        exports_finish(c->model, &c->trace);
    finish_rows(c);
    if (!c->failure.len && !verify_module(c->model->module, true, &c->failure))
        text_printf(&c->failure, "(after all passes)\n");
    if (c->failure.len) {
        fprintf(stderr, "hnc: internal error: a pass left IR that does not verify\n%s", c->failure.data);
        return false;
    }
    c->seconds[1] = seconds_now() - lowered;
    return true;
}

static void drop_phase(Module *module, const Phase *phase)
{
    if (phase->objective)
        function_remove(module, phase->objective);
    for (uint32_t i = 0; i <= phase->parts.len; i++)
        if (phase_optimizer(phase, i)->tuned)
            function_remove(module, phase_optimizer(phase, i)->tuned);
}

/* Drops the per-example functions, which are no longer needed: only functions that run are planned. */
static void drop_sources(Model *model)
{
    Module *module = model->module;
    for (uint32_t i = 0; i < model->trains.len; i++) {
        Train *train = &model->trains.data[i];
        for (uint32_t k = 0; k < train->phases.len; k++)
            drop_phase(module, &train->phases.data[k]);
        for (uint32_t k = 0; k < train->metrics.len; k++)
            function_remove(module, train->metrics.data[k].objective);
        if (train->continual && train->continual->outputs)
            function_remove(module, train->continual->outputs);
    }
    for (uint32_t i = 0; i < module->weights.len; i++) {
        Function *value = weight_value_function(module, i);
        if (value)
            function_remove(module, value);
        const char *measure = module->weights.data[i].measure.function;
        Function *measured = measure ? module_function(module, measure) : NULL;
        if (measured) /* several weights may share it */
            function_remove(module, measured);
    }
}

bool compile_program(const Options *options, Compilation *c)
{
    return compile_model(options, c) && compile_plan(c);
}

bool compile_plan(Compilation *c)
{
    double start = seconds_now();
    drop_sources(c->model);
    c->plan = plan_module(c->model->module);
    bool fine = plan_verify(c->plan, &c->failure);
    if (!fine)
        fprintf(stderr, "hnc: internal error: a schedule does not verify, so nothing is built from it\n%s", c->failure.data);
    c->seconds[2] = seconds_now() - start;
    return fine;
}

void compilation_free(Compilation *c)
{
    if (c->plan)
        plan_free(c->plan);
    if (c->model)
        model_free(c->model);
    diag_free(&c->diags);
    text_free(&c->failure);
    arena_free(&c->arena);
}
