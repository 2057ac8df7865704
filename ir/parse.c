/* The textual IR, by recursive descent: each function is headed by its production. A line is a statement; an error is reported
 * once and the rest of its line is skipped, and the use of a value whose line was wrong is not reported again. */
#include <string.h>

#include "ir/parse.h"
#include "ir/scan.h"
#include "pareto/externs.h"

enum { MOST_OPS = 1 << 18, MOST_ENTRIES = 1 << 16, MOST_FUNCTIONS = 4096, MOST_SIGNATURE = 1024 };

/* ---- tables ---- */

static const char *const subject_names[] = {
    [SUBJECT_NONE] = "function",       [SUBJECT_STATE] = "state",          [SUBJECT_FIELD] = "field", [SUBJECT_WEIGHT] = "weight",
    [SUBJECT_CONDITION] = "condition", [SUBJECT_EXTERN] = "function in C", [SUBJECT_BODY] = "body",
};

/* symbol ':' type, the head of every table entry; the name is entered as number `index`. */
static bool parse_entry(Parser *p, OpSubject table, uint32_t index, const char **name, Type *type)
{
    if (index == MOST_ENTRIES)
        return error_here(p, "too many entries of kind '%s' (limit is %d)", subject_names[table], MOST_ENTRIES);
    Span span = p->token.span;
    if (!expect_text(p, TOKEN_SYMBOL, "a name that starts with '@'", name))
        return false;
    if (!names_add(&p->symbols[table], *name, index)) {
        diag_error(p->diags, span, "%s '%s' is declared twice", subject_names[table], *name);
        return false;
    }
    return expect_mark(p, ':') && parse_type(p, type);
}

/* init := 'init' ('constant' | 'uniform' | 'normal' | 'signs') number */
static bool parse_init(Parser *p, Init *init)
{
    if (!expect_word(p, "init"))
        return false;
    for (int i = 0; i < INIT_KIND_COUNT; i++)
        if (accept_word(p, init_kind_names[i])) {
            init->kind = (InitKind)i;
            return parse_real(p, &init->value);
        }
    return error_here(p, "expected 'constant', 'uniform', 'normal' or 'signs'");
}

static bool parse_role(Parser *p, StateRole *role)
{
    for (int i = 0; i < STATE_ROLE_COUNT; i++)
        if (accept_word(p, state_role_names[i])) {
            *role = (StateRole)i;
            return true;
        }
    const char *all = "";
    for (int i = 0; i < STATE_ROLE_COUNT; i++)
        all =
            arena_printf(&p->module->arena, "%s%s%s", all, before_alternative((size_t)i, STATE_ROLE_COUNT), state_role_names[i]);
    return error_here(p, "expected a role: %s", all);
}

/* state := 'state' symbol ':' type role [init] */
static bool parse_state(Parser *p)
{
    State state = {0};
    if (!parse_entry(p, SUBJECT_STATE, p->module->states.len, &state.name, &state.type))
        return false;
    bool fine = parse_role(p, &state.role) && (at_line_end(p) || parse_init(p, &state.init));
    vec_push(&p->module->states, state);
    return fine;
}

/* field := 'field' symbol ':' type 'dataset' integer ['classes' integer] */
static bool parse_field(Parser *p)
{
    Field field = {0};
    if (!parse_entry(p, SUBJECT_FIELD, p->module->fields.len, &field.name, &field.type))
        return false;
    vec_push(&p->module->fields, field);
    Field *entry = &vec_last(&p->module->fields);
    return expect_word(p, "dataset") && parse_u32(p, &entry->dataset) &&
           (!accept_word(p, "classes") || parse_integer(p, 0, MAX_ELEMENTS, &entry->classes));
}

/* condition := 'condition' symbol ':' type */
static bool parse_condition(Parser *p)
{
    Condition condition = {0};
    Span span = p->token.span;
    if (!parse_entry(p, SUBJECT_CONDITION, p->module->conditions.len, &condition.name, &condition.type))
        return false;
    vec_push(&p->module->conditions, condition);
    if (is_condition_type(condition.type))
        return true;
    diag_error(p->diags, span, "a condition is a tensor of floats with an axis, or i32[], not %s", type_text(condition.type));
    return false;
}

static bool parse_output_axis(Parser *p, Weight *weight)
{
    int64_t axis;
    weight->output_axis = -1;
    if (!accept_word(p, "axis"))
        return true;
    if (weight->type.rank == 0)
        return error_here(p, "a scalar has no axes");
    if (!parse_integer(p, 0, weight->type.rank - 1, &axis))
        return false;
    weight->output_axis = (int)axis;
    return true;
}

