/* data line = rows(100) { x = uniform()  y = 2 * x + 0.1 * normal()  test rows(50) { x = row / 49  y = 2 * x } }
 *
 * Each member and kind of rows, main and test, gets a function that computes one row. In it, `row` is the number of the row, from
 * 0 on, and in a family `i` is that of the member, which is known at compile time. It may take examples of data sets that files
 * hold, mnist.train.image[k]. */
#include <string.h>

#include "frontend/declare/families.h"
#include "runtime/abi/random_space.h"

/* The function of one kind of rows of one member. */
typedef struct RowFunction {
    Session *s;
    const Symbol *symbol;
    Dataset *data;
    uint32_t fields; /* the first of the data set's in the module */
    int64_t member;
    const DataItem *test; /* of a test row: its item; NULL: of a main row */
} RowFunction;

static bool is_computed(const DataItem *item)
{
    return item->kind == DATA_COMPUTED_FIELD;
}

static const DataItem *find_item(const DataItem *items, const char *name)
{
    while (items && !(is_computed(items) && strcmp(items->name.text, name) == 0))
        items = items->next;
    return items;
}

/* A label, or a whole number. */
static Val whole_value(Session *s, Val value, Type type, Span span, const char *what)
{
    bool scalar = type.rank == 0;
    if (scalar && value.kind == VAL_NUMBER && !value.boolean) {
        int64_t number;
        if (!as_integer(s, value, span, what, INT32_MIN, INT32_MAX, &number))
            return val_poison();
        return val_tensor(build_const(&s->builder, type, (double)number));
    }
    value = as_tensor(s, value, span);
    if (is_poison(value) || type_equal(val_type(s, value), type))
        return value;
    fail(s, span, "%s is declared as %s, but this is %s", what, describe_type(s, type), describe(s, value));
    if (dtype_is_float(val_type(s, value).dtype))
        add_help(s, "'i32(x)' makes whole numbers of real ones");
    return val_poison();
}

/* The value with the type that is declared, if one is. */
static Val declared_value(Session *s, const DataItem *item, Val value, int64_t *classes)
{
    Type type;
    const char *what = arena_printf(&s->file->arena, "the field '%s'", item->name.text);
    *classes = 0;
    if (!item->type) {
        value = as_tensor(s, value, item->value->span);
        *classes = value.classes;
        return value;
    }
    if (!make_type(s, item->type, &type, classes))
        return val_poison();
    if (type.dtype == DTYPE_I32)
        return whole_value(s, value, type, item->value->span, what);
    return match_type(s, item->type, value, item->value->span, what);
}

static bool check_field_type(Session *s, const DataItem *item, Type type)
{
    if (type.dtype != DTYPE_BOOL)
        return true;
    fail(s, item->value->span, "a field of a data set is u8, i32, f32 or class, and a computed one is not bool");
    add_help(s, "'where(c, 1, 0)' makes a number of a condition");
    return false;
}

/* What other members and kinds of rows have there must be the same. */
static void enter_field(const RowFunction *f, const DataItem *item, uint32_t number, Val value, int64_t classes)
{
    Session *s = f->s;
    Module *module = s->module;
    Field field = {.dataset = f->symbol->index, .type = val_type(s, value), .classes = classes};
    if (f->fields + number == module->fields.len) {
        field.name = arena_printf(&module->arena, "%s.%s", f->symbol->decl->name.text, item->name.text);
        vec_push(&module->fields, field);
        return;
    }
    const Field *first = &module->fields.data[f->fields + number];
    if (type_equal(first->type, field.type) && first->classes == field.classes)
        return;
    fail(s, item->value->span, "the field '%s' is %s in %s%s, but %s in row 0%s", item->name.text, describe_type(s, field.type),
         f->test ? "the test rows" : "the rows",
         f->data->family ? arena_printf(&s->file->arena, " of member %lld", (long long)f->member) : "",
         describe_type(s, first->type), f->data->family ? " of member 0" : "");
}

/* Rows are made before there are weights, conditions and examples. */
static void check_sources(const RowFunction *f, const Function *function)
{
    for (Value v = 0; v < function->ops.len; v++) {
        OpCode code = OP_AT(function, v)->code;
        if (code != OP_PARAM && code != OP_CONDITION && code != OP_EXAMPLE && code != OP_STATE_READ && !is_across(code))
            continue;
        fail(f->s, f->symbol->decl->name.span,
             "a row of '%s' can depend on numbers, on its own number and on random numbers, but not on %s",
             f->symbol->decl->name.text,
             code == OP_PARAM       ? "the weights of a net"
             : code == OP_CONDITION ? "a condition"
             : code == OP_EXAMPLE   ? "another data set"
                                    : "other rows");
        return;
    }
}

