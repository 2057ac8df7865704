/* The header of an object. */
#include <inttypes.h>
#include <string.h>

#include "backend/aot/aot.h"
#include "backend/aot/columns.h"
#include "backend/aot/metadata.h"

static const char *c_type(DType dtype)
{
    static const char *const types[DTYPE_COUNT] = {[DTYPE_F32] = "float",
                                                   [DTYPE_F64] = "double",
                                                   [DTYPE_I32] = "int32_t",
                                                   [DTYPE_BOOL] = "unsigned char",
                                                   [DTYPE_U8] = "unsigned char"};
    return types[dtype];
}

static void print_parameter(const Parameter *parameter, Text *out)
{
    switch (parameter->kind) {
    case PARAMETER_PARAMETERS:
        text_printf(out, "const void *%s", parameter->name);
        break;
    case PARAMETER_COUNT:
        text_printf(out, "size_t %s", parameter->name);
        break;
    case PARAMETER_ROW:
        text_printf(out, "int32_t %s", parameter->name);
        break;
    case PARAMETER_WEIGHTS:
    case PARAMETER_WORKSPACE:
        text_printf(out, "void *%s", parameter->name);
        break;
    case PARAMETER_RESULT:
        text_printf(out, "%s *%s", c_type(parameter->type.dtype), parameter->name);
        break;
    default:
        if (parameter->kind == PARAMETER_CONDITION && parameter->type.rank == 0)
            text_printf(out, "int32_t %s", parameter->name);
        else
            text_printf(out, "const %s *%s", c_type(parameter->type.dtype), parameter->name);
    }
}

/* _with only reads the weights. */
static void print_prototype(const AotFunction *function, Text *out)
{
    text_printf(out, "int %s(", function->name);
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *parameter = &function->parameters.data[i];
        text_printf(out, "%s%s", i ? ", " : "",
                    parameter->kind == PARAMETER_WEIGHTS && function->kind == AOT_WITH ? "const " : "");
        print_parameter(parameter, out);
    }
    text_printf(out, ");\n");
}

static void print_condition(const Interface *interface, const Parameter *parameter, Text *out)
{
    const Model *model = interface->service->model;
    const Condition *condition = &model->module->conditions.data[parameter->condition];
    text_printf(out, " *   %s: the %s", parameter->name, condition_names[condition->kind]);
    if (condition->count)
        text_printf(out, ", from 0 to %" PRId64 "\n", condition->count - 1);
    else if (condition_domains[condition->kind] == DOMAIN_SIMPLEX)
        text_printf(out, ", %" PRId64 " numbers that are not negative; they are scaled to the sum 1\n", condition->type.dims[0]);
    else
        text_printf(out, ", %" PRId64 " numbers%s\n", condition->type.dims[0],
                    condition->kind == CONDITION_HYPER ? " in their natural units:" : "");
    for (uint32_t i = 0; condition->kind == CONDITION_HYPER && i < model->hypers.len; i++) {
        const Hyper *hyper = &model->hypers.data[i];
        if (hyper->condition == (uint32_t)parameter->condition)
            text_printf(out, " *     [%" PRId64 "] %s, %s\n", hyper->offset, hyper->name, hyper_kind_names[hyper->kind]);
    }
}

static void print_comment(const Interface *interface, const AotFunction *function, Text *out)
{
    static const char *const what[] = {
        [AOT_GENERATE] = "Makes what depends on the conditions alone, once for many examples",
        [AOT_WITH] = "The export, with what the function above has left in `weights`",
        [AOT_WHOLE] = "The export",
    };
    text_printf(out, "/* %s.\n", what[function->kind]);
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *parameter = &function->parameters.data[i];
        const Export *export = function->served < 0 ? NULL : interface->service->served.data[function->served].export;
        if (parameter->kind == PARAMETER_CONDITION)
            print_condition(interface, parameter, out);
        else if (parameter->kind == PARAMETER_EXAMPLE || parameter->kind == PARAMETER_RESULT)
            text_printf(out, " *   %s: %s%s\n", parameter->name, type_text(parameter->type),
                        export->rows ? ", one example behind the other" : "");
        else if (parameter->kind == PARAMETER_COUNT)
            text_printf(out, " *   count: how many examples there are; sizes are those of one\n");
        else if (parameter->kind == PARAMETER_ROW)
            text_printf(out, " *   row: the number of the example, from which its random numbers follow\n");
    }
    text_printf(out, " */\n");
}

static void print_sizes(const Interface *interface, const AotFunction *function, Text *out)
{
    text_printf(out, "#define %s_WORKSPACE_BYTES %" PRId64 "\n", function->macro, function->workspace);
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *parameter = &function->parameters.data[i];
        if (parameter->kind == PARAMETER_EXAMPLE || parameter->kind == PARAMETER_RESULT ||
            (parameter->kind == PARAMETER_CONDITION && parameter->type.rank))
            text_printf(out, "#define %s_%s_SIZE %" PRId64 "\n", function->macro,
                        in_capitals((Arena *)&interface->arena, parameter->name), type_elements(parameter->type));
    }
    if (function->kind == AOT_GENERATE)
        text_printf(out, "#define %s_WEIGHTS_BYTES %" PRId64 "\n", function->macro,
                    interface->service->generators.data[function->generator].bytes);
}