/* net := 'net' integer | 'part' */
static bool parse_net(Parser *p, uint32_t *net)
{
    *net = NO_NET;
    return accept_word(p, "part") || (expect_word(p, "net") && parse_u32(p, net));
}

/* [WORD symbol] */
static bool parse_named(Parser *p, const char *word, const char **name)
{
    return !accept_word(p, word) || expect_text(p, TOKEN_SYMBOL, "a name that starts with '@'", name);
}

/* weight := 'weight' symbol ':' type net 'form' integer ['axis' integer] 'fan' integer integer init
 *           ['value' symbol] ['state' symbol] ['from' symbol] */
static bool parse_weight(Parser *p)
{
    Weight weight = {0};
    Span span = p->token.span;
    if (!parse_entry(p, SUBJECT_WEIGHT, p->module->weights.len, &weight.name, &weight.type))
        return false;
    vec_push(&p->module->weights, weight);
    Weight *entry = &vec_last(&p->module->weights);
    if (!dtype_is_float(entry->type.dtype)) {
        diag_error(p->diags, span, "a weight is of floats, not %s", type_text(entry->type));
        return false;
    }
    return parse_net(p, &entry->net) && expect_word(p, "form") && parse_u32(p, &entry->form) && parse_output_axis(p, entry) &&
           expect_word(p, "fan") && parse_integer(p, 0, INT64_MAX, &entry->fan_in) &&
           parse_integer(p, 0, INT64_MAX, &entry->fan_out) && parse_init(p, &entry->init) &&
           parse_named(p, "value", &entry->value) && parse_named(p, "state", &entry->state) &&
           parse_named(p, "from", &entry->file);
}

/* ---- ops ---- */

/* A name's key among the function's values: %12 and the input %"12" differ. */
static const char *value_key(Parser *p)
{
    return p->token.quoted || is_plain_name(p->token.text) ? arena_printf(&p->module->arena, "%%%s", p->token.text)
                                                           : p->token.text;
}

/* operand := value. A value whose line was wrong fails silently. */
static bool parse_operand(Parser *p, Value *value)
{
    if (p->token.kind != TOKEN_VALUE)
        return error_here(p, "expected a value: %%name or %%number");
    if (!names_find(&p->values, value_key(p), value))
        return error_here(p, "no value of this name stands above");
    parser_advance(p);
    return *value != NO_VALUE;
}

typedef VEC(Value) Operands;

/* operands := operand {',' operand} */
static bool parse_operands(Parser *p, Operands *operands)
{
    do {
        Value value;
        if (!parse_operand(p, &value))
            return false;
        vec_push(operands, value);
    } while (accept_mark(p, ','));
    return true;
}

/* subject := symbol of the table | number */
static bool parse_subject(Parser *p, Op *op)
{
    OpSubject subject = op_text[op->code].subject;
    if (subject == SUBJECT_NONE)
        return true;
    if (subject == SUBJECT_NUMBER)
        return parse_real(p, &op->number);
    if (p->token.kind != TOKEN_SYMBOL)
        return error_here(p, "expected a %s: @name", subject_names[subject]);
    if (!names_find(&p->symbols[subject], p->token.text, &op->symbol))
        return error_here(p, "no %s of this name is declared above", subject_names[subject]);
    op->body = subject == SUBJECT_BODY ? p->module->bodies.data[op->symbol] : NULL;
    op->symbol = op->body ? 0 : op->symbol;
    parser_advance(p);
    return true;
}

static bool parse_index_attribute(Parser *p, Dims *dims)
{
    dims->n = 1;
    return parse_integer(p, 0, MAX_ELEMENTS, &dims->v[0]);
}

