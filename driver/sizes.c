/* What exports need where they stand alone: the object that `hnc aot` would make, whose size does not depend on the trained numbers. */
#include <inttypes.h>
#include <stdio.h>

#include "backend/aot/aot.h"
#include "driver/driver.h"
#include "passes/serve.h"

static void print_sizes(const Interface *interface, const AotSizes *sizes, const char *cpu)
{
    printf("\nan object of hnc aot for %s: %" PRId64 " bytes of code, %" PRId64 " of numbers, %" PRId64 " of tables and texts\n", cpu,
           sizes->code, sizes->numbers, sizes->rest);
    printf("%-38s %12s  %12s  %12s\n", "bytes that a call needs at most", "workspace", "weights", "stack");
    for (uint32_t i = 0; i < interface->functions.len; i++) {
        const AotFunction *function = &interface->functions.data[i];
        int64_t weights = function->kind == AOT_WHOLE || function->generator < 0
                              ? 0
                              : interface->service->generators.data[function->generator].bytes;
        printf("  %-36s %12" PRId64 "  %12" PRId64 "  %12" PRId64 "\n", function->name, function->workspace, weights,
               sizes->stack.data[i]);
    }
}

static bool measure(Compilation *c, const Options *options, char why[static 256])
{
    const double *const *fixed = arena_alloc(&c->arena, (c->model->module->conditions.len + 1) * sizeof *fixed);
    BackendOptions backend = {.target = options->target, .opt_level = options->opt_level};
    Service service;
    Interface interface;
    AotSizes sizes;
    if (!aot_serve(c->model, fixed, 0, &c->trace, &service, &c->plan, why))
        return false;
    interface_make(&interface, c->model->name, HNC_VERSION, &service, c->plan, false);
    bool fine = aot_measure(&interface, &backend, &sizes, why);
    if (fine)
        print_sizes(&interface, &sizes, options->target.name);
    vec_free(&sizes.stack);
    interface_free(&interface);
    service_free(&service);
    return fine;
}

void explain_sizes(const Options *given)
{
    Options options = *given;
    options.target = target_alone(options.target);
    options.aot = true;
    options.silenced_warnings = ~0U; /* they have been said */
    options.warnings_are_errors = false;
    options.print_after = NULL;
    Compilation c;
    char why[256] = "";
    if (compile_model(&options, &c)) {
        Module *module = c.model->module;
        for (uint32_t s = 0; s < module->states.len; s++)
            module->states.data[s].literal = arena_alloc(&c.arena, (size_t)type_bytes(module->states.data[s].type) + 1);
        if (!measure(&c, &options, why))
            printf("\nhnc aot makes no object of this model: %s\n", why);
    }
    compilation_free(&c);
}
