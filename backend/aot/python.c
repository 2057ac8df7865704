/* A module of Python for the shared library of an interface: per export a function, and its two halves. */
#include <inttypes.h>
#include <string.h>

#include "backend/aot/aot.h"
#include "backend/aot/columns.h"

static const char *numpy_type(DType dtype)
{
    static const char *const types[DTYPE_COUNT] = {[DTYPE_F32] = "float32",
                                                   [DTYPE_F64] = "float64",
                                                   [DTYPE_I32] = "int32",
                                                   [DTYPE_BOOL] = "bool_",
                                                   [DTYPE_U8] = "uint8"};
    return types[dtype];
}

/* "(3, 4)" or "(3,)" or "()" */
static void print_shape(Type type, Text *out)
{
    text_printf(out, "(");
    for (unsigned i = 0; i < type.rank; i++)
        text_printf(out, "%s%" PRId64 "%s", i ? ", " : "", type.dims[i], type.rank == 1 ? "," : "");
    text_printf(out, ")");
}

static void print_start(const Interface *interface, const char *origin, Text *out)
{
    text_printf(out,
                "\"\"\"%s. Calls the library of the same name beside it.\n\n"
                "An example that has one axis more than the model says is many examples: the result has this axis, too, and\n"
                "weights are generated once. A value that the model refuses raises ValueError.\n\"\"\"\n"
                "import ctypes\nimport os\n\nimport numpy as np\n\n"
                "_HERE = os.path.dirname(os.path.abspath(__file__))\n"
                "_LIBRARY = ctypes.CDLL(os.path.join(_HERE, \"lib%s.so\"))\n"
                "_PROBLEMS = {%d: \"a condition has a value outside its range, or one that is not finite\",\n"
                "             %d: \"an index lies outside its range\", %d: \"an address is wrong\",\n"
                "             %d: \"a value is none of its column's categories\", %d: \"a number is missing, or too large\"}\n\n",
                origin, interface->file, SERVE_CONDITION, SERVE_INDEX, AOT_POINTER, AOT_CATEGORY, AOT_NUMBER);
    text_printf(out,
                "\ndef _memory(size):\n"
                "    raw = np.empty(size + %d, np.uint8)\n"
                "    start = -raw.ctypes.data %% %d\n"
                "    return raw[start:start + size]\n\n"
                "\ndef _array(value, dtype, shape, name):\n"
                "    array = np.ascontiguousarray(value, dtype)\n"
                "    if array.shape != shape:\n"
                "        raise ValueError(f\"{name} has the shape {array.shape}, but the model takes {shape}\")\n"
                "    return array\n\n"
                "\ndef _call(function, *arguments):\n"
                "    status = function(*(a.ctypes.data_as(ctypes.c_void_p) if isinstance(a, np.ndarray) else a for a in arguments))\n"
                "    if status:\n"
                "        raise ValueError(_PROBLEMS.get(status, f\"status {status}\"))\n\n",
                AOT_ALIGNMENT, AOT_ALIGNMENT);
    if (interface->external)
        text_printf(out,
                    "\n_PARAMETERS = _memory(%" PRId64 ")\n"
                    "_PARAMETERS[:] = np.fromfile(os.path.join(_HERE, \"%s.weights\"), np.uint8)\n\n",
                    plan_state_bytes(interface->plan), interface->file);
}

/* "adult_score_with" is score_with there. */
static const char *python_name(const Interface *interface, const AotFunction *function)
{
    return function->name + strlen(interface->name) + 1;
}

static bool is_given(const Parameter *parameter, AotKind kind)
{
    return parameter->kind == PARAMETER_CONDITION || parameter->kind == PARAMETER_EXAMPLE || parameter->kind == PARAMETER_ROW ||
           (parameter->kind == PARAMETER_WEIGHTS && kind == AOT_WITH);
}

static void print_names(const AotFunction *function, Text *out)
{
    const char *between = "";
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *parameter = &function->parameters.data[i];
        if (!is_given(parameter, function->kind))
            continue;
        text_printf(out, "%s%s%s", between, parameter->name, parameter->kind == PARAMETER_ROW ? "=0" : "");
        between = ", ";
    }
}

static bool has_count(const AotFunction *function)
{
    for (uint32_t i = 0; i < function->parameters.len; i++)
        if (function->parameters.data[i].kind == PARAMETER_COUNT)
            return true;
    return false;
}

