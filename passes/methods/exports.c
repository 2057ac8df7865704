/* Exports: what the outside world calls, compiled as steps are. All that depends on no example is computed once per value of the
 * conditions, and kept in states: a net's weights are made there, and stay. The rest computes a batch of examples. */
#include <string.h>

#include "passes/methods/methods.h"
#include "passes/split.h"

enum { ROWS = 64 }; /* of a batch of predict */

bool is_of_an_example(const Function *function, uint32_t input, const void *export)
{
    const Export *e = export;
    const char *name = function->input_names.data[input];
    for (uint32_t i = 0; i < e->argument_count; i++)
        if (e->arguments[i].condition >= 0 && strcmp(e->arguments[i].name, name) == 0)
            return false;
    return true;
}

/* Whether a batch is of no use: all examples have the same result, or each draws random numbers of its own. */
static bool works_alone(const Function *function)
{
    bool *varies = varying_values(function), alone = !varies[function->outputs.data[0].value] || function_has(function, OP_RANDOM);
    support_free(varies);
    return alone;
}

/* What the export makes of one example, with its weights in their forms. It sees the conditions that are its arguments, and other
 * conditions as trained. */
static void resolve_export(Assembly *assembly, Function *function)
{
    pass_weights(assembly->model, function);
    pass_traced(assembly->trace, "weights", assembly->module, function);
    resolve_conditions(assembly, function, AT_HAND);
    pass_traced(assembly->trace, "conditions", assembly->module, function);
    draw_by_row(assembly, function);
    pass_run(assembly->trace, "simplify", assembly->module, function);
    pass_run(assembly->trace, "cse", assembly->module, function);
}

void assemble_export(Assembly *assembly, Export *export)
{
    resolve_export(assembly, export->function);
}

Function *export_split(Module *module, Export *export)
{
    const char *name = arena_printf(&module->arena, "%s.generate", export->name);
    return split_function(module, export->function, is_of_an_example, export, name, STATE_SCRATCH);
}

void export_finish(Module *module, Export *export, int64_t rows, const PassTrace *trace)
{
    Function *function = export->function;
    export->rows = rows == 0 || works_alone(function) ? 0 : rows;
    if (export->rows)
        function_batch(trace, module, function, export->rows, false);
    function_finish(trace, module, function);
}

void exports_finish(Model *model, const PassTrace *trace)
{
    for (uint32_t i = 0; i < model->exports.len; i++) {
        Export *export = &model->exports.data[i];
        export->generate = export_split(model->module, export);
        if (export->generate)
            function_finish(trace, model->module, export->generate);
        export_finish(model->module, export, ROWS, trace);
    }
}
