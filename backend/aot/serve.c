/* From exports to pure functions, with all that is known computed on the machine that runs hnc. */
#include <stdlib.h>
#include <string.h>

#include "backend/aot/aot.h"
#include "backend/jit.h"

static bool verified_plan(const Module *module, PlanKind kind, Plan **plan, char why[static 256])
{
    Text violations = {0};
    *plan = plan_module_as(module, kind);
    bool fine = plan_verify(*plan, &violations);
    if (!fine) {
        snprintf(why, 256, "internal error: a schedule does not verify, so nothing is made of it: %.160s", violations.data);
        plan_free(*plan);
        *plan = NULL;
    }
    text_free(&violations);
    return fine;
}

static void *aligned_bytes(int64_t bytes)
{
    void *memory = aligned_alloc(HN_ALIGNMENT, ((size_t)bytes + HN_ALIGNMENT) / HN_ALIGNMENT * HN_ALIGNMENT);
    if (!memory)
        support_out_of_memory();
    return memory;
}

unsigned char *aot_parameters(const Plan *plan)
{
    const Module *module = plan->module;
    unsigned char *numbers = aligned_bytes(plan_state_bytes(plan));
    memset(numbers, 0, (size_t)plan_state_bytes(plan));
    for (uint32_t s = 0; s < module->states.len; s++) {
        const State *state = &module->states.data[s];
        if (state->literal && plan_has_state(plan, s))
            memcpy(numbers + plan_state_offset(plan, s), state->literal, (size_t)type_bytes(state->type));
    }
    return numbers;
}

/* Stands for the runtime's hn_parallel, which code for no threads does not call. */
static void alone(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain)
{
    (void)grain;
    body(frame, 0, n);
}

/* What the plan's functions wrote becomes literal. */
static void keep_results(Module *module, const Plan *plan, const unsigned char *state)
{
    for (uint32_t s = 0; s < module->states.len; s++) {
        State *info = &module->states.data[s];
        size_t bytes = (size_t)type_bytes(info->type);
        if (!info->literal && plan_has_state(plan, s))
            info->literal = memcpy(arena_alloc(&module->arena, bytes), state + plan_state_offset(plan, s), bytes);
    }
}

/* Runs functions without inputs on this machine. Their code is the same wherever hnc runs, and so are the results: it needs no
 * more than every x86-64 has. */
static bool run_functions(Module *module, const Plan *plan, char why[static 256])
{
    BackendOptions options = {.target = target_for("x86-64"), .opt_level = 2};
    options.target.blas = BLAS_BUILTIN;
    options.target.threads = false;
    Jit *jit = jit_new(plan, &options, alone, why);
    if (!jit)
        return false;
    unsigned char *state = aot_parameters(plan), *scratch = aligned_bytes(plan_scratch_bytes(plan));
    for (uint32_t i = 0; i < plan->schedules.len; i++)
        jit_functions(jit)[i](&(hn_frame){.state = state, .scratch = scratch});
    keep_results(module, plan, state);
    free(state);
    free(scratch);
    jit_free(jit);
    return true;
}

static bool makes_rows(const Model *model, const Function *function)
{
    for (uint32_t i = 0; i < model->datasets.len; i++)
        for (uint32_t k = 0; k < model->datasets.data[i].makers.len; k++)
            if (model->datasets.data[i].makers.data[k] == function)
                return true;
    return false;
}

/* Removes all functions but exports, and but those that compute rows of data sets if `rows`. */
static void keep_exports(Model *model, bool rows)
{
    Module *module = model->module;
    for (uint32_t i = module->functions.len; i-- > 0;) {
        bool kept = rows && makes_rows(model, module->functions.data[i]);
        for (uint32_t k = 0; k < model->exports.len; k++)
            kept |= model->exports.data[k].function == module->functions.data[i];
        if (!kept)
            function_remove(module, module->functions.data[i]);
    }
}

/* Plans and runs these functions alone. */
static bool run_alone(Module *module, uint32_t count, Function **functions, char why[static 256])
{
    Function **all = module->functions.data;
    uint32_t all_count = module->functions.len;
    Plan *plan = NULL;
    module->functions.data = functions;
    module->functions.len = count;
    bool fine = verified_plan(module, PLAN_SERVED, &plan, why) && run_functions(module, plan, why);
    plan_free(plan);
    module->functions.data = all;
    module->functions.len = all_count;
    return fine;
}

/* Computes what depends on no argument. All functions that are left are exports or, if `rows`, compute rows of data sets. */
static bool fold(Model *model, bool rows, const PassTrace *trace, char why[static 256])
{
    VEC(Function *) folds = {0};
    for (uint32_t i = 0; i < model->exports.len; i++) {
        Function *folded = serve_fold(model, &model->exports.data[i], trace);
        if (folded)
            vec_push(&folds, folded);
    }
    bool fine = folds.len == 0 || run_alone(model->module, folds.len, folds.data, why);
    vec_free(&folds);
    keep_exports(model, rows);
    return fine;
}

bool aot_serve(Model *model, FixedConditions fixed, int64_t rows, const PassTrace *trace, Service *service, Plan **plan,
               char why[static 256])
{
    keep_exports(model, false);
    serve_begin(model, fixed, true);
    if (!fold(model, false, trace, why))
        return false;
    serve_finish(model, rows, trace, service);
    if (verified_plan(model->module, PLAN_SERVED, plan, why))
        return true;
    service_free(service);
    return false;
}

static bool is_read(const Module *module, uint32_t state)
{
    for (uint32_t i = 0; i < module->functions.len; i++)
        for (Value v = 0; v < module->functions.data[i]->ops.len; v++) {
            const Op *op = OP_AT(module->functions.data[i], v);
            if (op->code == OP_STATE_READ && op->symbol == state)
                return true;
        }
    return false;
}

/* Whether the state is the value at hand of a condition that some export takes. */
static bool is_of_argument(const Model *model, uint32_t state)
{
    const Train *train = &model->trains.data[0];
    for (uint32_t i = 0; i < model->exports.len; i++)
        for (uint32_t k = 0; k < train->conditions.len; k++)
            if (train->conditions.data[k].state == state &&
                export_takes(&model->exports.data[i], train->conditions.data[k].condition))
                return true;
    return false;
}

/* What neither code nor the runtime reads any more is no part of the weights. */
static void forget_unread(Model *model)
{
    Module *module = model->module;
    for (uint32_t s = 0; s < module->states.len; s++) {
        State *state = &module->states.data[s];
        bool wanted =
            is_read(module, s) || is_of_argument(model, s) || state->role == STATE_ENCODER || strcmp(state->name, "seed") == 0;
        if (!wanted)
            state->role = STATE_SCRATCH;
    }
}

bool aot_program(Model *model, FixedConditions fixed, const PassTrace *trace, Plan **plan, char why[static 256])
{
    keep_exports(model, true);
    serve_begin(model, fixed, false);
    if (!fold(model, true, trace, why))
        return false;
    exports_finish(model, trace);
    forget_unread(model);
    return verified_plan(model->module, PLAN_USUAL, plan, why);
}
