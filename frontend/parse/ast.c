/* Node constructors. Each grammar production calls one of these. */
#include "frontend/parse/ast.h"

#include "frontend/parse/parse.h"

static uint32_t depth_of(const Expr *expr)
{
    return expr ? expr->depth : 0;
}

static uint32_t depth_of_args(ArgList args)
{
    uint32_t depth = 0;
    for (const Arg *arg = args.first; arg; arg = arg->next) {
        const Expr *parts[] = {arg->value, arg->condition, arg->limit, arg->over};
        for (size_t i = 0; i < COUNT_OF(parts); i++)
            if (depth_of(parts[i]) > depth)
                depth = depth_of(parts[i]);
    }
    return depth;
}

static bool too_deep(Parser *parser, Span span, uint32_t depth)
{
    if (depth <= AST_DEPTH_LIMIT)
        return false;
    if (!parser->too_deep)
        diag_error(parser->diags, span, "nested too deeply (limit is %d levels)", AST_DEPTH_LIMIT);
    return parser->too_deep = true;
}

static Expr *new_expr(Parser *parser, ExprKind kind, Span span, uint32_t depth_below)
{
    Expr *expr = ARENA_NEW(parser->arena, Expr);
    expr->kind = kind;
    expr->span = span;
    expr->line = parser_line(parser, span.begin);
    expr->depth = depth_below + 1;
    if (too_deep(parser, span, expr->depth)) {
        expr->kind = EXPR_ERROR;
        expr->depth = 1;
    }
    return expr;
}

Expr *ast_number(Parser *parser, Span span, double number)
{
    Expr *expr = new_expr(parser, EXPR_NUMBER, span, 0);
    expr->number = number;
    return expr;
}

static Expr *new_named(Parser *parser, ExprKind kind, Span span, Expr *left, Name name)
{
    Expr *expr = new_expr(parser, kind, span, depth_of(left));
    expr->left = left;
    expr->name = name;
    return expr;
}

Expr *ast_string(Parser *parser, Name text)
{
    return new_named(parser, EXPR_STRING, text.span, NULL, text);
}

Expr *ast_name(Parser *parser, Name name)
{
    return new_named(parser, EXPR_NAME, name.span, NULL, name);
}

Expr *ast_spread(Parser *parser, Span span, Name name)
{
    return new_named(parser, EXPR_SPREAD, span, NULL, name);
}

Expr *ast_ellipsis(Parser *parser, Span span)
{
    return new_expr(parser, EXPR_ELLIPSIS, span, 0);
}

Expr *ast_member(Parser *parser, Expr *of, Name name)
{
    return new_named(parser, EXPR_MEMBER, span_join(of->span, name.span), of, name);
}

Expr *ast_label(Parser *parser, Expr *of, Name name)
{
    return new_named(parser, EXPR_LABEL, span_join(of->span, name.span), of, name);
}

Expr *ast_across(Parser *parser, Span span, Expr *call)
{
    return new_named(parser, EXPR_ACROSS, span, call, (Name){0});
}

static Expr *new_list(Parser *parser, ExprKind kind, Span span, Expr *left, ArgList args)
{
    uint32_t below = depth_of_args(args);
    Expr *expr = new_expr(parser, kind, span, below > depth_of(left) ? below : depth_of(left));
    expr->left = left;
    expr->args = args;
    return expr;
}

Expr *ast_call(Parser *parser, Span span, Expr *callee, ArgList args)
{
    return new_list(parser, EXPR_CALL, span, callee, args);
}

Expr *ast_form_each(Parser *parser, Span span, Expr *form, Arg *each)
{
    bool call = form->kind == EXPR_CALL;
    ArgList args = ast_args_add(call ? form->args : (ArgList){0}, each);
    return new_list(parser, EXPR_CALL, span, call ? form->left : form, args);
}

Expr *ast_index(Parser *parser, Span span, Expr *of, ArgList args)
{
    return new_list(parser, EXPR_INDEX, span, of, args);
}

