/* Passes by name, and what may happen between them. */
#include <string.h>

#include "passes/passes.h"

const PassInfo pass_table[] = {
    {"simplify", "algebraic identities and constant folding", pass_simplify},
    {"outer", "sums and products of outer products by their factors", pass_outer},
    {"cse", "equal pure ops become one", pass_cse},
    {"dce", "drop what no output or write needs", pass_dce},
    {"factor", "pull row scales and sums out of products (per example)", pass_factor},
    {"stack", "products of several vectors with one state become one", pass_stack},
    {"read-once", "products with a state that the step updates become sums in the update's loop", pass_read_once},
    {"contract", "products that only one sum uses become part of it, rounded once", pass_contract},
    {"bounds", "clamp indices that may lie outside their table to its rows", pass_bounds},
    {"merge", "products of one operand with several states become one", pass_merge},
    {"windows", "sums over windows that overlap become sums of moved tensors", pass_windows},
    {"stops", "once all derivatives are taken, stop is its operand", pass_stops},
    {"differentiate", "expand grad (reverse mode) and tangent (forward mode)", pass_differentiate},
};
const uint32_t pass_count = COUNT_OF(pass_table);

const PassInfo *pass_by_name(const char *name)
{
    for (uint32_t i = 0; i < pass_count; i++)
        if (strcmp(pass_table[i].name, name) == 0)
            return &pass_table[i];
    return NULL;
}

void pass_traced(const PassTrace *trace, const char *name, Module *module, Function *function)
{
    if (!trace)
        return;
    if (trace->print_after && (strcmp(trace->print_after, "all") == 0 || strcmp(trace->print_after, name) == 0)) {
        Text text = {0};
        print_function(module, function, &text);
        fprintf(trace->out, "# after %s\n%s", name, text.data);
        text_free(&text);
    }
    if (trace->verify_each && !trace->failure->len) {
        Text why = {0};
        if (!verify_function(module, function, true, &why))
            text_printf(trace->failure, "after pass '%s', function '%s':\n%s", name, function->name, why.data);
        text_free(&why);
    }
}

void pass_run(const PassTrace *trace, const char *name, Module *module, Function *function)
{
    pass_by_name(name)->run(module, function);
    pass_traced(trace, name, module, function);
}

void pass_finish(const PassTrace *trace, Module *module, Function *function)
{
    static const char *const passes[] = {"differentiate", "windows",  "stops",    "simplify", "outer", "cse",
                                         "dce",           "stack",    "simplify", "outer",    "cse",   "dce",
                                         "read-once",     "contract", "simplify", "cse",      "dce"};
    for (size_t i = 0; i < COUNT_OF(passes); i++)
        pass_run(trace, passes[i], module, function);
}
