/* Data sets of CSV files: from the expressions of their fields to a schema (tabular/schema.h). The files tell how
 * wide a field is (table_columns.c). */
#include "frontend/declare/table.h"

/* The schema's entry for a column of the table, made at its first use. */
static uint32_t use_column(TableLowering *l, int64_t column, Use use)
{
    if (l->table->columns[column].twice) {
        fail(l->s, use.span, "two columns of '%s' are named '%s'", l->symbol->decl->name.text, l->table->columns[column].name);
        add_help(l->s, "give one of them another name in the header, or leave both out: 'drop %s'",
                 l->table->columns[column].name);
    }
    if (!l->places[column]) {
        const char *name = l->table->columns[column].name;
        vec_push(&l->columns, (SchemaColumn){.name = arena_copy(&l->s->module->arena, name)});
        l->places[column] = l->columns.len;
    }
    use.column = l->places[column] - 1;
    SchemaColumn *made = &l->columns.data[use.column];
    bool same_time = !made->time == !use.time && (!use.time || !strcmp(made->time, use.time));
    if (use.kind == AS_NUMBER && made->number && !same_time)
        fail(l->s, use.span, "the column '%s' is read as a number in two ways", made->name);
    if (use.kind == AS_NUMBER)
        made->time = use.time;
    made->number |= use.kind == AS_NUMBER;
    made->label |= use.kind == AS_LABEL;
    vec_push(&l->uses, use);
    return use.column;
}

/* ---- wildcards ---- */

static bool is_comparison(Operator operator)
{
    return operator>= OPERATOR_EQ && operator<= OPERATOR_GE;
}

/* What a column may be compared with. */
static bool is_constant(const Expr *expr)
{
    bool negative = expr->kind == EXPR_UNARY && expr->operator== OPERATOR_NEGATE;
    return expr->kind == EXPR_STRING || (negative ? expr->left : expr)->kind == EXPR_NUMBER;
}

static bool is_wildcard(const Expr *expr)
{
    return expr->kind == EXPR_NAME && (!strcmp(expr->name.text, "numeric") || !strcmp(expr->name.text, "categorical"));
}

/* Columns that fields use by their names are no part of `numeric` and `categorical`. */
static void mark_named(TableLowering *l, const Expr *expr)
{
    Columns columns = {0};
    if (is_range(expr)) {
        if (find_columns(l, expr, &columns))
            for (uint32_t i = 0; i < columns.len; i++)
                l->named[columns.data[i]] = true;
        vec_free(&columns);
        return;
    }
    const char *name = column_name(l->s, expr);
    int64_t column = name ? table_column(l->table, name) : -1;
    if (column >= 0 && !is_wildcard(expr))
        l->named[column] = true;
    if (name)
        return;
    for (const Arg *arg = expr->args.first; arg; arg = arg->next)
        if (arg->value)
            mark_named(l, arg->value);
    bool comparison = expr->kind == EXPR_BINARY && is_comparison(expr->operator);
    if (comparison) {
        mark_named(l, is_constant(expr->right) ? expr->left : expr->right);
        return;
    }
    if (expr->kind == EXPR_BINARY || expr->kind == EXPR_UNARY)
        mark_named(l, expr->left);
    if (expr->kind == EXPR_BINARY)
        mark_named(l, expr->right);
}

/* ---- vectors ---- */

static void add_wildcard(TableLowering *l, const Expr *expr, Use use, Columns *columns)
{
    use.wildcard = true;
    bool numeric = strcmp(expr->name.text, "numeric") == 0;
    uint32_t before = columns->len;
    for (uint32_t i = 0; i < l->table->column_count; i++)
        if (!l->named[i] && !l->dropped[i] && (l->table->columns[i].twice || table_is_numeric(l->table, i) == numeric))
            vec_push(columns, use_column(l, i, use));
    if (columns->len == before) {
        fail(l->s, expr->span, "no column of '%s' is left that is %s", l->symbol->decl->name.text,
             numeric ? "numeric" : "not numeric");
        add_help(l->s, "columns that are dropped, or used by name in a field, do not count");
    }
}

/* time(column) or time(column, "format"): its column as an expression and its format into the use; otherwise the expression as it
 * is. NULL: neither (reported). */