Expr *ast_list(Parser *parser, Span span, ArgList args)
{
    return new_list(parser, EXPR_LIST, span, NULL, args);
}

Expr *ast_extent(Parser *parser, Span span, ExprList entries)
{
    ArgList args = {0};
    for (Expr *entry = entries.first; entry && entries.count > 1; entry = entry->next)
        args = ast_args_add(args, ast_arg(parser, entry->span, ARG_VALUE, (Name){0}, entry));
    return args.count ? ast_list(parser, span, args) : entries.first;
}

static uint32_t depth_of_bindings(BindingList bindings)
{
    uint32_t depth = 0;
    for (const Binding *binding = bindings.first; binding; binding = binding->next)
        if (depth_of(binding->init) > depth)
            depth = depth_of(binding->init);
    return depth;
}

/* Whether it is `E given z = V` without parentheses. */
static bool is_open_given(const Expr *expr)
{
    return expr && expr->kind == EXPR_GIVEN && expr->span.begin == expr->left->span.begin;
}

/* `E given z = V given y = U` */
static void refuse_chain(Parser *parser, const Binding *binding)
{
    if (!is_open_given(binding->init))
        return;
    diag_error(parser->diags, binding->init->bindings.first->span, "a second 'given' behind one expression");
    diag_help(parser->diags, "several values stand behind one 'given', with commas between them: 'f(x) given z = c, y = u'");
}

Expr *ast_given(Parser *parser, Span span, Expr *of, BindingList bindings)
{
    for (const Binding *binding = bindings.first; binding; binding = binding->next)
        refuse_chain(parser, binding);
    uint32_t below = depth_of_bindings(bindings);
    Expr *expr = new_expr(parser, EXPR_GIVEN, span, below > depth_of(of) ? below : depth_of(of));
    expr->left = of;
    expr->bindings = bindings;
    return expr;
}

bool ast_given_add(Parser *parser, Expr *given, Binding *binding)
{
    if (!is_open_given(given))
        return false;
    refuse_chain(parser, binding);
    list_append(&given->bindings, binding);
    given->span = span_join(given->span, binding->span);
    uint32_t depth = depth_of(binding->init) + 1;
    if (depth > given->depth && !too_deep(parser, given->span, depth))
        given->depth = depth;
    return true;
}

/* Of blocks and expressions within a block. */
static uint32_t depth_of_block(const Block *block)
{
    uint32_t depth = 0;
    for (const Statement *statement = block->first; statement; statement = statement->next) {
        uint32_t parts[] = {depth_of(statement->value), depth_of(statement->limit), depth_of_bindings(statement->bindings),
                            depth_of_block(&statement->body), depth_of_block(&statement->otherwise)};
        for (size_t i = 0; i < COUNT_OF(parts); i++)
            depth = parts[i] > depth ? parts[i] : depth;
        for (const Expr *value = statement->values.first; value; value = value->next)
            depth = depth_of(value) > depth ? depth_of(value) : depth;
    }
    return depth + 1;
}

Expr *ast_each(Parser *parser, Span span, BindingList bindings, Block body)
{
    uint32_t below = depth_of_bindings(bindings), inside = depth_of_block(&body);
    Expr *expr = new_expr(parser, EXPR_EACH, span, below > inside ? below : inside);
    expr->bindings = bindings;
    expr->body = body;
    return expr;
}

Expr *ast_unary(Parser *parser, Span span, Operator operator, Expr * of)
{
    Expr *expr = new_expr(parser, EXPR_UNARY, span, depth_of(of));
    expr->operator= operator;
    expr->left = of;
    return expr;
}

Expr *ast_binary(Parser *parser, Operator operator, Expr * left, Expr *right)
{
    uint32_t below = depth_of(left) > depth_of(right) ? depth_of(left) : depth_of(right);
    Expr *expr = new_expr(parser, EXPR_BINARY, span_join(left->span, right->span), below);
    expr->operator= operator;
    expr->left = left;
    expr->right = right;
    return expr;
}

