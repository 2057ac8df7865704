#include "backend/aot/columns.h"

#include <ctype.h>
#include <string.h>

#include "tabular/schema.h"

/* ---- which columns ---- */

static const double *encoder_numbers(const Module *module, const Field *field, const char *what)
{
    Arena arena = {0};
    int64_t state = find_state(module, arena_printf(&arena, "%s/%s", field->name, what));
    arena_free(&arena);
    return state < 0 ? NULL : module->states.data[state].literal;
}

/* A member of a struct: letters, digits and '_', and no two alike. */
static const char *member_name(const Interface *interface, const RawRow *row, const char *text)
{
    Arena *arena = (Arena *)&interface->arena;
    char *name = arena_printf(arena, "%s%s", isalpha((unsigned char)*text) ? "" : "_", text);
    VEC(const char *) others = {0};
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    for (uint32_t i = 0; i < row->columns.len; i++)
        vec_push(&others, row->columns.data[i].name);
    const char *unique = parameter_name(arena, name, others.len, others.data);
    vec_free(&others);
    return unique;
}

/* A parameter of the encoder. */
static const char *field_name(const Interface *interface, const RawRow *row, const Field *field)
{
    VEC(const char *) others = {0};
    for (uint32_t i = 0; i < row->fields.len; i++)
        vec_push(&others, row->fields.data[i].name);
    const char *name = parameter_name((Arena *)&interface->arena, strchr(field->name, '.') + 1, others.len, others.data);
    vec_free(&others);
    return name;
}

static void need_column(const Interface *interface, RawRow *row, uint32_t column, bool number)
{
    for (uint32_t i = 0; i < row->columns.len; i++)
        if (row->columns.data[i].column == column && row->columns.data[i].number == number)
            return;
    const char *text = row->schema->columns[column].name;
    RawColumn added = {member_name(interface, row, text), text, column, number};
    vec_push(&row->columns, added);
}

static bool add_field(const Interface *interface, RawRow *row, const Field *field, const SchemaField *made)
{
    const Module *module = interface->service->model->module;
    if (made->kind == SCHEMA_CONDITION || made->kind == SCHEMA_INDEX)
        return false;
    if (made->kind == SCHEMA_CLASS)
        need_column(interface, row, made->column, false);
    for (uint32_t p = 0; p < made->part_count; p++)
        for (uint32_t k = 0; k < made->parts[p].column_count; k++)
            need_column(interface, row, made->parts[p].columns[k], made->parts[p].kind != PART_ONEHOT);
    RawField added = {.name = field_name(interface, row, field),
                      .field = made,
                      .type = field->type,
                      .mean = encoder_numbers(module, field, "mean"),
                      .scale = encoder_numbers(module, field, "scale"),
                      .fill = encoder_numbers(module, field, "fill")};
    vec_push(&row->fields, added);
    return true;
}

/* The data set whose table the export's arguments come from; -1: none. A family of another one's rows has its table. */
static int table_of(const Model *model, const Export *export)
{
    const Family *family = export->dataset < 0 ? NULL : model->datasets.data[export->dataset].family;
    return family && family->base >= 0 ? family->base : export->dataset;
}

/* Whether the export's data set is a family that has made another field of this one. One of parts by a field leaves it as it is. */
static bool is_made(const Model *model, const Export *export, const Field *field)
{
    const Family *family = model->datasets.data[export->dataset].family;
    return family && family->kind != FAMILY_BY && family->field >= 0 && &model->module->fields.data[family->field] == field;
}

static bool add_fields(const Interface *interface, const Export *export, int table, RawRow *row)
{
    const Model *model = interface->service->model;
    row->schema = table < 0 ? NULL : model->datasets.data[table].schema;
    for (uint32_t i = 0; row->schema && i < export->argument_count; i++) {
        uint32_t position;
        if (export->arguments[i].condition >= 0)
            continue;
        const Field *field = field_of_argument(model, (uint32_t)table, &export->arguments[i], &position);
        if (!field || is_made(model, export, field) || !add_field(interface, row, field, &row->schema->fields[position]))
            return false;
    }
    return row->schema != NULL;
}

bool raw_row_of(const Interface *interface, uint32_t served, RawRow *row)
{
    const Export *export = interface->service->served.data[served].export;
    Arena *arena = (Arena *)&interface->arena;
    *row = (RawRow){.type = arena_printf(arena, "%s_%s_columns", interface->name, export->name),
                    .function = arena_printf(arena, "%s_%s_encode", interface->name, export->name)};
    if (add_fields(interface, export, table_of(interface->service->model, export), row))
        return true;
    raw_row_free(row);
    return false;
}

void raw_row_free(RawRow *row)
{
    vec_free(&row->columns);
    vec_free(&row->fields);
}

/* ---- code ---- */

