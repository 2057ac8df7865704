/* Data sets of CSV files: from the expressions of their fields to a schema (tabular/schema.h). The files tell how
 * wide a field is (table_columns.c). */
#include "frontend/declare/table.h"

/* ---- names of columns ---- */

/* A bare name may hold hyphens and dots, which read as operators: education-num. False if this is no name. */
static bool append_name(Text *name, const Expr *expr)
{
    switch (expr->kind) {
    case EXPR_NAME:
    case EXPR_STRING:
        text_printf(name, "%s", expr->name.text);
        return expr->kind == EXPR_NAME;
    case EXPR_NUMBER:
        text_append(name, expr->span.source->text + expr->span.begin, expr->span.end - expr->span.begin);
        return true;
    case EXPR_MEMBER:
        if (!append_name(name, expr->left))
            return false;
        text_printf(name, ".%s", expr->name.text);
        return true;
    case EXPR_BINARY:
        if (expr->operator!= OPERATOR_SUB || !append_name(name, expr->left))
            return false;
        text_printf(name, "-");
        return append_name(name, expr->right);
    default:
        return false;
    }
}

/* The name that an expression spells, or NULL. */
static const char *column_name(Session *s, const Expr *expr)
{
    Text text = {0};
    bool is_name = expr->kind != EXPR_NUMBER && (append_name(&text, expr) || expr->kind == EXPR_STRING);
    const char *name = is_name ? arena_text(&s->file->arena, text.data ? text.data : "", text.len) : NULL;
    text_free(&text);
    return name;
}

/* The table's column that an expression names, or -1 (reported). */
static int64_t find_column(TableLowering *l, const Expr *expr)
{
    Session *s = l->s;
    const char *name = column_name(s, expr);
    if (!name) {
        fail(s, expr->span, "the name of a column is expected here");
        add_help(s, "a name that is more than letters, digits, '_', '-' and '.' is written as a string");
        return -1;
    }
    int64_t column = table_column(l->table, name);
    if (column < 0) {
        Candidates candidates = {0};
        for (uint32_t i = 0; i < l->table->column_count; i++)
            vec_push(&candidates.names, l->table->columns[i].name);
        fail(s, expr->span, "the data set '%s' has no column '%s'", l->symbol->decl->name.text, name);
        double number;
        bool data = l->table->column_count > 0 && parse_number(l->table->columns[0].name, &number);
        if (!suggest(s, name, &candidates) && data)
            add_help(
                s,
                "the first row of a file names its columns, but here it begins with the number %s: does the file lack a header?",
                l->table->columns[0].name);
    }
    return column;
}

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
        vec_push(&l->columns, (SchemaColumn){.name = arena_text(&l->s->module->arena, name, strlen(name))});
        l->places[column] = l->columns.len;
    }
    use.column = l->places[column] - 1;
    l->columns.data[use.column].number |= use.kind == AS_NUMBER;
    l->columns.data[use.column].label |= use.kind == AS_LABEL;
    vec_push(&l->uses, use);
    return use.column;
}

/* ---- what stands beside the fields ---- */

static void read_missing(TableLowering *l, const DataItem *item)
{
    Session *s = l->s;
    if (l->markers.len) {
        fail(s, item->span, "'missing' is declared twice");
        return;
    }
    for (const Expr *value = item->values.first; value; value = value->next) {
        const Expr *text = value;
        if (value->kind == EXPR_LABEL && !value->next) {
            text = value->left;
            if (strcmp(value->name.text, "mean") == 0) {
                l->schema->missing = MISSING_MEAN;
            } else if (strcmp(value->name.text, "drop") == 0) {
                l->schema->missing = MISSING_DROP;
            } else {
                fail(s, value->name.span, "a missing number is taken 'as mean', or its row dropped by 'as drop'");
                return;
            }
        }
        if (text->kind != EXPR_STRING)
            fail(s, text->span, "what stands for a missing value is written as a string, as in 'missing \"?\"'");
        else
            vec_push(&l->markers, arena_text(&s->module->arena, text->name.text, strlen(text->name.text)));
    }
}

static void read_drop(TableLowering *l, const DataItem *item)
{
    for (const Expr *value = item->values.first; value; value = value->next) {
        int64_t column = find_column(l, value);
        if (column >= 0)
            l->dropped[column] = true;
    }
}

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