Arg *ast_arg(Parser *parser, Span span, ArgKind kind, Name label, Expr *value)
{
    Arg *arg = ARENA_NEW(parser->arena, Arg);
    arg->kind = kind;
    arg->label = label;
    arg->value = value;
    arg->span = span;
    return arg;
}

ArgList ast_args_add(ArgList list, Arg *arg)
{
    list_append(&list, arg);
    return list;
}

ExprList ast_exprs_add(ExprList list, Expr *expr)
{
    list_append(&list, expr);
    return list;
}

NameList ast_names_add(Parser *parser, NameList list, Name name)
{
    NameNode *node = ARENA_NEW(parser->arena, NameNode);
    node->name = name;
    list_append(&list, node);
    return list;
}

TypeExpr *ast_type(Parser *parser, Span span, Name base, bool has_dims, ArgList dims, ArgList axes)
{
    TypeExpr *type = ARENA_NEW(parser->arena, TypeExpr);
    type->base = base;
    type->has_dims = has_dims;
    type->dims = dims;
    type->axes = axes;
    type->span = span;
    return type;
}

TypeList ast_types_add(TypeList list, TypeExpr *type)
{
    list_append(&list, type);
    return list;
}

Binding *ast_binding(Parser *parser, Span span, Name name, TypeExpr *type, bool random, Expr *init)
{
    Binding *binding = ARENA_NEW(parser->arena, Binding);
    binding->name = name;
    binding->type = type;
    binding->random = random;
    binding->init = init;
    binding->span = span;
    return binding;
}

BindingList ast_bindings_add(BindingList list, Binding *binding)
{
    list_append(&list, binding);
    return list;
}

Statement *ast_statement(Parser *parser, Span span, StatementKind kind)
{
    Statement *statement = ARENA_NEW(parser->arena, Statement);
    statement->kind = kind;
    statement->span = span;
    statement->depth = 1;
    return statement;
}

Statement *ast_assign(Parser *parser, Span span, NameList names, Expr *value)
{
    Statement *statement = ast_statement(parser, span, STATEMENT_ASSIGN);
    statement->names = names;
    statement->value = value;
    return statement;
}

Statement *ast_return(Parser *parser, Span span, ExprList values)
{
    Statement *statement = ast_statement(parser, span, STATEMENT_RETURN);
    statement->values = values;
    return statement;
}

/* A statement that holds blocks. Where blocks nest too deeply they are dropped. */
static Statement *new_nested(Parser *parser, Span span, StatementKind kind, Block body, Block otherwise)
{
    Statement *statement = ast_statement(parser, span, kind);
    const Block blocks[] = {body, otherwise};
    uint32_t below = 0;
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        for (const Statement *inner = blocks[i].first; inner; inner = inner->next)
            if (inner->depth > below)
                below = inner->depth;
    if (too_deep(parser, span, below + 1))
        return statement;
    statement->depth = below + 1;
    statement->body = body;
    statement->otherwise = otherwise;
    return statement;
}

Statement *ast_if(Parser *parser, Span span, Expr *condition, Block body, Block otherwise)
{
    Statement *statement = new_nested(parser, span, STATEMENT_IF, body, otherwise);
    statement->value = condition;
    return statement;
}

Statement *ast_for(Parser *parser, Span span, Name name, Expr *from, Expr *to, Block body)
{
    Statement *statement = new_nested(parser, span, STATEMENT_FOR, body, (Block){0});
    statement->names = ast_names_add(parser, (NameList){0}, name);
    statement->value = from;
    statement->limit = to;
    return statement;
}

Statement *ast_declare(Parser *parser, Span span, StatementKind kind, BindingList bindings)
{
    Statement *statement = ast_statement(parser, span, kind);
    statement->bindings = bindings;
    return statement;
}