typedef struct Encoding {
    Emitter *e;
    const RawRow *row;
    LLVMValueRef *values; /* per column: a double, or the code of a category */
} Encoding;

static LLVMBasicBlockRef block(Emitter *e)
{
    return LLVMAppendBasicBlockInContext(e->context, e->function, "");
}

/* Returns the status unless the condition holds. */
static void require(Encoding *n, LLVMValueRef condition, int status)
{
    LLVMBasicBlockRef failed = block(n->e), next = block(n->e);
    LLVMBuildCondBr(n->e->builder, condition, next, failed);
    LLVMPositionBuilderAtEnd(n->e->builder, failed);
    LLVMBuildRet(n->e->builder, const_i32(n->e, status));
    LLVMPositionBuilderAtEnd(n->e->builder, next);
}

static LLVMValueRef byte_at(Emitter *e, LLVMValueRef text, LLVMValueRef index)
{
    return LLVMBuildLoad2(e->builder, e->i8, LLVMBuildGEP2(e->builder, e->i8, text, &index, 1, ""), "");
}

/* hn_category(text, names, count): which of the names the text is; -1: none. */
static LLVMValueRef category_function(Emitter *e)
{
    static const char name[] = "hn_category";
    LLVMValueRef found = LLVMGetNamedFunction(e->module, name), own = e->function;
    if (found)
        return found;
    LLVMBasicBlockRef place = LLVMGetInsertBlock(e->builder);
    LLVMTypeRef types[] = {e->pointer, e->pointer, e->i64};
    e->function = LLVMAddFunction(e->module, name, LLVMFunctionType(e->i32, types, 3, false));
    LLVMSetLinkage(e->function, LLVMInternalLinkage);
    add_attribute(e, e->function, "nounwind");
    LLVMValueRef text = LLVMGetParam(e->function, 0), names = LLVMGetParam(e->function, 1), count = LLVMGetParam(e->function, 2);
    LLVMBasicBlockRef entry = block(e), each = block(e), next = block(e), compare = block(e), equal = block(e), here = block(e),
                      none = block(e);
    LLVMPositionBuilderAtEnd(e->builder, entry);
    LLVMBuildBr(e->builder, each);
    LLVMPositionBuilderAtEnd(e->builder, each);
    LLVMValueRef i = LLVMBuildPhi(e->builder, e->i64, "");
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntSLT, i, count, ""), next, none);
    LLVMPositionBuilderAtEnd(e->builder, next);
    LLVMValueRef candidate = LLVMBuildLoad2(e->builder, e->pointer, LLVMBuildGEP2(e->builder, e->pointer, names, &i, 1, ""), "");
    LLVMBuildBr(e->builder, compare);
    LLVMPositionBuilderAtEnd(e->builder, compare);
    LLVMValueRef at = LLVMBuildPhi(e->builder, e->i64, ""), a = byte_at(e, text, at), b = byte_at(e, candidate, at);
    LLVMValueRef after = LLVMBuildAdd(e->builder, i, const_i64(e, 1), "");
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntEQ, a, b, ""), equal, each);
    LLVMPositionBuilderAtEnd(e->builder, equal);
    LLVMValueRef further = LLVMBuildAdd(e->builder, at, const_i64(e, 1), "");
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntEQ, a, LLVMConstNull(e->i8), ""), here, compare);
    LLVMPositionBuilderAtEnd(e->builder, here);
    LLVMBuildRet(e->builder, LLVMBuildTrunc(e->builder, i, e->i32, ""));
    LLVMPositionBuilderAtEnd(e->builder, none);
    LLVMBuildRet(e->builder, const_i32(e, -1));
    LLVMValueRef firsts[] = {const_i64(e, 0), after}, starts[] = {const_i64(e, 0), further};
    LLVMAddIncoming(i, firsts, (LLVMBasicBlockRef[]){entry, compare}, 2);
    LLVMAddIncoming(at, starts, (LLVMBasicBlockRef[]){next, equal}, 2);
    found = e->function;
    e->function = own;
    LLVMPositionBuilderAtEnd(e->builder, place);
    return found;
}

static LLVMValueRef constant_global(Emitter *e, LLVMValueRef value, const char *name)
{
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    return global;
}

/* Which of the texts the text is, by hn_category. */
static LLVMValueRef find_text(Emitter *e, LLVMValueRef text, const char *const *texts, uint32_t count)
{
    LLVMValueRef *addresses = support_malloc((count + 1) * sizeof *addresses);
    for (uint32_t i = 0; i < count; i++)
        addresses[i] = constant_global(e, LLVMConstStringInContext2(e->context, texts[i], strlen(texts[i]), false), "category");
    LLVMValueRef list = constant_global(e, LLVMConstArray2(e->pointer, addresses, count), "categories");
    support_free(addresses);
    LLVMValueRef function = category_function(e), args[] = {text, list, const_i64(e, count)};
    return LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, args, 3, "");
}