/* attributes := given | WORD list | WORD integer | 'contract' list list ['batch' list list] | 'stream' integer ['shared'] */
static bool parse_attributes(Parser *p, Op *op)
{
    const OpText *form = &op_text[op->code];
    switch (form->attributes) {
    case ATTRIBUTES_NONE:
        return true;
    case ATTRIBUTES_LIST:
        return expect_word(p, form->word) && parse_dims(p, &op->a);
    case ATTRIBUTES_INDEX:
        return expect_word(p, form->word) && parse_index_attribute(p, &op->a);
    case ATTRIBUTES_DOT:
        return expect_word(p, "contract") && parse_dims(p, &op->a) && parse_dims(p, &op->b) &&
               (!accept_word(p, "batch") || (parse_dims(p, &op->c) && parse_dims(p, &op->d)));
    case ATTRIBUTES_WINDOW:
        return expect_word(p, "axes") && parse_dims(p, &op->a) && expect_word(p, "extents") && parse_dims(p, &op->b) &&
               expect_word(p, "steps") && parse_dims(p, &op->c) && expect_word(p, "dilations") && parse_signed_dims(p, &op->d);
    case ATTRIBUTES_RANDOM:
        if (!expect_word(p, "stream") || !parse_u32(p, &op->symbol))
            return false;
        op->flags = accept_word(p, "shared") ? OP_SHARED : 0;
        return true;
    case ATTRIBUTES_FETCH:
        op->flags = accept_word(p, "neighbours") ? OP_NEIGHBOURS : 0;
        return true;
    case ATTRIBUTES_SCAN:
        if (!expect_word(p, "loop") || !parse_dims(p, &op->loop))
            return false;
        op->flags = accept_word(p, "reversed") ? OP_REVERSED : 0;
        op->flags |= accept_word(p, "remat") ? OP_REMAT : 0;
        return true;
    case ATTRIBUTES_GIVEN:
        return parse_given(p, &op->a);
    }
    return true;
}

static bool is_reserved(const char *mnemonic)
{
    return strcmp(mnemonic, "call") == 0;
}

static bool parse_mnemonic(Parser *p, OpCode *code)
{
    if (p->token.kind != TOKEN_WORD || p->token.quoted)
        return error_here(p, "expected a primitive");
    *code = op_by_name(p->token.text);
    if (*code == OP_INPUT)
        return error_here(p, "inputs are declared in the function's first line");
    if (*code != OP_COUNT) {
        parser_advance(p);
        return true;
    }
    if (is_reserved(p->token.text))
        return error_here(p, "'%s' is reserved, not implemented", p->token.text);
    error_here(p, "'%s' is not a primitive", p->token.text);
    const char *mnemonics[OP_COUNT];
    for (int i = 0; i < OP_COUNT; i++)
        mnemonics[i] = op_info[i].name;
    const char *closest = closest_name(p->token.text, mnemonics, OP_COUNT);
    if (closest)
        diag_help(p->diags, "did you mean '%s'?", closest);
    return false;
}

/* rest := subject [',' operands] | operands; then attributes and, unless the op writes, ':' type */
static bool parse_op_parts(Parser *p, Op *op, Operands *operands, Span *type_span)
{
    bool has_subject = op_text[op->code].subject != SUBJECT_NONE;
    if (!parse_subject(p, op))
        return false;
    if (has_subject ? accept_mark(p, ',') : op_info[op->code].arity != 0)
        if (!parse_operands(p, operands))
            return false;
    if (!parse_attributes(p, op))
        return false;
    if (op->code == OP_STATE_WRITE)
        return expect_line_end(p);
    if (!expect_mark(p, ':'))
        return false;
    *type_span = p->token.span;
    return parse_type(p, &op->type) && expect_line_end(p);
}

static bool append_op(Parser *p, Op op, const Operands *operands, Span span, Span type_span)
{
    char why[256];
    Type stated = op.type;
    op.nargs = operands->len;
    op.args = operands->len ? ARENA_ARRAY(&p->module->arena, Value, operands->len) : NULL;
    if (operands->len)
        memcpy(op.args, operands->data, operands->len * sizeof *op.args);
    if (!infer_type(p->module, p->function, &op, why)) {
        diag_error(p->diags, span, "%s", why);
        return false;
    }
    if (op.code != OP_STATE_WRITE && !type_equal(stated, op.type)) {
        diag_error(p->diags, type_span, "the type of this %s is %s, not %s", op_info[op.code].name, type_text(op.type),
                   type_text(stated));
        return false;
    }
    vec_push(&p->function->ops, op);
    return true;
}

static bool count_op(Parser *p)
{
    if (p->ops < MOST_OPS) {
        p->ops++;
        return true;
    }
    if (!p->too_many)
        error_here(p, "too many ops (limit is %d per module)", MOST_OPS);
    p->too_many = true;
    return false;
}

static bool parse_op_body(Parser *p, bool named)
{
    Op op = {0};
    Span span = p->token.span, type_span = span;
    Operands operands = {0};
    if (!parse_mnemonic(p, &op.code))
        return false;
    bool fine = true;
    if (named != (op.code != OP_STATE_WRITE)) {
        diag_error(p->diags, span, named ? "state_write has no value to name" : "expected '%%name =' before '%s'",
                   op_info[op.code].name);
        fine = false;
    }
    fine = fine && parse_op_parts(p, &op, &operands, &type_span) && append_op(p, op, &operands, span, type_span);
    vec_free(&operands);
    return fine;
}