/* The shape of an argument or result, of as many examples as there are. */
static void print_shape_of(const AotFunction *function, const Parameter *parameter, Text *out)
{
    bool many = has_count(function) && parameter->kind != PARAMETER_CONDITION;
    if (many)
        text_printf(out, "(() if count is None else (count,)) + ");
    print_shape(parameter->type, out);
}

static void print_checks(const AotFunction *function, Text *out)
{
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *p = &function->parameters.data[i];
        bool number = p->kind == PARAMETER_CONDITION && p->type.rank == 0;
        if (number || p->kind == PARAMETER_ROW)
            text_printf(out, "    %s = ctypes.c_int32(int(%s))\n", p->name, p->name);
        if (number || (p->kind != PARAMETER_CONDITION && p->kind != PARAMETER_EXAMPLE))
            continue;
        text_printf(out, "    %s = _array(%s, np.%s, ", p->name, p->name, numpy_type(p->type.dtype));
        print_shape_of(function, p, out);
        text_printf(out, ", \"%s\")\n", p->name);
    }
}

static void print_call(const AotFunction *function, Text *out)
{
    text_printf(out, "    _call(_LIBRARY.%s", function->name);
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *p = &function->parameters.data[i];
        if (p->kind == PARAMETER_PARAMETERS)
            text_printf(out, ", _PARAMETERS");
        else if (p->kind == PARAMETER_WORKSPACE)
            text_printf(out, ", _memory(%" PRId64 ")", function->workspace);
        else if (p->kind == PARAMETER_COUNT)
            text_printf(out, ", ctypes.c_size_t(1 if count is None else count)");
        else
            text_printf(out, ", %s", p->name);
    }
    text_printf(out, ")\n");
}

static const Parameter *first_example(const AotFunction *function)
{
    for (uint32_t i = 0; i < function->parameters.len; i++)
        if (function->parameters.data[i].kind == PARAMETER_EXAMPLE)
            return &function->parameters.data[i];
    return NULL;
}

/* Where the first argument of an example has one axis more, all such arguments are many. */
static void print_many(const Interface *interface, const AotFunction *function, Text *out)
{
    const Parameter *first = first_example(function);
    const char *name = python_name(interface, function), *between = "", *part = function->generator < 0 ? "" : "_with";
    if (!first)
        return;
    if (has_count(function)) {
        text_printf(out, "    count = len(%s) if np.ndim(%s) == %u else None\n", first->name, first->name, first->type.rank + 1);
        return;
    }
    text_printf(out, "    if np.ndim(%s) == %u:\n", first->name, first->type.rank + 1);
    if (function->kind == AOT_WHOLE && function->generator >= 0) {
        const char *generate = generator_name(interface, function->generator) + strlen(interface->name) + 1;
        text_printf(out, "        weights = %s(", generate);
        for (uint32_t i = 0; i < function->parameters.len; i++)
            if (function->parameters.data[i].kind == PARAMETER_CONDITION) {
                text_printf(out, "%s%s", between, function->parameters.data[i].name);
                between = ", ";
            }
        text_printf(out, ")\n");
    }
    text_printf(out, "        return np.stack([%s%s(", name, function->kind == AOT_WITH ? "" : part);
    between = "";
    if (function->generator >= 0) {
        text_printf(out, "weights");
        between = ", ";
    }
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *p = &function->parameters.data[i];
        if (p->kind == PARAMETER_EXAMPLE)
            text_printf(out, "%s%s[i]", between, p->name);
        else if (p->kind == PARAMETER_ROW)
            text_printf(out, "%srow + i", between);
        else
            continue;
        between = ", ";
    }
    text_printf(out, ") for i in range(len(%s))])\n", first->name);
}

static void print_definition(const Interface *interface, const AotFunction *function, Text *out)
{
    text_printf(out, "\ndef %s(", python_name(interface, function));
    print_names(function, out);
    text_printf(out, "):\n");
    if (function->kind == AOT_GENERATE) {
        print_checks(function, out);
        text_printf(out, "    weights = _memory(%" PRId64 ")\n", interface->service->generators.data[function->generator].bytes);
        print_call(function, out);
        text_printf(out, "    return weights\n\n");
        return;
    }
    print_many(interface, function, out);
    print_checks(function, out);
    for (uint32_t i = 0; i < function->parameters.len; i++)
        if (function->parameters.data[i].kind == PARAMETER_RESULT) {
            text_printf(out, "    result = np.empty(");
            print_shape_of(function, &function->parameters.data[i], out);
            text_printf(out, ", np.%s)\n", numpy_type(function->parameters.data[i].type.dtype));
        }
    print_call(function, out);
    text_printf(out, "    return result\n\n");
}

