/* Types in the source: matching a value against f32[c, ..s], which binds c and s, and making a type whose extents are known. */
#include "frontend/lower/lower.h"

#include <string.h>

static const char *const type_names[] = {"f32", "i32", "u8", "bool", "class", "size"};

static bool type_is(const TypeExpr *expr, const char *name)
{
    return strcmp(expr->base.text, name) == 0;
}

/* The element type of a type expression, or false. */
static bool element_type(Session *s, const TypeExpr *expr, DType *dtype)
{
    if (type_is(expr, "f32"))
        *dtype = s->module->real;
    else if (type_is(expr, "i32") || type_is(expr, "class"))
        *dtype = DTYPE_I32;
    else if (type_is(expr, "u8"))
        *dtype = DTYPE_U8;
    else if (type_is(expr, "bool"))
        *dtype = DTYPE_BOOL;
    else if (type_is(expr, "f64")) {
        fail(s, expr->span, "f64 is not a type of the language");
        add_help(s, "write f32; the option --float=f64 computes the whole model in double precision");
        return false;
    } else {
        fail(s, expr->base.span, "'%s' is not a type", expr->base.text);
        Candidates candidates = {0};
        for (size_t i = 0; i < COUNT_OF(type_names); i++)
            vec_push(&candidates.names, type_names[i]);
        if (answer_foreign(s, FOREIGN_TYPE, expr->base.text))
            vec_free(&candidates.names);
        else
            choose_name(s, expr->base.text, &candidates, "types");
        return false;
    }
    return true;
}

static bool push_extent(Session *s, Dims *dims, int64_t extent, Span span)
{
    if (dims->n == MAX_RANK) {
        fail(s, span, "too many axes (limit is %d)", MAX_RANK);
        return false;
    }
    dims->v[dims->n++] = extent;
    return true;
}

static bool push_spread(Session *s, Dims *dims, const Expr *expr)
{
    const Val *shape = find_local(s->frame, expr->name.text);
    if (!shape || shape->kind != VAL_DIMS) {
        if (!shape || !is_poison(*shape))
            fail(s, expr->span, "'%s' is not a shape variable here", expr->name.text);
        return false;
    }
    for (unsigned i = 0; i < shape->dims.n; i++)
        if (!push_extent(s, dims, shape->dims.v[i], expr->span))
            return false;
    return true;
}

bool refuse_inference(Session *s, Span span)
{
    fail(s, span, "an extent of -1 is not inferred: every extent is written");
    add_help(s, "'flatten(x)' makes one axis of all; the number of elements is 'elements(x)', as in '[elements(x) / 4, 4]'");
    return false;
}

/* Extents may be 0 only where no tensor is made of them (a list of zeros may be padding). */
static bool collect_dims(Session *s, ArgList list, int64_t least, Dims *dims)
{
    *dims = (Dims){0};
    for (const Arg *arg = list.first; arg; arg = arg->next) {
        int64_t extent;
        if (arg->value->kind == EXPR_ELLIPSIS) {
            fail(s, arg->span, "'...' has no meaning here: every extent must be known");
            return false;
        }
        if (arg->value->kind == EXPR_SPREAD) {
            if (!push_spread(s, dims, arg->value))
                return false;
            continue;
        }
        Val value = evaluate(s, arg->value);
        if (value.kind == VAL_NUMBER && value.number == -1)
            return refuse_inference(s, arg->span);
        if (!as_integer(s, value, arg->span, "an extent", least, MAX_ELEMENTS, &extent) ||
            !push_extent(s, dims, extent, arg->span))
            return false;
    }
    return true;
}

bool make_dims(Session *s, ArgList list, Dims *dims)
{
    return collect_dims(s, list, 0, dims);
}

/* Only labels have axes behind the brackets of their number of classes. */
static bool check_axes(Session *s, const TypeExpr *expr)
{
    if (!expr->axes.count)
        return true;
    fail(s, expr->span, "the axes of %s stand in one pair of brackets, as in %s[2, 3]", expr->base.text, expr->base.text);
    return false;
}

bool make_type(Session *s, const TypeExpr *expr, Type *type, int64_t *classes)
{
    DType dtype;
    Dims dims;
    if (type_is(expr, "size")) {
        fail(s, expr->span, "'size' is the type of a compile-time parameter, not of a tensor");
        return false;
    }
    if (!element_type(s, expr, &dtype) || !collect_dims(s, expr->dims, 1, &dims))
        return false;
    *classes = 0;
    *type = type_of(dtype, dims.n, dims.v);
    if (!type_is(expr, "class"))
        return check_axes(s, expr) && check_type(s, *type, expr->span);
    if (dims.n != 1) {
        fail(s, expr->span, "a class type has one number, that of its classes, as in class[10]");
        return false;
    }
    *classes = dims.v[0];
    if (!collect_dims(s, expr->axes, 1, &dims))
        return false;
    *type = type_of(DTYPE_I32, dims.n, dims.v);
    return check_type(s, *type, expr->span);
}