/* The text in quotes, as a literal of C without what ends or begins a comment. */
static void print_quoted(const char *text, Text *out)
{
    char before = 0;
    text_printf(out, "'");
    for (const unsigned char *c = (const unsigned char *)text; *c; before = (char)*c++) {
        bool closes = (before == '*' && *c == '/') || (before == '/' && *c == '*');
        text_printf(out, closes || *c < ' ' || *c == '\\' || *c == '\'' ? "\\x%02x" : "%c", *c);
    }
    text_printf(out, "'");
}

/* " of 9: 'Federal-gov', 'Local-gov', ..." */
static void print_categories(const SchemaColumn *column, Text *out)
{
    size_t start = out->len, most = 80;
    text_printf(out, ", one of %" PRIu32, column->category_count);
    for (uint32_t i = 0; i < column->category_count; i++) {
        const char *category = column->categories[i];
        if (out->len - start + strlen(category) > most) {
            text_printf(out, ", ...");
            return;
        }
        text_printf(out, i ? ", " : ": ");
        print_quoted(category, out);
    }
}

static void print_column(const RawRow *row, const RawColumn *column, Text *out)
{
    const SchemaColumn *schema = &row->schema->columns[column->column];
    text_printf(out, column->number ? "    double %s; /* " : "    const char *%s; /* ", column->name);
    print_quoted(column->text, out);
    if (!column->number)
        print_categories(schema, out);
    else if (schema->time)
        text_printf(out, ", in seconds since 1970, or since midnight");
    text_printf(out, " */\n");
}

static void print_encoder(const Interface *interface, uint32_t number, Text *out)
{
    RawRow row;
    if (!raw_row_of(interface, number, &row))
        return;
    text_printf(out,
                "\n/* A row as the files have it. A missing number is NAN, a missing category NULL or \"\". */\ntypedef struct %s {\n",
                row.type);
    for (uint32_t i = 0; i < row.columns.len; i++)
        print_column(&row, &row.columns.data[i], out);
    text_printf(out, "} %s;\n/* Encodes the row as in training", row.type);
    for (uint32_t i = 0; i < row.fields.len; i++)
        text_printf(out, "%s%s: %s", i ? ", " : "; ", row.fields.data[i].name, type_text(row.fields.data[i].type));
    text_printf(out, " */\nint %s(const %s *columns", row.function, row.type);
    for (uint32_t i = 0; i < row.fields.len; i++)
        text_printf(out, ", %s *%s", c_type(row.fields.data[i].type.dtype), row.fields.data[i].name);
    text_printf(out, ");\n");
    raw_row_free(&row);
}

static void print_status(const char *prefix, Text *out)
{
    text_printf(out,
                "/* What every function returns. */\n"
                "#define %s_OK 0\n"
                "#define %s_ERROR_CONDITION %d /* a value of a condition outside its range, or not finite */\n"
                "#define %s_ERROR_INDEX %d     /* an index outside its range */\n"
                "#define %s_ERROR_ADDRESS %d   /* an address is NULL, or a workspace or weights not aligned */\n"
                "#define %s_ERROR_CATEGORY %d  /* a value that is none of a column's categories */\n"
                "#define %s_ERROR_NUMBER %d    /* a number is missing, or too large */\n\n",
                prefix, prefix, SERVE_CONDITION, prefix, SERVE_INDEX, prefix, AOT_POINTER, prefix, AOT_CATEGORY, prefix, AOT_NUMBER);
}

void aot_header(const Interface *interface, const char *origin, Text *out)
{
    Arena arena = {0};
    const char *prefix = in_capitals(&arena, interface->name);
    text_printf(out, "/* %s.\n", origin);
    text_printf(out,
                " *\n"
                " * Every function reads its arguments, writes its result and its workspace, and nothing else: it allocates nothing, keeps\n"
                " * nothing, and any number of threads may call it, each with a workspace of its own. Workspaces and weights are aligned to\n"
                " * %s_ALIGNMENT bytes, as the memory of malloc() is. */\n"
                "#ifndef %s_H\n#define %s_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
                "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
                prefix, prefix, prefix);
    text_printf(out, "%s/* What the object holds. */\nconst hnc_model *%s_model(void);\n\n", aot_model_types, interface->name);
    print_status(prefix, out);
    text_printf(out, "#define %s_ALIGNMENT %d\n#define %s_WORKSPACE_BYTES %" PRId64 " /* enough for every function */\n", prefix,
                AOT_ALIGNMENT, prefix, largest_workspace(interface));
    if (interface->external)
        text_printf(out, "#define %s_PARAMETERS_BYTES %" PRId64 " /* of %s.weights */\n", prefix,
                    plan_state_bytes(interface->plan), interface->file);
    for (uint32_t i = 0; i < interface->functions.len; i++) {
        const AotFunction *function = &interface->functions.data[i];
        text_printf(out, "\n");
        print_sizes(interface, function, out);
        print_comment(interface, function, out);
        print_prototype(function, out);
    }
    for (uint32_t i = 0; i < interface->service->served.len; i++)
        print_encoder(interface, i, out);
    text_printf(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    arena_free(&arena);
}