Statement *ast_scan(Parser *parser, Span span, BindingList alongs, BindingList carries, Block body)
{
    Statement *statement = new_nested(parser, span, STATEMENT_SCAN, body, (Block){0});
    statement->alongs = alongs;
    statement->bindings = carries;
    return statement;
}

Block ast_block_add(Block block, Statement *statement)
{
    list_append(&block, statement);
    return block;
}

Block ast_expression_body(Parser *parser, Span span, Expr *value, BindingList bindings)
{
    Block body = {0};
    for (Binding *binding = bindings.first; binding; binding = binding->next) {
        NameList names = ast_names_add(parser, (NameList){0}, binding->name);
        body = ast_block_add(body, ast_assign(parser, binding->span, names, binding->init));
    }
    ExprList values = ast_exprs_add((ExprList){0}, value);
    return ast_block_add(body, ast_return(parser, span, values));
}

Param *ast_param(Parser *parser, Span span, Name name, TypeExpr *type, Expr *init)
{
    Param *param = ARENA_NEW(parser->arena, Param);
    param->name = name;
    param->type = type;
    param->init = init;
    param->span = span;
    return param;
}

ParamList ast_params_add(ParamList list, Param *param)
{
    list_append(&list, param);
    return list;
}

HyperList ast_hypers_add(Parser *parser, HyperList list, Span span, Name name, Expr *kind, Expr *init, bool shared)
{
    HyperEntry *entry = ARENA_NEW(parser->arena, HyperEntry);
    entry->name = name;
    entry->kind = kind;
    entry->init = init;
    entry->shared = shared;
    entry->span = span;
    list_append(&list, entry);
    return list;
}

DataItem *ast_data_item(Parser *parser, Span span, DataItemKind kind, Name name, TypeExpr *type, Expr *value)
{
    DataItem *item = ARENA_NEW(parser->arena, DataItem);
    item->kind = kind;
    item->name = name;
    item->type = type;
    item->value = value;
    item->span = span;
    return item;
}

DataItemList ast_items_add(DataItemList list, DataItem *item)
{
    list_append(&list, item);
    return list;
}

DataItemList ast_items_join(DataItemList first, DataItemList second)
{
    if (!first.first)
        return second;
    if (second.first) {
        first.last->next = second.first;
        first.last = second.last;
        first.count += second.count;
    }
    return first;
}

OptimizerUse *ast_optimizer_use(Parser *parser, Span span, Expr *optimizer, Name net, NameList path)
{
    OptimizerUse *use = ARENA_NEW(parser->arena, OptimizerUse);
    use->optimizer = optimizer;
    use->net = net;
    use->path = path;
    use->span = span;
    return use;
}

OptimizerUseList ast_optimizer_uses_add(OptimizerUseList list, OptimizerUse *use)
{
    list_append(&list, use);
    return list;
}

Setting *ast_setting(Parser *parser, Span span, Name head, ExprList values, Expr *on, OptimizerUseList by)
{
    Setting *setting = ARENA_NEW(parser->arena, Setting);
    setting->head = head;
    setting->values = values;
    setting->on = on;
    setting->by = by;
    setting->span = span;
    return setting;
}

SettingList ast_settings_add(SettingList list, Setting *setting)
{
    list_append(&list, setting);
    return list;
}

Decl *ast_decl(Parser *parser, Span span, DeclKind kind, Name name, Expr *value)
{
    Decl *decl = ARENA_NEW(parser->arena, Decl);
    decl->kind = kind;
    decl->name = name;
    decl->span = span;
    decl->value = value;
    return decl;
}

Decl *ast_function(Parser *parser, Span span, DeclKind kind, Name name, ParamList params, TypeList results, Block body)
{
    Decl *decl = ast_decl(parser, span, kind, name, NULL);
    decl->params = params;
    decl->results = results;
    decl->body = body;
    return decl;
}