static void open_row(const RowFunction *f, Frame *frame, RowMaking *row)
{
    Session *s = f->s;
    int64_t two = 2;
    const char *index = f->data->family ? arena_printf(&s->file->arena, ".%lld", (long long)f->member) : "";
    frame->decl = f->symbol->decl;
    open_function(s, arena_printf(&s->file->arena, "%s.row%s%s", f->data->name, index, f->test ? ".test" : ""), frame, false,
                  false);
    row->number = build_input(&s->builder, "row", type_scalar(DTYPE_I32));
    row->seed = build_input(&s->builder, "seed", type_of(DTYPE_I32, 1, &two));
    row->stream = RANDOM_STREAM_ROWS +
                  ((f->symbol->index * MOST_MEMBERS + (uint32_t)f->member) * 2 + (f->test != NULL)) * (ROW_STREAMS / 2);
    row->end = row->stream + ROW_STREAMS / 2;
    row->data = f->data;
    s->row = row;
    Name name = {"row", f->symbol->decl->name.span}, member = {"i", f->symbol->decl->name.span};
    set_local(frame, name, val_tensor(row->number));
    if (f->data->family)
        set_local(frame, member, val_number((double)f->member));
}

/* Builds the function; false after an error, or where a data set that it reads has one. */
static bool make_row_function(const RowFunction *f)
{
    Session *s = f->s;
    Frame frame = {0};
    RowMaking row = {0};
    unsigned errors = s->file->diags->errors;
    uint32_t number = 0;
    open_row(f, &frame, &row);
    Function *function = s->builder.function;
    for (const DataItem *item = f->symbol->decl->items.first; item; item = item->next) {
        if (!is_computed(item))
            continue;
        const DataItem *own = f->test ? find_item(f->test->items, item->name.text) : NULL;
        DataItem used = *item;
        if (own) {
            used.value = own->value;
            used.span = own->span;
        }
        int64_t classes;
        Val value = declared_value(s, &used, evaluate(s, used.value), &classes);
        if (is_poison(value) && s->file->diags->errors == errors && !row.broken)
            fail(s, used.value->span, "this has no value in a row of '%s', which is computed before anything is trained",
                 f->symbol->decl->name.text);
        if (is_poison(value) || !check_field_type(s, &used, val_type(s, value)))
            break;
        value.classes = classes;
        set_local(&frame, item->name, value);
        enter_field(f, &used, number++, value, classes);
        build_output(&s->builder, item->name.text, value.ir);
    }
    check_sources(f, function);
    s->row = NULL;
    close_function(s);
    vec_push(&f->data->makers, function);
    return s->file->diags->errors == errors && !row.broken;
}

static void check_names(Session *s, const Decl *decl, const DataItem *test)
{
    for (const DataItem *item = decl->items.first; item; item = item->next) {
        bool reserved =
            is_computed(item) && (strcmp(item->name.text, "row") == 0 || (decl->extent && strcmp(item->name.text, "i") == 0));
        if (reserved)
            fail(s, item->name.span, "'%s' is the number of the %s, so no field can be called so", item->name.text,
                 item->name.text[0] == 'i' ? "member" : "row");
        if (is_computed(item) && find_item(decl->items.first, item->name.text) != item)
            fail(s, item->name.span, "the field '%s' is declared twice", item->name.text);
    }
    for (const DataItem *item = test ? test->items : NULL; item; item = item->next) {
        if (!is_computed(item)) {
            fail(s, item->span, "in the braces of the test rows, only fields are computed in another way");
            continue;
        }
        if (!find_item(decl->items.first, item->name.text))
            fail(s, item->name.span, "the rows of '%s' have no field '%s', so test rows have none either", decl->name.text,
                 item->name.text);
        if (item->type)
            fail(s, item->type->span, "the type of a field is written once, with the field of the main rows");
        if (find_item(test->items, item->name.text) != item)
            fail(s, item->name.span, "the field '%s' is declared twice", item->name.text);
    }
}

static uint32_t count_items(const DataItem *items)
{
    uint32_t count = 0;
    for (; items; items = items->next)
        count++;
    return count;
}

bool lower_rows(Session *s, const Symbol *symbol, Dataset *data)
{
    enum { MOST_DATASETS = 900 }; /* that random streams are set aside for */
    const Decl *decl = symbol->decl;
    const DataItem *test = NULL;
    uint32_t computed = 0;
    unsigned errors = s->file->diags->errors;
    for (const DataItem *item = decl->items.first; item; item = item->next) {
        computed += is_computed(item);
        if (item->kind == DATA_TEST)
            test = item;
    }
    if (computed > LIMIT_COMPUTED || (test && count_items(test->items) > LIMIT_COMPUTED)) {
        fail(s, decl->name.span, "'%s' computes more than %d fields", decl->name.text, LIMIT_COMPUTED);
        return false;
    }
    check_names(s, decl, test);
    if (computed && symbol->index >= MOST_DATASETS)
        fail(s, decl->name.span, "there are more than %d data sets", MOST_DATASETS);
    if (computed == 0 || s->file->diags->errors != errors)
        return computed == 0;
    uint32_t fields = s->module->fields.len;
    for (int64_t member = 0; member < (data->family ? data->family->count : 1); member++) {
        RowFunction f = {s, symbol, data, fields, member, NULL};
        if (!make_row_function(&f))
            return false;
        f.test = test;
        if (test && !make_row_function(&f))
            return false;
    }
    return true;
}
