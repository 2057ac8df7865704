/* A module of Python for the shared library of an interface: per export a function, and its two halves. Their arguments are all
 * that they name without _hnc_ in front, so that arguments and exports may be called anything. */
#include <inttypes.h>
#include <string.h>

#include "backend/aot/aot.h"
#include "backend/aot/python.h"

_Static_assert(SERVE_CONDITION == 1 && SERVE_INDEX == 2 && AOT_POINTER == 3 && AOT_CATEGORY == 4 && AOT_NUMBER == 5,
               "python/examples.py has the sentence of each");

typedef struct PythonModule {
    const Interface *interface;
    Arena arena;
    uint32_t count;
    const char *const *symbols; /* of the library, as aot_symbols() lists them */
    const char **names;         /* what the module calls them */
    Text *out;
} PythonModule;

static void name_functions(PythonModule *m)
{
    m->symbols = aot_symbols(m->interface, &m->arena, &m->count);
    m->names = ARENA_ARRAY(&m->arena, const char *, m->count);
    const char **own = ARENA_ARRAY(&m->arena, const char *, m->count);
    for (uint32_t i = 0; i < m->count; i++) /* "adult_score_with" is score_with there */
        own[i] = m->symbols[i] + strlen(m->interface->name) + 1;
    python_names(&m->arena, m->count, own, 0, NULL, m->names);
}

static const char *name_of(const PythonModule *m, const char *symbol)
{
    uint32_t i = 0;
    while (strcmp(m->symbols[i], symbol) != 0)
        i++;
    return m->names[i];
}

/* What the function calls the argument, which the export has. */
static const char *argument_name(PythonModule *m, const AotFunction *function, const char *argument)
{
    static const char *const taken[] = {"weights", "row"};
    const Service *service = m->interface->service;
    const Generator *generator = function->served < 0 ? &service->generators.data[function->generator] : NULL;
    const Export *export = generator ? NULL : service->served.data[function->served].export;
    const ExportArgument *arguments = generator ? generator->conditions.data : export->arguments;
    uint32_t count = generator ? generator->conditions.len : export->argument_count, found = 0;
    const char **names = ARENA_ARRAY(&m->arena, const char *, 2 * count);
    for (uint32_t i = 0; i < count; i++) {
        names[i] = arguments[i].name;
        if (strcmp(names[i], argument) == 0)
            found = i;
    }
    python_names(&m->arena, count, names, COUNT_OF(taken), taken, names + count);
    return names[count + found];
}

static const Parameter *find_parameter(const AotFunction *function, ParameterKind kind)
{
    for (uint32_t i = 0; i < function->parameters.len; i++)
        if (function->parameters.data[i].kind == kind)
            return &function->parameters.data[i];
    return NULL;
}

static bool is_argument(const Parameter *parameter)
{
    return parameter->kind == PARAMETER_CONDITION || parameter->kind == PARAMETER_EXAMPLE;
}

static void print_head(PythonModule *m, const AotFunction *function)
{
    const char *between = "";
    text_printf(m->out, "\n\ndef %s(", name_of(m, function->name));
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *parameter = &function->parameters.data[i];
        if (is_argument(parameter))
            text_printf(m->out, "%s%s", between, argument_name(m, function, parameter->argument));
        else if (parameter->kind == PARAMETER_WEIGHTS && function->kind == AOT_WITH)
            text_printf(m->out, "%sweights", between);
        else if (parameter->kind == PARAMETER_ROW)
            text_printf(m->out, "%srow=0", between);
        else
            continue;
        between = ", ";
    }
    text_printf(m->out, "):\n");
}

/* Per argument of one kind its name, its value, and type and shape of one example. */
static void print_arguments(PythonModule *m, const AotFunction *function, ParameterKind kind, unsigned skipped)
{
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *parameter = &function->parameters.data[i];
        if (parameter->kind != kind)
            continue;
        const char *name = argument_name(m, function, parameter->argument);
        text_printf(m->out, ",\n        (\"%s\", %s, \"%s\", ", name, name, numpy_type(parameter->type.dtype));
        print_python_shape(parameter->type, skipped, m->out);
        text_printf(m->out, ")");
    }
}

static void print_generate(PythonModule *m, const AotFunction *function)
{
    print_head(m, function);
    text_printf(m->out, "    return _hnc_generate(\n        \"%s\", %" PRId64 ", %" PRId64, function->name,
                m->interface->service->generators.data[function->generator].bytes, function->workspace);
    print_arguments(m, function, PARAMETER_CONDITION, 0);
    text_printf(m->out, ")\n");
}