static bool are_closed(const ModelFile *file, ArgList extents)
{
    for (const Arg *arg = extents.first; arg; arg = arg->next) {
        const Expr *extent = arg->value;
        if (extent->kind == EXPR_NUMBER)
            continue;
        if (extent->kind != EXPR_NAME || !find_symbol_of(file, extent->name.text, DECL_CONST))
            return false;
    }
    return true;
}

bool is_closed(const ModelFile *file, const TypeExpr *type)
{
    return type && !type_is(type, "size") && are_closed(file, type->dims) && are_closed(file, type->axes);
}

/* ---- matching ---- */

/* Matches one extent: a name that stands for nothing yet is bound to it. Returns false without a message if it differs, and sets
 * *reported if one was given. */
static bool match_extent(Session *s, const Expr *expr, int64_t extent, bool *reported)
{
    bool bindable = expr->kind == EXPR_NAME && !find_local(s->frame, expr->name.text);
    if (bindable) {
        Symbol *symbol = find_symbol(s->file, s->frame->standard, expr->name.text);
        if (!symbol || symbol->decl->kind != DECL_CONST) {
            set_local(s->frame, expr->name, val_number((double)extent));
            return true;
        }
    }
    int64_t expected;
    Val value = evaluate(s, expr);
    if (!as_integer(s, value, expr->span, "an extent", 1, MAX_ELEMENTS, &expected)) {
        *reported = true;
        return false;
    }
    return expected == extent;
}

static bool match_spread(Session *s, const Expr *expr, const int64_t *extents, unsigned count)
{
    if (expr->kind == EXPR_ELLIPSIS)
        return true;
    Val shape = {.kind = VAL_DIMS, .dims = {.n = (uint8_t)count}};
    memcpy(shape.dims.v, extents, count * sizeof *extents);
    const Val *bound = find_local(s->frame, expr->name.text);
    if (!bound) {
        set_local(s->frame, expr->name, shape);
        return true;
    }
    return bound->kind == VAL_DIMS && bound->dims.n == count && memcmp(bound->dims.v, shape.dims.v, count * sizeof *extents) == 0;
}

static bool is_variadic(const Expr *expr)
{
    return expr->kind == EXPR_SPREAD || expr->kind == EXPR_ELLIPSIS;
}

static bool match_dims(Session *s, ArgList extents, Span span, Dims dims, bool *reported)
{
    unsigned fixed = 0, variadic = 0;
    for (const Arg *arg = extents.first; arg; arg = arg->next) {
        fixed += !is_variadic(arg->value);
        variadic += is_variadic(arg->value);
    }
    if (variadic > 1) {
        fail(s, span, "only one of the axes may be a shape variable or '...'");
        *reported = true;
        return false;
    }
    if (variadic ? dims.n < fixed : dims.n != fixed)
        return false;
    unsigned at = 0;
    for (const Arg *arg = extents.first; arg; arg = arg->next) {
        unsigned count = is_variadic(arg->value) ? dims.n - fixed : 1;
        if (is_variadic(arg->value) ? !match_spread(s, arg->value, dims.v + at, count)
                                    : !match_extent(s, arg->value, dims.v[at], reported))
            return false;
        at += count;
    }
    return true;
}

static Val match_label(Session *s, const TypeExpr *expr, Val value, Span span, const char *what)
{
    if (value.kind == VAL_NUMBER && expr->dims.count == 1)
        return refuse_type(s, expr, value, span, what);
    value = as_tensor(s, value, span);
    if (is_poison(value))
        return value;
    bool reported = false;
    if (val_type(s, value).dtype != DTYPE_I32)
        return refuse_type(s, expr, value, span, what);
    if (expr->dims.count != 1)
        return fail(s, expr->span, "a class type has one number, that of its classes, as in class[10]");
    if (!match_dims(s, expr->axes, expr->span, type_dims(val_type(s, value)), &reported))
        return reported ? val_poison() : refuse_type(s, expr, value, span, what);
    if (value.classes == 0) {
        int64_t classes;
        const Expr *extent = expr->dims.first->value;
        if (extent->kind == EXPR_NAME && !find_local(s->frame, extent->name.text))
            return fail(s, span, "%s must be %s, but the number of classes of this value is not known", what,
                        type_expr_text(s, expr));
        return as_integer(s, evaluate(s, extent), extent->span, "a number of classes", 1, MAX_ELEMENTS, &classes) ? value
                                                                                                                  : val_poison();
    }
    if (!match_extent(s, expr->dims.first->value, value.classes, &reported))
        return reported ? val_poison() : refuse_type(s, expr, value, span, what);
    return value;
}

