/* What an object says of itself: constants behind NAME_model(), in the structs that the header declares. */
#include <inttypes.h>
#include <string.h>

#include "backend/aot/columns.h"
#include "backend/aot/metadata.h"

typedef struct Writer {
    Emitter *e;
    const Interface *interface;
    LLVMTypeRef tensor, column, export, model;
} Writer;

const char aot_model_types[] =
    "#ifndef HNC_MODEL_TYPES\n"
    "#define HNC_MODEL_TYPES\n"
    "/* An argument, or a result: of one example, whatever the number of examples per call. */\n"
    "typedef struct hnc_tensor {\n"
    "    const char *name;\n"
    "    const char *kind;                /* \"example\", \"result\", or the kind of condition: \"preference\", ... */\n"
    "    const char *type;                /* of an element: \"f32\", \"f64\", \"i32\", \"u8\", \"bool\" */\n"
    "    const char *const *class_names;  /* of what a result is one of, or has an element for each of; NULL: of nothing */\n"
    "    int64_t shape[8];\n"
    "    int32_t rank, classes;\n"
    "} hnc_tensor;\n\n"
    "/* A column of a table, from which NAME_EXPORT_encode makes arguments: a number, or one of its categories. */\n"
    "typedef struct hnc_column {\n"
    "    const char *name;\n"
    "    const char *const *categories; /* NULL: it is a number */\n"
    "    int64_t category_count;\n"
    "} hnc_column;\n\n"
    "typedef struct hnc_export {\n"
    "    const char *name;\n"
    "    const hnc_tensor *arguments; /* in the order of the function's parameters */\n"
    "    const hnc_tensor *result;\n"
    "    int32_t argument_count;\n"
    "    int32_t rows; /* examples per call; 0: any number */\n"
    "    const hnc_column *columns; /* in the order of the members of NAME_EXPORT_columns */\n"
    "    int64_t column_count;      /* 0: there is no NAME_EXPORT_encode */\n"
    "    int64_t workspace_bytes;   /* that the function needs */\n"
    "    int64_t weights_bytes;     /* that conditions generate for it; 0: it takes no conditions */\n"
    "} hnc_export;\n\n"
    "typedef struct hnc_model {\n"
    "    const char *name;\n"
    "    const char *digest;  /* equal for equal losses, weights and settings */\n"
    "    const char *version; /* of hnc */\n"
    "    const hnc_export *exports;\n"
    "    int64_t export_count;\n"
    "    int64_t workspace_bytes, alignment; /* of a workspace for every function; of workspaces and weights */\n"
    "} hnc_model;\n"
    "#endif\n\n";

/* ---- constants ---- */