/* Columns that fields use by their names are no part of `numeric` and `categorical`. */
static void mark_named(TableLowering *l, const Expr *expr)
{
    const char *name = column_name(l->s, expr);
    int64_t column = name ? table_column(l->table, name) : -1;
    bool wildcard = expr->kind == EXPR_NAME && (strcmp(name, "numeric") == 0 || strcmp(name, "categorical") == 0);
    if (column >= 0 && !wildcard)
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

typedef VEC(uint32_t) Columns;

static void add_wildcard(TableLowering *l, const Expr *expr, Use use, Columns *columns)
{
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
        const Expr *value = arg->value;
        Use use = {.span = arg->span, .kind = part.kind == PART_ONEHOT ? AS_CATEGORY : AS_NUMBER};
        if (arg->kind != ARG_VALUE || arg->label.text || arg->condition) {
            fail(s, arg->span, "'%s' takes names of columns", name);
        } else if (value->kind == EXPR_NAME &&
                   (strcmp(value->name.text, "numeric") == 0 || strcmp(value->name.text, "categorical") == 0)) {
            add_wildcard(l, value, use, &columns);
        } else {
            int64_t column = find_column(l, value);
            if (column >= 0)
                vec_push(&columns, use_column(l, column, use));
        }
    }
    if (call->args.count == 0)
        fail(s, call->span, "'%s' takes at least one column", name);
    part.columns = KEEP(&s->module->arena, columns);
    part.column_count = columns.len;
    vec_free(&columns);
    return part;
}

static SchemaPart part_of_column(TableLowering *l, const Expr *expr)
{
    SchemaPart part = {.kind = PART_NUMBERS};
    int64_t column = find_column(l, expr);
    if (column >= 0) {
        part.columns = arena_alloc(&l->s->module->arena, sizeof *part.columns);
        part.columns[part.column_count++] = use_column(l, column, (Use){.span = expr->span, .kind = AS_NUMBER});
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
        vec_push(parts, expr->kind == EXPR_CALL ? part_of_call(l, expr) : part_of_column(l, expr));
    }
}

static SchemaField vector_field(TableLowering *l, const Expr *expr)
{
    Parts parts = {0};
    add_parts(l, expr, &parts);
    bool lone = parts.len == 1 && expr->kind != EXPR_CALL;
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
    int64_t column = find_column(l, name);
    if (column < 0)
        return;
    Use use = {.span = name->span, .kind = AS_NUMBER};
    SchemaTest test = {.kind = kind};
    if (value->kind == EXPR_STRING) {
        use = (Use){.span = value->span, .kind = AS_TEXT, .text = value->name.text};
        test.text = arena_text(&s->module->arena, value->name.text, strlen(value->name.text));
    } else {
        test.number = value->kind == EXPR_NUMBER ? value->number : -value->left->number;
    }
    test.column = use_column(l, column, use);
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
    vec_push(&l->fields, is_class              ? class_field(l, value)
                         : is_condition(value) ? condition_field(l, value)
                                               : vector_field(l, value));
    vec_push(&l->items, item);
}

/* ---- fields and states ---- */

static void add_state(Session *s, const Field *field, const char *what, int64_t count)
{
    const char *name = arena_printf(&s->module->arena, "%s/%s", field->name, what);
    module_state(s->module, name, type_of(s->module->real, 1, &count), STATE_ENCODER);
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
    case SCHEMA_CONDITION:
        field.type = type_scalar(DTYPE_BOOL);
        break;
    }
    field.name = arena_printf(&s->module->arena, "%s.%s", l->symbol->decl->name.text, item->name.text);
    field.classes = classes;
    if (!check_type(s, field.type, item->span))
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
    for (const DataItem *item = decl->items.first; item; item = item->next)
        if (item->kind == DATA_DROP)
            read_drop(l, item);
        else if (item->kind == DATA_COMPUTED_FIELD)
            mark_named(l, item->value);
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

void lower_table(Session *s, const Symbol *symbol, Dataset *data)
{
    TableLowering l = {.s = s, .symbol = symbol, .schema = ARENA_NEW(&s->module->arena, Schema)};
    unsigned errors = s->file->diags->errors;
    data->schema = l.schema;
    for (const DataItem *item = symbol->decl->items.first; item; item = item->next)
        if (item->kind == DATA_MISSING)
            read_missing(&l, item);
    if (s->file->diags->errors == errors && open_table(&l, data)) {
        uint32_t count = l.table->column_count;
        l.named = ARENA_ARRAY(&s->file->arena, bool, count);
        l.dropped = ARENA_ARRAY(&s->file->arena, bool, count);
        l.places = ARENA_ARRAY(&s->file->arena, uint32_t, count);
        lower_items(&l);
    }
    vec_free(&l.markers);
    vec_free(&l.columns);
    vec_free(&l.fields);
    vec_free(&l.items);
    vec_free(&l.uses);
}