/* Exports take an open size from the calls of nets in a train. */
static void learn_parameter(Session *s, const TypeExpr *declared, Type type)
{
    if (!s->frame || !s->frame->decl || s->frame->decl->kind != DECL_NET)
        return;
    for (uint32_t i = 0; i < s->file->parameters.len; i++)
        if (s->file->parameters.data[i].declared == declared)
            return;
    vec_push(&s->file->parameters, (KnownParameter){declared, type});
}

static bool known_parameter(const Session *s, const TypeExpr *declared, Type *type)
{
    for (uint32_t i = 0; i < s->file->parameters.len; i++)
        if (s->file->parameters.data[i].declared == declared) {
            *type = s->file->parameters.data[i].type;
            return true;
        }
    return false;
}

bool data_is_broken(const Session *s)
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++)
        if (s->file->symbols.data[i]->broken)
            return true;
    return false;
}

/* Whether an extent is a name that stands for nothing yet. */
static bool is_open(const Session *s, ArgList extents)
{
    for (const Arg *arg = extents.first; arg; arg = arg->next)
        if (is_variadic(arg->value) || (arg->value->kind == EXPR_NAME && !find_local(s->frame, arg->value->name.text) &&
                                        !find_symbol_of(s->file, arg->value->name.text, DECL_CONST)))
            return true;
    return false;
}

/* An export's argument takes the type of the first parameter it is passed to. */
static Val match_argument(Session *s, const TypeExpr *expr, Val value, Span span)
{
    KnownArgument known = {.param = value.param};
    bool told = known_parameter(s, expr, &known.type), reported = false;
    if (!told && (is_open(s, expr->dims) || is_open(s, expr->axes))) {
        if (data_is_broken(s))
            return val_poison();
        fail(s, span, "the type of the argument '%s' cannot be inferred from %s", value.param->name.text, type_expr_text(s, expr));
        add_note(s, value.param->span, "write its type here, as in '%s: f32[10]'", value.param->name.text);
        return val_poison();
    }
    if (told ? !match_dims(s, expr->dims, expr->span, type_dims(known.type), &reported) : !make_type(s, expr, &known.type, &known.classes))
        return val_poison();
    vec_push(&s->file->arguments, known);
    Frame *outermost = s->frame;
    while (outermost->caller)
        outermost = outermost->caller;
    Val input = val_tensor(build_input(&s->builder, value.param->name.text, known.type));
    input.classes = known.classes;
    set_local(outermost, value.param->name, input);
    return input;
}

Val match_type(Session *s, const TypeExpr *expr, Val value, Span span, const char *what)
{
    DType dtype;
    bool reported = false;
    if (is_poison(value))
        return value;
    if (type_is(expr, "size")) {
        int64_t size;
        if (as_integer(s, value, span, what, 0, MAX_ELEMENTS, &size))
            return value;
        add_note(s, expr->span, "the type is declared here");
        if (value.kind == VAL_TENSOR)
            add_help(s, "a layer whose size is tuned has the largest size, of which 'units(x, lam.size)' keeps the first units");
        return val_poison();
    }
    if (!element_type(s, expr, &dtype))
        return val_poison();
    if (value.kind == VAL_ARGUMENT)
        return match_argument(s, expr, value, span);
    if (value.kind == VAL_CONDITION && is_index(value.symbol) && dtype == DTYPE_I32)
        value = condition_number(s, value, span);
    if (type_is(expr, "class"))
        return match_label(s, expr, value, span, what);
    if (value.kind == VAL_NUMBER && dtype != s->module->real)
        return refuse_type(s, expr, value, span, what);
    value = as_tensor(s, value, span);
    if (is_poison(value))
        return value;
    Type type = val_type(s, value);
    bool converts = type.dtype == dtype || dtype == s->module->real;
    if (!converts || !match_dims(s, expr->dims, expr->span, type_dims(type), &reported))
        return reported ? val_poison() : refuse_type(s, expr, value, span, what);
    if (s->learning && !is_closed(s->file, expr))
        learn_parameter(s, expr, type_with_dtype(type, dtype));
    if (type.dtype == dtype)
        return value;
    return val_tensor(build_cast(&s->builder, value.ir, dtype));
}