/* Its code; -1 for none of the categories, NO_CODE for a missing value that the schema does not allow. */
static LLVMValueRef look_up_category(Encoding *n, const SchemaColumn *column, LLVMValueRef text)
{
    Emitter *e = n->e;
    const Schema *schema = n->row->schema;
    LLVMValueRef missing = const_i32(e, schema_missing_code(schema, column));
    LLVMBasicBlockRef start = LLVMGetInsertBlock(e->builder), look = block(e), search = block(e), done = block(e);
    LLVMBuildCondBr(e->builder, LLVMBuildIsNull(e->builder, text, ""), done, look);
    LLVMPositionBuilderAtEnd(e->builder, look);
    LLVMValueRef empty = LLVMBuildIsNull(e->builder, byte_at(e, text, const_i64(e, 0)), "");
    LLVMBuildCondBr(e->builder, empty, done, search);
    LLVMPositionBuilderAtEnd(e->builder, search);
    LLVMValueRef marker = find_text(e, text, schema->markers, schema->marker_count);
    LLVMValueRef category = find_text(e, text, column->categories, column->category_count);
    LLVMValueRef marked = LLVMBuildICmp(e->builder, LLVMIntSGE, marker, const_i32(e, 0), "");
    LLVMValueRef found = LLVMBuildSelect(e->builder, marked, missing, category, "");
    LLVMBuildBr(e->builder, done);
    LLVMPositionBuilderAtEnd(e->builder, done);
    LLVMValueRef result = LLVMBuildPhi(e->builder, e->i32, ""), results[] = {missing, missing, found};
    LLVMAddIncoming(result, results, (LLVMBasicBlockRef[]){start, look, search}, 3);
    return result;
}

/* What is none of the categories is what the schema's `unknown` says. */
static LLVMValueRef read_category(Encoding *n, const SchemaColumn *column, LLVMValueRef text)
{
    Emitter *e = n->e;
    const Schema *schema = n->row->schema;
    LLVMValueRef code = look_up_category(n, column, text);
    LLVMValueRef known = LLVMBuildICmp(e->builder, LLVMIntSGE, code, const_i32(e, 0), "");
    int32_t other = schema_unknown_code(schema, column);
    if (other == NO_CODE) {
        require(n, known, AOT_CATEGORY);
        return code;
    }
    require(n, LLVMBuildICmp(e->builder, LLVMIntNE, code, const_i32(e, NO_CODE), ""), AOT_CATEGORY);
    return LLVMBuildSelect(e->builder, known, code, const_i32(e, other), "");
}

static LLVMValueRef value_of_column(const Encoding *n, uint32_t column, bool number)
{
    for (uint32_t i = 0; i < n->row->columns.len; i++)
        if (n->row->columns.data[i].column == column && n->row->columns.data[i].number == number)
            return n->values[i];
    return NULL;
}

static LLVMValueRef constant_double(const Emitter *e, double value)
{
    return LLVMConstReal(LLVMDoubleTypeInContext(e->context), value);
}

/* Whether the number is there: it is none that stands for a missing value. */
static LLVMValueRef is_there(const Encoding *n, const SchemaColumn *column, LLVMValueRef value)
{
    const Schema *schema = n->row->schema;
    LLVMValueRef there = LLVMBuildFCmp(n->e->builder, LLVMRealORD, value, value, "");
    for (uint32_t i = 0; i < schema->marker_count && !column->time; i++) { /* files hold no times as numbers */
        double marker;
        if (!marker_number(&schema->dialect, schema->markers[i], &marker))
            continue;
        LLVMValueRef other = LLVMBuildFCmp(n->e->builder, LLVMRealONE, value, constant_double(n->e, marker), "");
        there = LLVMBuildAnd(n->e->builder, there, other, "");
    }
    return there;
}

/* Number `i` of the field's, encoded. */
static LLVMValueRef encode_number(Encoding *n, const RawField *field, uint32_t column, uint32_t i)
{
    Emitter *e = n->e;
    LLVMValueRef value = value_of_column(n, column, true), there = is_there(n, &n->row->schema->columns[column], value);
    if (field->fill)
        value = LLVMBuildSelect(e->builder, there, value, constant_double(e, field->fill[i]), "");
    else
        require(n, there, AOT_NUMBER);
    if (field->mean) {
        value = LLVMBuildFSub(e->builder, value, constant_double(e, field->mean[i]), "");
        value = LLVMBuildFDiv(e->builder, value, constant_double(e, field->scale[i]), "");
    }
    if (field->type.dtype == DTYPE_F32)
        value = LLVMBuildFPTrunc(e->builder, value, LLVMFloatTypeInContext(e->context), "");
    LLVMValueRef nothing = LLVMBuildFSub(e->builder, value, value, ""); /* NaN of infinities */
    require(n, LLVMBuildFCmp(e->builder, LLVMRealOEQ, nothing, LLVMConstNull(LLVMTypeOf(nothing)), ""), AOT_NUMBER);
    return value;
}