static const Expr *column_of_time(TableLowering *l, const Expr *expr, Use *use)
{
    Session *s = l->s;
    if (expr->kind != EXPR_CALL || strcmp(head_name(expr), "time") != 0)
        return expr;
    const Arg *column = expr->args.first, *format = column ? column->next : NULL;
    bool values = column && column->kind == ARG_VALUE && !column->label.text && !column->condition;
    if (format)
        values =
            values && format->kind == ARG_VALUE && !format->label.text && !format->next && format->value->kind == EXPR_STRING;
    if (!values || use->kind != AS_NUMBER) {
        fail(s, expr->span,
             values ? "a time is a number: onehot takes columns alone"
                    : "'time' takes a column and perhaps its format, as in 'time(day, \"%%d/%%m/%%Y\")'");
        return NULL;
    }
    char fault[TIME_HINT];
    use->time = format ? arena_copy(&s->module->arena, format->value->name.text) : "";
    if (time_format_fault(use->time, fault)) {
        fail(s, format->span, "%s", fault);
        return NULL;
    }
    return column->value;
}

/* Appends what an argument of a part names. */
static void add_columns(TableLowering *l, const Expr *expr, Use use, Columns *columns)
{
    Columns found = {0};
    const Expr *named = column_of_time(l, expr, &use);
    if (named && is_wildcard(named))
        add_wildcard(l, named, use, columns);
    else if (named && find_columns(l, named, &found))
        for (uint32_t i = 0; i < found.len; i++)
            vec_push(columns, use_column(l, found.data[i], use));
    vec_free(&found);
}

static SchemaPart part_of_call(TableLowering *l, const Expr *call)
{
    Session *s = l->s;
    SchemaPart part = {0};
    const char *name = head_name(call);
    int kind = choose_word(s, WORDS(part_kind_names), name, call->left->span, "'%s' makes no part of a vector",
                           span_text(&s->file->arena, call->left->span));
    if (kind < 0)
        return part;
    part.kind = (PartKind)kind;
    Columns columns = {0};
    for (const Arg *arg = call->args.first; arg; arg = arg->next) {
        Use use = {
            .span = arg->span, .kind = part.kind == PART_ONEHOT ? AS_CATEGORY : AS_NUMBER, .plain = part.kind == PART_NUMBERS};
        if (arg->kind != ARG_VALUE || arg->label.text || arg->condition)
            fail(s, arg->span, "'%s' takes names of columns", name);
        else
            add_columns(l, arg->value, use, &columns);
    }
    if (call->args.count == 0)
        fail(s, call->span, "'%s' takes at least one column", name);
    part.columns = KEEP(&s->module->arena, columns);
    part.column_count = columns.len;
    vec_free(&columns);
    return part;
}

/* The column that an expression names, used as a number; or -1 (reported). */
static int64_t use_number(TableLowering *l, const Expr *expr, Use use)
{
    const Expr *named = column_of_time(l, expr, &use);
    int64_t column = named ? find_column(l, named) : -1;
    return column < 0 ? -1 : (int64_t)use_column(l, column, use);
}

static bool is_part(const Expr *expr)
{
    return expr->kind == EXPR_CALL && strcmp(head_name(expr), "time") != 0;
}

static SchemaPart part_of_column(TableLowering *l, const Expr *expr)
{
    SchemaPart part = {.kind = PART_NUMBERS};
    int64_t column = use_number(l, expr, (Use){.span = expr->span, .kind = AS_NUMBER, .plain = true});
    if (column >= 0) {
        part.columns = arena_alloc(&l->s->module->arena, sizeof *part.columns);
        part.columns[part.column_count++] = (uint32_t)column;
    }
    return part;
}

typedef VEC(SchemaPart) Parts;

static void add_parts(TableLowering *l, const Expr *expr, Parts *parts)
{
    if (expr->kind == EXPR_BINARY && expr->operator== OPERATOR_JOIN) {
        add_parts(l, expr->left, parts);
        add_parts(l, expr->right, parts);
    } else {
        vec_push(parts, is_part(expr) ? part_of_call(l, expr) : part_of_column(l, expr));
    }
}

static SchemaField vector_field(TableLowering *l, const Expr *expr)
{
    Parts parts = {0};
    add_parts(l, expr, &parts);
    bool lone = parts.len == 1 && !is_part(expr);
    SchemaField field = {
        .kind = lone ? SCHEMA_NUMBER : SCHEMA_VECTOR, .parts = KEEP(&l->s->module->arena, parts), .part_count = parts.len};
    vec_free(&parts);
    return field;
}

static SchemaField class_field(TableLowering *l, const Expr *call)
{
    SchemaField field = {.kind = SCHEMA_CLASS};
    const Arg *arg = call->args.first;
    if (call->args.count != 1 || arg->kind != ARG_VALUE || arg->label.text || arg->condition) {
        fail(l->s, call->span, "'class' takes one column");
        return field;
    }
    int64_t column = find_column(l, arg->value);
    if (column >= 0)
        field.column = use_column(l, column, (Use){.span = arg->span, .kind = AS_LABEL});
    return field;
}