/* op := value '=' mnemonic rest | 'state_write' rest */
static bool parse_op(Parser *p)
{
    if (!count_op(p))
        return false;
    if (p->token.kind != TOKEN_VALUE)
        return parse_op_body(p, false);
    Token name = p->token;
    const char *key = value_key(p);
    parser_advance(p);
    bool fine = expect_mark(p, '=') && parse_op_body(p, true);
    if (names_add(&p->values, key, fine ? p->function->ops.len - 1 : NO_VALUE))
        return fine;
    diag_error(p->diags, name.span, "value is defined twice");
    return false;
}

/* ---- functions ---- */

/* input := value ':' type */
static bool parse_input(Parser *p)
{
    if (p->function->inputs.len == MOST_SIGNATURE)
        return error_here(p, "too many inputs (limit is %d)", MOST_SIGNATURE);
    if (p->token.kind != TOKEN_VALUE || (!p->token.quoted && !is_plain_name(p->token.text)))
        return error_here(p, "expected an input: %%name");
    if (!count_op(p))
        return false;
    Op op = {.code = OP_INPUT, .symbol = p->function->inputs.len};
    if (!names_add(&p->values, value_key(p), p->function->ops.len))
        return error_here(p, "two inputs have this name");
    const char *name = p->token.text;
    parser_advance(p);
    if (!expect_mark(p, ':') || !parse_type(p, &op.type))
        return false;
    vec_push(&p->function->inputs, p->function->ops.len);
    vec_push(&p->function->input_names, name);
    vec_push(&p->function->ops, op);
    return true;
}

typedef struct StatedOutput {
    const char *name;
    Type type;
} StatedOutput;
typedef VEC(StatedOutput) StatedOutputs;

/* outputs := name ':' type {',' name ':' type} */
static bool parse_stated_outputs(Parser *p, StatedOutputs *outputs)
{
    do {
        StatedOutput output;
        if (outputs->len == MOST_SIGNATURE)
            return error_here(p, "too many outputs (limit is %d)", MOST_SIGNATURE);
        if (!expect_text(p, TOKEN_WORD, "an output's name", &output.name) || !expect_mark(p, ':') || !parse_type(p, &output.type))
            return false;
        vec_push(outputs, output);
    } while (accept_mark(p, ','));
    return true;
}

/* signature := symbol '(' [input {',' input}] ')' ['->' '(' outputs ')'] '{' */
static bool parse_signature(Parser *p, StatedOutputs *outputs)
{
    if (!expect_mark(p, '('))
        return false;
    if (!is_mark(p, ')'))
        do
            if (!parse_input(p))
                return false;
        while (accept_mark(p, ','));
    if (!expect_mark(p, ')'))
        return false;
    if (accept_mark(p, '>') && !(expect_mark(p, '(') && parse_stated_outputs(p, outputs) && expect_mark(p, ')')))
        return false;
    return expect_mark(p, '{') && expect_line_end(p);
}

static bool parse_output(Parser *p)
{
    Output output;
    if (p->function->outputs.len == MOST_SIGNATURE)
        return error_here(p, "too many outputs (limit is %d)", MOST_SIGNATURE);
    if (!expect_text(p, TOKEN_WORD, "an output's name", &output.name) || !expect_mark(p, '=') || !parse_operand(p, &output.value))
        return false;
    vec_push(&p->function->outputs, output);
    return true;
}

/* return := 'return' name '=' operand {',' name '=' operand} */
static bool parse_return(Parser *p)
{
    do
        if (!parse_output(p))
            return false;
    while (accept_mark(p, ','));
    return expect_line_end(p);
}

static void check_stated_outputs(Parser *p, const StatedOutputs *stated, Span span)
{
    const Function *f = p->function;
    bool equal = f->outputs.len == stated->len;
    for (uint32_t i = 0; equal && i < stated->len; i++)
        equal = strcmp(f->outputs.data[i].name, stated->data[i].name) == 0 &&
                type_equal(OP_AT(f, f->outputs.data[i].value)->type, stated->data[i].type);
    if (!equal)
        diag_error(p->diags, span, "the outputs returned are not those stated in the function's first line");
}

/* Checks that take more than one line: a state written twice, two outputs of one name. */
static void check_whole_function(Parser *p, Span span)
{
    Text why = {0};
    if (!verify_function(p->module, p->function, true, &why))
        diag_error(p->diags, span, "%.*s", (int)strcspn(why.data, "\n"), why.data);
    text_free(&why);
}