static void encode_onehot(Encoding *n, const RawField *field, LLVMValueRef code, uint32_t count, LLVMValueRef out)
{
    Emitter *e = n->e;
    DType dtype = field->type.dtype;
    Counter c = loop_begin(e, const_i64(e, 0), const_i64(e, count), 1);
    LLVMValueRef is = LLVMBuildICmp(e->builder, LLVMIntEQ, LLVMBuildTrunc(e->builder, c.index, e->i32, ""), code, "");
    LLVMValueRef number = LLVMBuildSelect(e->builder, is, emit_number(e, dtype, 1, 0), emit_number(e, dtype, 0, 0), "");
    store_scalar(e, dtype, number, emit_advance(e, dtype, out, c.index));
    loop_end(e, &c);
}

static void encode_field_of(Encoding *n, const RawField *field, LLVMValueRef out)
{
    Emitter *e = n->e;
    const SchemaField *made = field->field;
    uint32_t numbers = 0;
    int64_t at = 0;
    if (made->kind == SCHEMA_CLASS) {
        LLVMValueRef code = value_of_column(n, made->column, false);
        require(n, LLVMBuildICmp(e->builder, LLVMIntSGE, code, const_i32(e, 0), ""), AOT_CATEGORY);
        store_scalar(e, DTYPE_I32, code, out);
        return;
    }
    for (uint32_t p = 0; p < made->part_count; p++)
        for (uint32_t k = 0; k < made->parts[p].column_count; k++) {
            uint32_t column = made->parts[p].columns[k], count = n->row->schema->columns[column].category_count;
            LLVMValueRef place = advance_const(e, field->type.dtype, out, at);
            if (made->parts[p].kind == PART_ONEHOT) {
                encode_onehot(n, field, value_of_column(n, column, false), count, place);
                at += count;
                continue;
            }
            LLVMValueRef value = encode_number(n, field, column, numbers++);
            store_scalar(e, field->type.dtype, value, place);
            at++;
        }
}

static LLVMTypeRef columns_type(Emitter *e, const RawRow *row)
{
    LLVMTypeRef *members = support_malloc((row->columns.len + 1) * sizeof *members);
    for (uint32_t i = 0; i < row->columns.len; i++)
        members[i] = row->columns.data[i].number ? LLVMDoubleTypeInContext(e->context) : e->pointer;
    LLVMTypeRef type = LLVMStructTypeInContext(e->context, members, row->columns.len, false);
    support_free(members);
    return type;
}

static void emit_encoder(Emitter *e, const RawRow *row)
{
    Encoding n = {e, row, support_malloc((row->columns.len + 1) * sizeof(LLVMValueRef))};
    LLVMTypeRef type = columns_type(e, row), *types = support_malloc((row->fields.len + 1) * sizeof *types);
    for (uint32_t i = 0; i <= row->fields.len; i++)
        types[i] = e->pointer;
    e->function = LLVMAddFunction(e->module, row->function, LLVMFunctionType(e->i32, types, row->fields.len + 1, false));
    begin_code(e);
    for (uint32_t i = 0; i <= row->fields.len; i++)
        require(&n, LLVMBuildIsNotNull(e->builder, LLVMGetParam(e->function, i), ""), AOT_POINTER);
    for (uint32_t i = 0; i < row->columns.len; i++) {
        const RawColumn *column = &row->columns.data[i];
        LLVMValueRef place = LLVMBuildStructGEP2(e->builder, type, LLVMGetParam(e->function, 0), i, "");
        LLVMTypeRef member = column->number ? LLVMDoubleTypeInContext(e->context) : e->pointer;
        LLVMValueRef value = LLVMBuildLoad2(e->builder, member, place, "");
        n.values[i] = column->number ? value : read_category(&n, &row->schema->columns[column->column], value);
    }
    for (uint32_t i = 0; i < row->fields.len; i++)
        encode_field_of(&n, &row->fields.data[i], LLVMGetParam(e->function, i + 1));
    LLVMBuildRet(e->builder, const_i32(e, SERVE_FINE));
    support_free(types);
    support_free(n.values);
}

void aot_emit_encoders(Emitter *e, const Interface *interface)
{
    for (uint32_t i = 0; i < interface->service->served.len; i++) {
        RawRow row;
        if (!raw_row_of(interface, i, &row))
            continue;
        emit_encoder(e, &row);
        raw_row_free(&row);
    }
}
