#include "backend/aot/interface.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

uint32_t schedule_of(const Plan *plan, const Function *function)
{
    uint32_t i = 0;
    while (i < plan->schedules.len && plan->schedules.data[i].function != function)
        i++;
    return i;
}

static int64_t scratch_of(const Interface *interface, const Function *function)
{
    return function ? interface->plan->schedules.data[schedule_of(interface->plan, function)].scratch_bytes : 0;
}

/* ---- names ---- */

const char *in_capitals(Arena *arena, const char *text)
{
    char *copy = arena_copy(arena, text);
    for (char *c = copy; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return copy;
}

static const char *identifier(Arena *arena, const char *text)
{
    char *name = arena_printf(arena, "%s%s", isdigit((unsigned char)*text) || !*text ? "_" : "", text);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return name;
}

static bool is_word_of_a_language(const char *name)
{
    static const char *const words[] = {
        "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
        "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
        "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double",
        "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "i386", "if",
        "inline", "int", "int32_t", "linux", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
        "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "requires", "restrict",
        "return", "short", "signed", "size_t", "sizeof", "static", "static_assert", "static_cast", "struct", "switch", "template",
        "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof", "typeof_unqual", "uint8_t",
        "union", "unix", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

/* Names such as NULL and INT32_MAX may be macros, but not with `_` behind them. */
static bool may_be_macro(const char *name)
{
    size_t length = strlen(name);
    return length > 1 && name[length - 1] != '_' && isupper((unsigned char)*name) &&
           !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];
}

const char *parameter_name(Arena *arena, const char *name, uint32_t count, const char *const *others)
{
    static const char *const own[] = {"columns", "count", "parameters", "result", "row", "weights", "workspace"};
    bool taken = is_word_of_a_language(name) || may_be_macro(name);
    for (size_t i = 0; i < COUNT_OF(own); i++)
        taken |= strcasecmp(own[i], name) == 0;
    for (uint32_t i = 0; i < count; i++)
        taken |= strcasecmp(others[i], name) == 0;
    return taken ? parameter_name(arena, arena_printf(arena, "%s_", name), count, others) : name;
}

const char *generator_name(const Interface *interface, int number)
{
    Arena *arena = (Arena *)&interface->arena;
    const Generator *generator = &interface->service->generators.data[number];
    const char *name = arena_printf(arena, "%s_generate", interface->name);
    for (uint32_t i = 0; interface->service->generators.len > 1 && i < generator->conditions.len; i++)
        name = arena_printf(arena, "%s_%s", name, generator->conditions.data[i].name);
    return name;
}

/* ---- parameters ---- */

/* Of all examples of a call; of one, where a call says how many there are. */
static Type with_rows(const Served *served, Type type)
{
    return served->export->rows && !served->single ? type_of_many(served->export->rows, type) : type;
}

static void add_plain(AotFunction *function, ParameterKind kind, const char *name)
{
    vec_push(&function->parameters, (Parameter){.kind = kind, .name = name, .condition = -1});
}

static void add_argument(Interface *interface, AotFunction *function, const ExportArgument *argument, Type type)
{
    VEC(const char *) others = {0};
    for (uint32_t i = 0; i < function->parameters.len; i++)
        vec_push(&others, function->parameters.data[i].name);
    const char *name = parameter_name(&interface->arena, argument->name, others.len, others.data);
    vec_free(&others);
    vec_push(&function->parameters, (Parameter){.kind = argument->condition < 0 ? PARAMETER_EXAMPLE : PARAMETER_CONDITION,
                                                .name = name,
                                                .argument = argument->name,
                                                .type = type,
                                                .condition = argument->condition});
}

static bool draws(const Function *compute)
{
    for (uint32_t i = 0; i < compute->input_names.len; i++)
        if (strcmp(compute->input_names.data[i], "row.number") == 0)
            return true;
    return false;
}

/* The arguments, all or those of an example, then the result and the workspace. */
static void add_arguments(Interface *interface, AotFunction *function, const Served *served, bool conditions)
{
    const Export *export = served->export;
    for (uint32_t i = 0; i < export->argument_count; i++) {
        const ExportArgument *argument = &export->arguments[i];
        if (argument->condition < 0)
            add_argument(interface, function, argument, with_rows(served, argument->type));
        else if (conditions)
            add_argument(interface, function, argument, argument->type);
    }
    if (draws(served->compute))
        add_plain(function, PARAMETER_ROW, "row");
    if (served->single)
        add_plain(function, PARAMETER_COUNT, "count");
    const Function *compute = served->single ? served->single : served->compute;
    Type result = OP_AT(compute, compute->outputs.data[0].value)->type;
    vec_push(&function->parameters,
             (Parameter){.kind = PARAMETER_RESULT, .name = "result", .type = result, .condition = -1});
    add_plain(function, PARAMETER_WORKSPACE, "workspace");
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static AotFunction *add_function(Interface *interface, AotKind kind, const char *name, const char *macro, int served, int generator)
{
    vec_push(&interface->functions, (AotFunction){.kind = kind,
                                                  .name = name,
                                                  .macro = in_capitals(&interface->arena, macro),
                                                  .served = served,
                                                  .generator = generator});
    AotFunction *function = &vec_last(&interface->functions);
    if (interface->external)
        add_plain(function, PARAMETER_PARAMETERS, "parameters");
    return function;
}

static int64_t generator_scratch(const Interface *interface, const Generator *generator)
{
    return larger(scratch_of(interface, generator->check), scratch_of(interface, generator->generate));
}

static void add_generator(Interface *interface, int number)
{
    const Generator *generator = &interface->service->generators.data[number];
    const char *name = generator_name(interface, number);
    AotFunction *function = add_function(interface, AOT_GENERATE, name, name, -1, number);
    for (uint32_t i = 0; i < generator->conditions.len; i++)
        add_argument(interface, function, &generator->conditions.data[i], generator->conditions.data[i].type);
    add_plain(function, PARAMETER_WEIGHTS, "weights");
    add_plain(function, PARAMETER_WORKSPACE, "workspace");
    function->workspace = generator_scratch(interface, generator);
}

static void add_served(Interface *interface, int number)
{
    const Served *served = &interface->service->served.data[number];
    const Generator *generator = served->generator < 0 ? NULL : &interface->service->generators.data[served->generator];
    const char *name = arena_printf(&interface->arena, "%s_%s", interface->name, served->export->name);
    int64_t scratch = larger(scratch_of(interface, served->compute), scratch_of(interface, served->single));
    if (generator) {
        const char *with = arena_printf(&interface->arena, "%s_with", name);
        AotFunction *function = add_function(interface, AOT_WITH, with, with, number, served->generator);
        add_plain(function, PARAMETER_WEIGHTS, "weights");
        add_arguments(interface, function, served, false);
        function->workspace = scratch;
    }
    AotFunction *function = add_function(interface, AOT_WHOLE, name, name, number, served->generator);
    add_arguments(interface, function, served, true);
    function->workspace = generator ? generator->bytes + larger(scratch, generator_scratch(interface, generator)) : scratch;
}

void interface_make(Interface *interface, const char *name, const char *version, const Service *service, const Plan *plan,
                    bool external)
{
    *interface = (Interface){.version = version, .service = service, .plan = plan, .external = external};
    interface->file = arena_copy(&interface->arena, name);
    interface->name = identifier(&interface->arena, name);
    for (uint32_t i = 0; i < service->generators.len; i++)
        add_generator(interface, (int)i);
    for (uint32_t i = 0; i < service->served.len; i++)
        add_served(interface, (int)i);
}

void interface_free(Interface *interface)
{
    for (uint32_t i = 0; i < interface->functions.len; i++)
        vec_free(&interface->functions.data[i].parameters);
    vec_free(&interface->functions);
    arena_free(&interface->arena);
}

int64_t largest_workspace(const Interface *interface)
{
    int64_t most = 0;
    for (uint32_t i = 0; i < interface->functions.len; i++)
        if (interface->functions.data[i].workspace > most)
            most = interface->functions.data[i].workspace;
    return most;
}