/* In quotes, as a literal of Python. */
static void print_literal(const char *text, Text *out)
{
    text_printf(out, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        text_printf(out, *c == '"' || *c == '\\' || *c < ' ' ? "\\x%02x" : "%c", *c);
    text_printf(out, "\"");
}

/* The function that encodes rows as the files have them. */
static void print_encoder(const Interface *interface, const RawRow *row, Text *out)
{
    const char *name = row->function + strlen(interface->name) + 1;
    text_printf(out, "\n_%s_COLUMNS = [", name);
    for (uint32_t i = 0; i < row->columns.len; i++) {
        text_printf(out, i ? ",\n    (" : "\n    (");
        print_literal(row->columns.data[i].text, out);
        text_printf(out, ", %s)", row->columns.data[i].number ? "float" : "str");
    }
    text_printf(out,
                "]\n_%s_STRUCTURE = _structure(_%s_COLUMNS)\n\n\ndef %s(row):\n"
                "    \"\"\"A row as the files have it, a dict of values by column; a missing value is None. Many rows: a list.\"\"\"\n"
                "    if not hasattr(row, \"keys\"):\n"
                "        rows = [%s(one) for one in row]\n",
                name, name, name, name);
    if (row->fields.len == 1)
        text_printf(out, "        return np.stack(rows)\n");
    else
        text_printf(out, "        return tuple(np.stack(field) for field in zip(*rows))\n");
    text_printf(out, "    columns = _columns(row, _%s_COLUMNS, _%s_STRUCTURE)\n", name, name);
    for (uint32_t i = 0; i < row->fields.len; i++) {
        text_printf(out, "    %s = np.empty(", row->fields.data[i].name);
        print_shape(row->fields.data[i].type, out);
        text_printf(out, ", np.%s)\n", numpy_type(row->fields.data[i].type.dtype));
    }
    text_printf(out, "    _call(_LIBRARY.%s, columns", row->function);
    for (uint32_t i = 0; i < row->fields.len; i++)
        text_printf(out, ", %s", row->fields.data[i].name);
    text_printf(out, ")\n    return ");
    for (uint32_t i = 0; i < row->fields.len; i++)
        text_printf(out, "%s%s", i ? ", " : "", row->fields.data[i].name);
    text_printf(out, "\n\n");
}

static void print_encoders(const Interface *interface, Text *out)
{
    bool any = false;
    for (uint32_t i = 0; i < interface->service->served.len; i++) {
        RawRow row;
        if (!raw_row_of(interface, i, &row))
            continue;
        if (!any)
            text_printf(out, "\ndef _structure(columns):\n"
                             "    kinds = {float: ctypes.c_double, str: ctypes.c_char_p}\n"
                             "    fields = [(f\"c{i}\", kinds[kind]) for i, (_, kind) in enumerate(columns)]\n"
                             "    return type(\"Columns\", (ctypes.Structure,), {\"_fields_\": fields})\n\n"
                             "\ndef _columns(row, columns, structure):\n"
                             "    values = []\n"
                             "    for name, kind in columns:\n"
                             "        if name not in row:\n"
                             "            raise ValueError(f\"the row has no {name!r}\")\n"
                             "        value = row[name]\n"
                             "        if kind is float:\n"
                             "            values.append(float(\"nan\") if value is None else float(value))\n"
                             "        else:\n"
                             "            values.append(None if value is None else str(value).strip().encode())\n"
                             "    return ctypes.byref(structure(*values))\n\n");
        any = true;
        print_encoder(interface, &row, out);
        raw_row_free(&row);
    }
}

void aot_python(const Interface *interface, const char *origin, Text *out)
{
    print_start(interface, origin, out);
    for (uint32_t i = 0; i < interface->functions.len; i++)
        print_definition(interface, &interface->functions.data[i], out);
    print_encoders(interface, out);
}