static LLVMValueRef private_constant(const Writer *w, LLVMValueRef value, const char *name)
{
    LLVMValueRef global = LLVMAddGlobal(w->e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
    return global;
}

static LLVMValueRef text(const Writer *w, const char *value)
{
    return private_constant(w, LLVMConstStringInContext2(w->e->context, value, strlen(value), false), "text");
}

/* What the files call class number k of the field. */
static const char *class_name(Arena *arena, const Model *model, uint32_t number, int64_t k)
{
    const Field *field = &model->module->fields.data[number];
    const Schema *schema = model->datasets.data[field->dataset].schema;
    if (field->names)
        return field->names[k];
    for (uint32_t i = 0, position = 0; schema && i < model->module->fields.len; i++) {
        if (model->module->fields.data[i].dataset != field->dataset)
            continue;
        if (i == number && schema->fields[position].kind == SCHEMA_CLASS)
            return schema->columns[schema->fields[position].column].categories[k];
        position++;
    }
    return arena_printf(arena, "%" PRId64, field->first + k);
}

static LLVMValueRef class_names(const Writer *w, int labels, int64_t *count)
{
    Arena arena = {0};
    *count = 0;
    if (labels < 0)
        return LLVMConstNull(w->e->pointer);
    const Model *model = w->interface->service->model;
    *count = model->module->fields.data[labels].classes;
    LLVMValueRef *names = support_malloc(((size_t)*count + 1) * sizeof *names);
    for (int64_t k = 0; k < *count; k++)
        names[k] = text(w, class_name(&arena, model, (uint32_t)labels, k));
    LLVMValueRef list = private_constant(w, LLVMConstArray2(w->e->pointer, names, (uint64_t)*count), "classes");
    support_free(names);
    arena_free(&arena);
    return list;
}

static LLVMValueRef tensor(const Writer *w, const char *name, const char *kind, Type type, int labels)
{
    const Emitter *e = w->e;
    int64_t classes;
    LLVMValueRef names = class_names(w, labels, &classes), shape[MAX_RANK];
    for (unsigned i = 0; i < MAX_RANK; i++)
        shape[i] = const_i64(e, i < type.rank ? type.dims[i] : 0);
    LLVMValueRef fields[] = {text(w, name),
                             text(w, kind),
                             text(w, dtype_name(type.dtype)),
                             names,
                             LLVMConstArray2(e->i64, shape, MAX_RANK),
                             const_i32(e, type.rank),
                             const_i32(e, classes)};
    return LLVMConstNamedStruct(w->tensor, fields, COUNT_OF(fields));
}

static LLVMValueRef texts(const Writer *w, const char *const *values, uint32_t count)
{
    LLVMValueRef *all = support_malloc((count + 1) * sizeof *all);
    for (uint32_t i = 0; i < count; i++)
        all[i] = text(w, values[i]);
    LLVMValueRef list = private_constant(w, LLVMConstArray2(w->e->pointer, all, count), "texts");
    support_free(all);
    return list;
}

/* The columns of the export with that number, *count of them. */
static LLVMValueRef columns(const Writer *w, uint32_t number, int64_t *count)
{
    RawRow row;
    *count = 0;
    if (!raw_row_of(w->interface, number, &row))
        return LLVMConstNull(w->e->pointer);
    LLVMValueRef *all = support_malloc((row.columns.len + 1) * sizeof *all);
    for (uint32_t i = 0; i < row.columns.len; i++) {
        const RawColumn *column = &row.columns.data[i];
        const SchemaColumn *schema = &row.schema->columns[column->column];
        LLVMValueRef fields[] = {text(w, column->text),
                                 column->number ? LLVMConstNull(w->e->pointer)
                                                : texts(w, schema->categories, schema->category_count),
                                 const_i64(w->e, column->number ? 0 : schema->category_count)};
        all[i] = LLVMConstNamedStruct(w->column, fields, COUNT_OF(fields));
    }
    *count = row.columns.len;
    LLVMValueRef list = private_constant(w, LLVMConstArray2(w->column, all, row.columns.len), "columns");
    support_free(all);
    raw_row_free(&row);
    return list;
}

static int64_t workspace_of(const Interface *interface, uint32_t served)
{
    for (uint32_t i = 0; i < interface->functions.len; i++)
        if (interface->functions.data[i].kind == AOT_WHOLE && interface->functions.data[i].served == (int)served)
            return interface->functions.data[i].workspace;
    return 0;
}

static LLVMValueRef export_record(const Writer *w, uint32_t number)
{
    const Service *service = w->interface->service;
    const Served *served = &service->served.data[number];
    const Export *export = served->export;
    int64_t rows = served->single ? 0 : export->rows ? export->rows : 1;
    int64_t column_count, weights = served->generator < 0 ? 0 : service->generators.data[served->generator].bytes;
    const Module *module = service->model->module;
    LLVMValueRef *arguments = support_malloc((export->argument_count + 1) * sizeof *arguments);
    for (uint32_t i = 0; i < export->argument_count; i++) {
        const ExportArgument *a = &export->arguments[i];
        const char *kind = a->condition < 0 ? "example" : condition_names[module->conditions.data[a->condition].kind];
        arguments[i] = tensor(w, a->name, kind, a->type, -1);
    }
    LLVMValueRef result = tensor(w, export->name, "result", export->result, export->labels);
    LLVMValueRef raw = columns(w, number, &column_count);
    LLVMValueRef fields[] = {text(w, export->name),
                             private_constant(w, LLVMConstArray2(w->tensor, arguments, export->argument_count), "arguments"),
                             private_constant(w, result, "result"),
                             const_i32(w->e, export->argument_count),
                             const_i32(w->e, rows),
                             raw,
                             const_i64(w->e, column_count),
                             const_i64(w->e, workspace_of(w->interface, number)),
                             const_i64(w->e, weights)};
    support_free(arguments);
    return LLVMConstNamedStruct(w->export, fields, COUNT_OF(fields));
}

static LLVMTypeRef record_type(const Emitter *e, const char *name, unsigned n, LLVMTypeRef *fields)
{
    LLVMTypeRef type = LLVMStructCreateNamed(e->context, name);
    LLVMStructSetBody(type, fields, n, false);
    return type;
}

void aot_emit_metadata(Emitter *e, const Interface *interface)
{
    const Service *service = interface->service;
    LLVMTypeRef p = e->pointer, tensor_fields[] = {p, p, p, p, LLVMArrayType2(e->i64, MAX_RANK), e->i32, e->i32},
                column_fields[] = {p, p, e->i64}, export_fields[] = {p, p, p, e->i32, e->i32, p, e->i64, e->i64, e->i64},
                model_fields[] = {p, p, p, p, e->i64, e->i64, e->i64};
    Writer w = {e,
                interface,
                record_type(e, "hnc_tensor", COUNT_OF(tensor_fields), tensor_fields),
                record_type(e, "hnc_column", COUNT_OF(column_fields), column_fields),
                record_type(e, "hnc_export", COUNT_OF(export_fields), export_fields),
                record_type(e, "hnc_model", COUNT_OF(model_fields), model_fields)};
    LLVMValueRef *exports = support_malloc((service->served.len + 1) * sizeof *exports);
    for (uint32_t i = 0; i < service->served.len; i++)
        exports[i] = export_record(&w, i);
    const Model *model = service->model;
    LLVMValueRef fields[] = {text(&w, model->name),
                             text(&w, model->digest ? model->digest : ""),
                             text(&w, interface->version),
                             private_constant(&w, LLVMConstArray2(w.export, exports, service->served.len), "exports"),
                             const_i64(e, service->served.len),
                             const_i64(e, largest_workspace(interface)),
                             const_i64(e, AOT_ALIGNMENT)};
    LLVMValueRef record = private_constant(&w, LLVMConstNamedStruct(w.model, fields, COUNT_OF(fields)), "model");
    support_free(exports);
    const char *name = arena_printf((Arena *)&interface->arena, "%s_model", interface->name);
    LLVMValueRef function = LLVMAddFunction(e->module, name, LLVMFunctionType(p, NULL, 0, false));
    add_attribute(e, function, "nounwind");
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, function, "entry"));
    LLVMBuildRet(e->builder, record);
}