/* Of an export that takes no conditions, or with the weights that they generate. */
static void print_compute(PythonModule *m, const AotFunction *function)
{
    const Served *served = &m->interface->service->served.data[function->served];
    int64_t block = served->single ? 0 : served->export->rows ? served->export->rows : 1;
    unsigned skipped = !served->single && served->export->rows; /* the axis of the examples of a call */
    const Parameter *result = find_parameter(function, PARAMETER_RESULT);
    print_head(m, function);
    text_printf(m->out, "    return _hnc_compute(\n        \"%s\", %" PRId64 ", (\"%s\", ", function->name, function->workspace,
                numpy_type(result->type.dtype));
    print_python_shape(result->type, skipped, m->out);
    text_printf(m->out, ")");
    print_arguments(m, function, PARAMETER_EXAMPLE, skipped);
    text_printf(m->out, ",\n        block=%" PRId64, block);
    if (function->kind == AOT_WITH)
        text_printf(m->out, ", weights=(weights, %" PRId64 ")",
                    m->interface->service->generators.data[function->generator].bytes);
    if (find_parameter(function, PARAMETER_ROW))
        text_printf(m->out, ", row=row");
    text_printf(m->out, ")\n");
}

/* Both halves, found by what the module calls them: an argument may have the name of one. */
static void print_whole(PythonModule *m, const AotFunction *function)
{
    const Generator *generator = &m->interface->service->generators.data[function->generator];
    print_head(m, function);
    text_printf(m->out, "    return _hnc_module[\"%s\"](_hnc_module[\"%s\"](",
                name_of(m, arena_printf(&m->arena, "%s_with", function->name)),
                name_of(m, generator_name(m->interface, function->generator)));
    for (uint32_t i = 0; i < generator->conditions.len; i++)
        text_printf(m->out, "%s%s", i ? ", " : "", argument_name(m, function, generator->conditions.data[i].name));
    text_printf(m->out, ")");
    for (uint32_t i = 0; i < function->parameters.len; i++)
        if (function->parameters.data[i].kind == PARAMETER_EXAMPLE)
            text_printf(m->out, ", %s", argument_name(m, function, function->parameters.data[i].argument));
    text_printf(m->out, "%s)\n", find_parameter(function, PARAMETER_ROW) ? ", row" : "");
}

static void print_start(const PythonModule *m, const char *origin)
{
    const Interface *interface = m->interface;
    Text *out = m->out;
    text_printf(out, "\"\"\"");
    print_python_text(origin, out);
    text_printf(out,
                ". Calls the library of the same name beside it.\n\n"
                "Arguments that have one axis more than the model says are many examples, of any number: the result has this\n"
                "axis, too. Weights are generated once for all. `row` is the number of the first example, from which its random\n"
                "numbers follow. ValueError says what the model refuses, and what the type of an argument cannot hold.\n"
                "\"\"\"\n\n\n");
    text_append(out, python_examples.text, python_examples.size);
    text_printf(out, "\n\n_hnc_module = globals()\n_hnc_call, _hnc_generate, _hnc_compute = _hnc_open(__file__, \"");
    print_python_text(interface->file, out);
    text_printf(out, "\", ");
    if (interface->external)
        text_printf(out, "%" PRId64 ")\n", plan_state_bytes(interface->plan));
    else
        text_printf(out, "None)\n");
}

static void print_encoders(PythonModule *m)
{
    bool any = false;
    for (uint32_t i = 0; i < m->interface->service->served.len; i++) {
        RawRow row;
        if (!raw_row_of(m->interface, i, &row))
            continue;
        if (!any) {
            text_printf(m->out, "\n\n");
            text_append(m->out, python_rows.text, python_rows.size);
            text_printf(m->out, "\n\n_hnc_add_table, _hnc_encode = _hnc_tables(_hnc_call)\n");
        }
        any = true;
        print_python_encoder(&row, name_of(m, row.function), m->out);
        raw_row_free(&row);
    }
}

void aot_python(const Interface *interface, const char *origin, Text *out)
{
    PythonModule m = {.interface = interface, .out = out};
    name_functions(&m);
    print_start(&m, origin);
    for (uint32_t i = 0; i < interface->functions.len; i++) {
        const AotFunction *function = &interface->functions.data[i];
        if (function->kind == AOT_GENERATE)
            print_generate(&m, function);
        else if (function->kind == AOT_WHOLE && function->generator >= 0)
            print_whole(&m, function);
        else
            print_compute(&m, function);
    }
    print_encoders(&m);
    arena_free(&m.arena);
}