/* body := {op} [return] '}' */
static void parse_body(Parser *p, const StatedOutputs *stated, Span span)
{
    unsigned errors = p->diags->errors;
    bool returned = false;
    for (skip_newlines(p); p->token.kind != TOKEN_END && !is_mark(p, '}'); skip_newlines(p)) {
        if (returned)
            error_here(p, "expected '}' after 'return'");
        else if ((returned = accept_word(p, "return")))
            parse_return(p);
        else
            parse_op(p);
        skip_line(p);
    }
    if (expect_mark(p, '}'))
        expect_line_end(p);
    if (p->diags->errors != errors)
        return;
    if (stated->len)
        check_stated_outputs(p, stated, span);
    check_whole_function(p, span);
}

static void skip_body(Parser *p)
{
    while (p->token.kind != TOKEN_END && !is_mark(p, '}')) {
        skip_line(p);
        skip_newlines(p);
    }
    skip_line(p);
}

/* function := ('func' | 'body') signature body */
static bool parse_function_of(Parser *p, OpSubject subject)
{
    const char *name = NULL;
    Span span = p->token.span;
    StatedOutputs outputs = {0};
    bool body = subject == SUBJECT_BODY;
    uint32_t number = body ? p->module->bodies.len : p->module->functions.len;
    bool fine = number < MOST_FUNCTIONS || error_here(p, "too many functions (limit is %d)", MOST_FUNCTIONS);
    fine = fine && expect_text(p, TOKEN_SYMBOL, "a name that starts with '@'", &name);
    uint32_t other;
    if (fine && names_find(&p->symbols[subject], name, &other)) {
        diag_error(p->diags, span, "%s '%s' is defined twice", body ? "body" : "function", name);
        fine = false;
    }
    bool made = fine;
    if (made) {
        p->function = body ? body_new(p->module) : function_new(p->module, name);
        fine = parse_signature(p, &outputs);
    }
    if (fine)
        parse_body(p, &outputs, span);
    else
        skip_body(p);
    if (made)
        names_add(&p->symbols[subject], name, number); /* not before: no body scans with itself */
    names_free(&p->values);
    vec_free(&outputs);
    return true;
}

static bool parse_function(Parser *p)
{
    return parse_function_of(p, SUBJECT_NONE);
}

static bool parse_scan_body(Parser *p)
{
    return parse_function_of(p, SUBJECT_BODY);
}

/* ---- modules ---- */

/* header := 'module' name ('f32' | 'f64') */
static bool parse_header(Parser *p)
{
    skip_newlines(p);
    if (!expect_word(p, "module") || !expect_text(p, TOKEN_WORD, "the module's name", &p->module->name))
        return false;
    if (accept_word(p, "f64"))
        p->module->real = DTYPE_F64;
    else if (!expect_word(p, "f32"))
        return false;
    return expect_line_end(p);
}

/* item := function | body | state | weight | field | condition */
static void parse_item(Parser *p)
{
    static const struct {
        const char *word;
        bool (*parse)(Parser *);
    } items[] = {{"func", parse_function}, {"body", parse_scan_body}, {"state", parse_state},
                 {"weight", parse_weight}, {"field", parse_field},    {"condition", parse_condition}};
    for (size_t i = 0; i < COUNT_OF(items); i++)
        if (accept_word(p, items[i].word)) {
            if (items[i].parse(p))
                expect_line_end(p);
            skip_line(p);
            return;
        }
    error_here(p, "expected 'func', 'body', 'state', 'weight', 'field' or 'condition'");
    skip_line(p);
}

Module *parse_module(const struct Source *source, struct Diagnostics *diags)
{
    unsigned errors = diags->errors;
    if (source->size > SOURCE_LIMIT) {
        diag_error(diags, (Span){source, 0, 0}, "text is larger than %d bytes", SOURCE_LIMIT);
        return NULL;
    }
    Parser p = {.diags = diags, .module = module_new("", DTYPE_F32)};
    p.lexer = (Lexer){.source = source, .diags = diags, .arena = &p.module->arena};
    parser_advance(&p);
    for (uint32_t i = 0; i < EXTERN_COUNT; i++)
        names_add(&p.symbols[SUBJECT_EXTERN], extern_info[i].name, i);
    if (parse_header(&p))
        for (skip_newlines(&p); p.token.kind != TOKEN_END; skip_newlines(&p))
            parse_item(&p);
    for (size_t i = 0; i < COUNT_OF(p.symbols); i++)
        names_free(&p.symbols[i]);
    if (diags->errors == errors)
        return p.module;
    module_free(p.module);
    return NULL;
}
