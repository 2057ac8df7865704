/* Passes by name, and what may happen between them. */
#include <string.h>

#include "ir/scan.h"
#include "passes/passes.h"

const PassInfo pass_table[] = {
    {"simplify", "algebraic identities and constant folding", pass_simplify, false},
    {"outer", "sums and products of outer products by their factors", pass_outer, false},
    {"cse", "equal pure ops become one", pass_cse, false},
    {"dce", "drop what no output or write needs", pass_dce, false},
    {"factor", "pull row scales and sums out of products (per example)", pass_factor, true},
    {"stack", "products of several vectors with one state become one", pass_stack, true},
    {"read-once", "products with a state that the step updates become sums in the update's loop", pass_read_once, true},
    {"contract", "products that only one sum uses become part of it, rounded once", pass_contract, false},
    {"bounds", "clamp indices that may lie outside their table to its rows", pass_bounds, true},
    {"merge", "products of one operand with several states become one", pass_merge, true},
    {"windows", "sums over windows that overlap become sums of moved tensors", pass_windows, false},
    {"winograd", "convolutions with kernels of 3 x 3 by fewer multiplications", pass_winograd, false},
    {"panels", "matrices of a loop's products are laid out once, before it", pass_panels, true},
    {"hoist", "products of all steps of a loop become one, before or behind it", pass_hoist, false},
    {"stops", "once all derivatives are taken, stop is its operand", pass_stops, false},
    {"differentiate", "expand grad (reverse mode) and tangent (forward mode)", pass_differentiate, true},
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

/* Bodies first: each loop gets a changed copy of its own. */
static void run_within(const PassInfo *pass, Module *module, Function *function)
{
    for (Value v = 0; v < function->ops.len && !pass->whole; v++) {
        if (OP_AT(function, v)->code != OP_SCAN)
            continue;
        Function *body = body_copy(module, OP_AT(function, v)->body);
        run_within(pass, module, body);
        OP_AT(function, v)->body = body;
    }
    pass->run(module, function);
}

void pass_run(const PassTrace *trace, const char *name, Module *module, Function *function)
{
    run_within(pass_by_name(name), module, function);
    pass_traced(trace, name, module, function);
}

void pass_finish(const PassTrace *trace, Module *module, Function *function)
{
    static const char *const passes[] = {"differentiate", "windows",  "stops",     "simplify", "outer",    "cse",      "dce",
                                         "hoist",         "simplify", "cse",       "dce",      "stack",    "simplify", "outer",
                                         "cse",           "dce",  "winograd",    "read-once", "panels", "contract", "simplify", "cse",      "dce"};
    for (size_t i = 0; i < COUNT_OF(passes); i++)
        pass_run(trace, passes[i], module, function);
}