/* ---- conditions ---- */

/* ORDER Operator, from OPERATOR_EQ */
static const TestKind comparisons[] = {TEST_EQ, TEST_NE, TEST_LT, TEST_LE, TEST_GT, TEST_GE};

static bool is_condition(const Expr *expr)
{
    if (expr->kind == EXPR_UNARY)
        return expr->operator== OPERATOR_NOT;
    return expr->kind == EXPR_BINARY &&
           (expr->operator== OPERATOR_AND || expr->operator== OPERATOR_OR || is_comparison(expr->operator));
}

typedef VEC(SchemaTest) Tests;

static void add_comparison(TableLowering *l, const Expr *expr, Tests *tests)
{
    static const TestKind mirrored[] = {TEST_EQ, TEST_NE, TEST_GT, TEST_GE, TEST_LT, TEST_LE};
    Session *s = l->s;
    const Expr *name = expr->left, *value = expr->right;
    TestKind kind = comparisons[expr->operator- OPERATOR_EQ];
    if (!is_constant(value)) {
        name = expr->right;
        value = expr->left;
        kind = mirrored[kind];
    }
    if (!is_constant(value)) {
        fail(s, expr->span, "a column is compared with a number or a string");
        return;
    }
    if (value->kind == EXPR_STRING && kind != TEST_EQ && kind != TEST_NE) {
        fail(s, expr->span, "texts have no order: '%s' compares numbers", operator_text[expr->operator]);
        return;
    }
    Use use = {.span = name->span, .kind = AS_NUMBER};
    SchemaTest test = {.kind = kind};
    int64_t column;
    if (value->kind == EXPR_STRING) {
        column = find_column(l, name);
        test.text = arena_copy(&s->module->arena, value->name.text);
        if (column >= 0)
            column = use_column(l, column, (Use){.span = value->span, .kind = AS_TEXT, .text = value->name.text});
    } else {
        column = use_number(l, name, use);
        test.number = value->kind == EXPR_NUMBER ? value->number : -value->left->number;
    }
    if (column < 0)
        return;
    test.column = (uint32_t)column;
    vec_push(tests, test);
}

static void add_tests(TableLowering *l, const Expr *expr, Tests *tests)
{
    if (!is_condition(expr)) {
        fail(l->s, expr->span, "a comparison of a column is expected here, as in 'age > 60'");
    } else if (expr->kind == EXPR_UNARY) {
        add_tests(l, expr->left, tests);
        vec_push(tests, (SchemaTest){.kind = TEST_NOT});
    } else if (is_comparison(expr->operator)) {
        add_comparison(l, expr, tests);
    } else {
        add_tests(l, expr->left, tests);
        add_tests(l, expr->right, tests);
        vec_push(tests, (SchemaTest){.kind = expr->operator== OPERATOR_AND ? TEST_AND : TEST_OR});
    }
}

static SchemaField condition_field(TableLowering *l, const Expr *expr)
{
    Tests tests = {0};
    add_tests(l, expr, &tests);
    SchemaField field = {.kind = SCHEMA_CONDITION, .tests = KEEP(&l->s->module->arena, tests), .test_count = tests.len};
    vec_free(&tests);
    return field;
}

static void lower_field(TableLowering *l, const DataItem *item)
{
    const Expr *value = item->value;
    bool is_class = value->kind == EXPR_CALL && strcmp(head_name(value), "class") == 0;
    bool is_index = value->kind == EXPR_NAME && strcmp(value->name.text, "index") == 0 && table_column(l->table, "index") < 0;
    vec_push(&l->fields, is_index              ? (SchemaField){.kind = SCHEMA_INDEX}
                         : is_class            ? class_field(l, value)
                         : is_condition(value) ? condition_field(l, value)
                                               : vector_field(l, value));
    vec_push(&l->items, item);
}

/* ---- fields and states ---- */

static void add_state(Session *s, const Field *field, const char *what, int64_t count)
{
    const char *name = arena_printf(&s->module->arena, "%s/%s", field->name, what);
    module_state(s->module, name, type_of(DTYPE_F64, 1, &count), STATE_ENCODER); /* real numbers of any model: tabular/encode.h */
}

/* What a field is follows from its columns; a type that the model writes must be that. */
static bool check_written_type(Session *s, const DataItem *item, const Field *field)
{
    Type type;
    int64_t classes;
    if (!item->type || field->index)
        return true;
    if (!make_type(s, item->type, &type, &classes))
        return false;
    if (type_equal(type, field->type) && classes == field->classes)
        return true;
    const char *text =
        field->classes ? arena_printf(&s->file->arena, "class[%lld]", (long long)field->classes) : type_text(field->type);
    fail(s, item->type->span, "the field '%s' of a table is %s, as its columns are", item->name.text, text);
    add_help(s, "write no type, or this one");
    return false;
}

static void add_field(TableLowering *l, const DataItem *item, const SchemaField *made)
{
    Session *s = l->s;
    Field field = {.dataset = l->symbol->index};
    int64_t width = schema_width(l->schema, made), classes = 0;
    switch (made->kind) {
    case SCHEMA_VECTOR:
        field.type = type_of(s->module->real, 1, &width);
        break;
    case SCHEMA_NUMBER:
        field.type = type_scalar(s->module->real);
        break;
    case SCHEMA_CLASS:
        field.type = type_scalar(DTYPE_I32);
        classes = l->schema->columns[made->column].category_count;
        break;
    case SCHEMA_INDEX:
        field.type = type_scalar(DTYPE_I32);
        field.index = true;
        classes = ANY_CLASSES; /* completed with those of other formats: data.c */
        break;
    case SCHEMA_CONDITION:
        field.type = type_scalar(DTYPE_BOOL);
        break;
    }
    field.name = arena_printf(&s->module->arena, "%s.%s", l->symbol->decl->name.text, item->name.text);
    field.classes = classes;
    if (!check_type(s, field.type, item->span) || !check_written_type(s, item, &field))
        return;
    vec_push(&s->module->fields, field);
    bool scaled;
    int64_t numbers = schema_numbers(made, &scaled), fills = schema_fills(l->schema, made);
    if (scaled) {
        add_state(s, &field, "mean", numbers);
        add_state(s, &field, "scale", numbers);
    }
    if (fills)
        add_state(s, &field, "fill", fills);
}

static bool named_before(const TableLowering *l, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(l->items.data[i]->name.text, l->items.data[index]->name.text) == 0)
            return true;
    return false;
}

static void lower_items(TableLowering *l)
{
    const Decl *decl = l->symbol->decl;
    unsigned errors = l->s->file->diags->errors;
    read_table_settings(l, true);
    for (const DataItem *item = decl->items.first; item; item = item->next)
        if (item->kind == DATA_COMPUTED_FIELD)
            mark_named(l, item->value);
    if (l->s->file->diags->errors != errors)
        return;
    for (const DataItem *item = decl->items.first; item; item = item->next)
        if (item->kind == DATA_COMPUTED_FIELD)
            lower_field(l, item);
    l->schema->fields = KEEP(&l->s->module->arena, l->fields);
    l->schema->field_count = l->fields.len;
    for (uint32_t i = 0; i < l->items.len; i++)
        if (named_before(l, i))
            fail(l->s, l->items.data[i]->name.span, "the field '%s' is declared twice", l->items.data[i]->name.text);
    if (l->s->file->diags->errors != errors || l->fields.len == 0 || !read_columns(l))
        return;
    for (uint32_t i = 0; i < l->fields.len; i++)
        add_field(l, l->items.data[i], &l->fields.data[i]);
}

/* The main rows of each member, then its test rows. */
static const int64_t *count_members(const TableLowering *l, const Dataset *data)
{
    uint32_t members = (uint32_t)data->family->count;
    int64_t *rows = ARENA_ARRAY(&l->s->module->arena, int64_t, 2 * members);
    const int64_t *first = l->table->first_rows;
    for (uint32_t m = 0; m < 2 * members; m++) {
        uint32_t files = (m < members ? data->files.len : data->test_files.len) / members;
        rows[m] = first[files] - *first;
        first += files;
    }
    return rows;
}

void lower_table(Session *s, const Symbol *symbol, Dataset *data)
{
    TableLowering l = {.s = s, .symbol = symbol, .schema = ARENA_NEW(&s->module->arena, Schema)};
    unsigned errors = s->file->diags->errors;
    data->schema = l.schema;
    l.schema->dialect = default_dialect;
    read_table_settings(&l, false);
    if (s->file->diags->errors == errors && check_dialect(&l) && open_table(&l, data)) {
        uint32_t count = l.table->column_count;
        l.named = ARENA_ARRAY(&s->file->arena, bool, count);
        l.dropped = ARENA_ARRAY(&s->file->arena, bool, count);
        l.places = ARENA_ARRAY(&s->file->arena, uint32_t, count);
        lower_items(&l);
        data->main_rows = l.table->first_rows[data->files.len];
        data->test_rows = l.table->rows - data->main_rows;
        if (data->family)
            data->member_rows = count_members(&l, data);
    }
    vec_free(&l.markers);
    vec_free(&l.columns);
    vec_free(&l.fields);
    vec_free(&l.items);
    vec_free(&l.uses);
}
