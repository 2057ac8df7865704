/* The syntax tree as canonical source text: parsed again, it gives the same text. */
#include <stdlib.h>
#include <string.h>

#include "frontend/parse/ast.h"
#include "frontend/frontend.h"
#include "frontend/parse/parse.h"

static void print_expr(Text *out, const Expr *expr);
static void print_block(Text *out, const Block *block, int indent);
static void print_bindings(Text *out, BindingList bindings);

static void print_args(Text *out, ArgList args)
{
    for (const Arg *arg = args.first; arg; arg = arg->next) {
        if (arg->label.text)
            text_printf(out, "%s: ", arg->label.text);
        if (arg->kind == ARG_OVER)
            text_printf(out, "over ");
        if (arg->value)
            print_expr(out, arg->value);
        if (arg->kind == ARG_SLICE)
            text_printf(out, ":");
        if (arg->limit)
            print_expr(out, arg->limit);
        if (arg->over) {
            text_printf(out, " over ");
            print_expr(out, arg->over);
        }
        if (arg->condition) {
            text_printf(out, " where ");
            print_expr(out, arg->condition);
        }
        if (arg->next)
            text_printf(out, ", ");
    }
}

/* Operands that are operations themselves are put in parentheses. */
static void print_operand(Text *out, const Expr *expr)
{
    bool compound = expr->kind == EXPR_BINARY || expr->kind == EXPR_UNARY;
    text_printf(out, compound ? "(" : "");
    print_expr(out, expr);
    text_printf(out, compound ? ")" : "");
}

/* The shortest of %.15g .. %.17g that reads back as the same number: with fewer digits, 300 would become 3e+02. */
static void print_number(Text *out, double number)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    text_printf(out, "%s", text);
}

static void print_binary(Text *out, const Expr *expr)
{
    print_operand(out, expr->left);
    text_printf(out, " %s ", operator_text[expr->operator]);
    print_operand(out, expr->right);
}

static void print_list(Text *out, ArgList args)
{
    text_printf(out, "[");
    print_args(out, args);
    text_printf(out, "]");
}

/* Without parentheses, a setting of a train would end before `given`, and a list would go on with its bindings. */
static void print_given(Text *out, const Expr *expr)
{
    text_printf(out, "(");
    print_operand(out, expr->left);
    text_printf(out, " given ");
    print_bindings(out, expr->bindings);
    text_printf(out, ")");
}

static void print_alongs(Text *out, BindingList alongs)
{
    for (const Binding *binding = alongs.first; binding; binding = binding->next) {
        text_printf(out, "%s in ", binding->name.text);
        print_expr(out, binding->init);
        if (binding->limit) {
            text_printf(out, "..");
            print_expr(out, binding->limit);
        }
        text_printf(out, binding->next ? ", " : "");
    }
}

static void print_each(Text *out, const Expr *expr)
{
    text_printf(out, "each(");
    print_alongs(out, expr->bindings);
    text_printf(out, ")");
    print_block(out, &expr->body, 1);
}

static void print_expr(Text *out, const Expr *expr)
{
    switch (expr->kind) {
    case EXPR_ERROR:
        text_printf(out, "error");
        break;
    case EXPR_NUMBER:
        print_number(out, expr->number);
        break;
    case EXPR_STRING:
        text_printf(out, "\"%s\"", expr->name.text);
        break;
    case EXPR_NAME:
        text_printf(out, "%s", expr->name.text);
        break;
    case EXPR_MEMBER:
        print_operand(out, expr->left);
        text_printf(out, ".%s", expr->name.text);
        break;
    case EXPR_CALL:
        print_operand(out, expr->left);
        text_printf(out, "(");
        print_args(out, expr->args);
        text_printf(out, ")");
        break;
    case EXPR_INDEX:
        print_operand(out, expr->left);
        print_list(out, expr->args);
        break;
    case EXPR_UNARY:
        text_printf(out, "%s", operator_text[expr->operator]);
        print_operand(out, expr->left);
        break;
    case EXPR_BINARY:
        print_binary(out, expr);
        break;
    case EXPR_LIST:
        print_list(out, expr->args);
        break;
    case EXPR_SPREAD:
        text_printf(out, "..%s", expr->name.text);
        break;
    case EXPR_ELLIPSIS:
        text_printf(out, "...");
        break;
    case EXPR_LABEL:
        print_operand(out, expr->left);
        text_printf(out, " as %s", expr->name.text);
        break;
    case EXPR_ACROSS:
        text_printf(out, "across ");
        print_expr(out, expr->left);
        break;
    case EXPR_GIVEN:
        print_given(out, expr);
        break;
    case EXPR_EACH:
        print_each(out, expr);
        break;
    }
}

static void print_exprs(Text *out, ExprList list)
{
    for (const Expr *expr = list.first; expr; expr = expr->next) {
        print_expr(out, expr);
        if (expr->next)
            text_printf(out, ", ");
    }
}

static void print_type(Text *out, const TypeExpr *type)
{
    text_printf(out, "%s", type->base.text);
    if (!type->has_dims)
        return;
    print_list(out, type->dims);
    if (type->axes.count)
        print_list(out, type->axes);
}

static void print_names(Text *out, NameList names)
{
    for (const NameNode *node = names.first; node; node = node->next)
        text_printf(out, node->next ? "%s, " : "%s", node->name.text);
}

static void print_bindings(Text *out, BindingList bindings)
{
    for (const Binding *binding = bindings.first; binding; binding = binding->next) {
        text_printf(out, "%s", binding->name.text);
        if (binding->type) {
            text_printf(out, ": ");
            print_type(out, binding->type);
        }
        if (binding->init)
            text_printf(out, binding->random ? " ~ " : " = ");
        if (binding->init)
            print_expr(out, binding->init);
        if (binding->output_axis) {
            text_printf(out, " output axis ");
            print_expr(out, binding->output_axis);
        }
        if (binding->next)
            text_printf(out, ", ");
    }
}

/* ---- statements ---- */

static void print_indent(Text *out, int indent)
{
    text_printf(out, "%*s", 2 * indent, "");
}

static void print_if(Text *out, const Statement *statement, int indent)
{
    text_printf(out, "if ");
    print_expr(out, statement->value);
    print_block(out, &statement->body, indent);
    if (statement->otherwise.count) {
        text_printf(out, " else");
        print_block(out, &statement->otherwise, indent);
    }
}

static void print_for(Text *out, const Statement *statement, int indent)
{
    text_printf(out, "for %s in ", statement->names.first->name.text);
    print_expr(out, statement->value);
    text_printf(out, "..");
    print_expr(out, statement->limit);
    print_block(out, &statement->body, indent);
}

static void print_scan(Text *out, const Statement *statement, int indent)
{
    text_printf(out, "scan ");
    print_alongs(out, statement->alongs);
    text_printf(out, " carry ");
    print_bindings(out, statement->bindings);
    print_block(out, &statement->body, indent);
}

static void print_statement(Text *out, const Statement *statement, int indent)
{
    print_indent(out, indent);
    switch (statement->kind) {
    case STATEMENT_ASSIGN:
        print_names(out, statement->names);
        text_printf(out, " = ");
        print_expr(out, statement->value);
        break;
    case STATEMENT_RETURN:
        text_printf(out, "return ");
        print_exprs(out, statement->values);
        break;
    case STATEMENT_IF:
        print_if(out, statement, indent);
        break;
    case STATEMENT_FOR:
        print_for(out, statement, indent);
        break;
    case STATEMENT_SCAN:
        print_scan(out, statement, indent);
        break;
    case STATEMENT_WEIGHT:
    case STATEMENT_RUNNING:
    case STATEMENT_CARRIED:
    case STATEMENT_UPDATE: {
        static const char *const words[] = {
            [STATEMENT_WEIGHT] = "weight", [STATEMENT_RUNNING] = "running", [STATEMENT_CARRIED] = "carried", [STATEMENT_UPDATE] = "update"};
        text_printf(out, "%s ", words[statement->kind]);
        print_bindings(out, statement->bindings);
        break;
    }
    case STATEMENT_YIELD:
        text_printf(out, "yield ");
        print_expr(out, statement->value);
        break;
    case STATEMENT_REMAT:
        text_printf(out, "remat ");
        print_expr(out, statement->value);
        break;
    case STATEMENT_REQUIRE:
        text_printf(out, "require ");
        print_expr(out, statement->value);
        text_printf(out, ", \"%s\"", statement->message.text);
        break;
    }
    text_printf(out, "\n");
}

static void print_block(Text *out, const Block *block, int indent)
{
    text_printf(out, " {\n");
    for (const Statement *statement = block->first; statement; statement = statement->next)
        print_statement(out, statement, indent + 1);
    print_indent(out, indent);
    text_printf(out, "}");
}

/* ---- declarations ---- */

static void print_params(Text *out, ParamList params)
{
    text_printf(out, "(");
    for (const Param *param = params.first; param; param = param->next) {
        text_printf(out, "%s", param->name.text);
        if (param->type) {
            text_printf(out, ": ");
            print_type(out, param->type);
        }
        if (param->init) {
            text_printf(out, " = ");
            print_expr(out, param->init);
        }
        if (param->next)
            text_printf(out, ", ");
    }
    text_printf(out, ")");
}

static void print_callable(Text *out, const Decl *decl)
{
    print_params(out, decl->params);
    for (const TypeExpr *type = decl->results.first; type; type = type->next) {
        text_printf(out, type == decl->results.first ? " -> " : ", ");
        print_type(out, type);
    }
    print_block(out, &decl->body, 0);
}

static void print_data_items(Text *out, const DataItem *items, int indent)
{
    text_printf(out, " {\n");
    for (const DataItem *item = items; item; item = item->next) {
        static const char *const words[] = {[DATA_FIELD] = "fields ",
                                            [DATA_COMPUTED_FIELD] = "fields ",
                                            [DATA_TEST] = "",
                                            [DATA_SPLIT] = "split ",
                                            [DATA_SETTING] = ""};
        text_printf(out, "%*s%s%s", indent + 2, "", words[item->kind], item->name.text);
        if (item->type) {
            text_printf(out, ": ");
            print_type(out, item->type);
        }
        if (item->value) {
            text_printf(out, item->kind == DATA_COMPUTED_FIELD ? " = " : item->kind == DATA_SETTING ? " as " : " ");
            print_expr(out, item->value);
        }
        for (const Expr *value = item->values.first; value; value = value->next) {
            text_printf(out, value == item->values.first ? " " : ", ");
            print_expr(out, value);
        }
        if (item->items)
            print_data_items(out, item->items, indent + 2);
        text_printf(out, item->shuffled ? " shuffled\n" : "\n");
    }
    text_printf(out, "%*s}", indent, "");
}

static void print_data(Text *out, const Decl *decl)
{
    text_printf(out, " = ");
    print_expr(out, decl->value);
    if (decl->items.count)
        print_data_items(out, decl->items.first, 0);
}

static void print_hypers(Text *out, const Decl *decl)
{
    text_printf(out, " {\n");
    for (const HyperEntry *entry = decl->hypers.first; entry; entry = entry->next) {
        text_printf(out, "  %s: ", entry->name.text);
        print_expr(out, entry->kind);
        if (entry->init) {
            text_printf(out, " = ");
            print_expr(out, entry->init);
        }
        text_printf(out, entry->shared ? " shared\n" : "\n");
    }
    text_printf(out, "}");
}

static void print_setting(Text *out, const Setting *setting)
{
    const NameNode *unit = setting->units.first;
    text_printf(out, "  %s", setting->head.text);
    if (setting->weights) {
        text_printf(out, " %s", setting->weights->name.text);
        for (const NameNode *part = setting->weights->path.first; part; part = part->next)
            text_printf(out, ".%s", part->name.text);
        text_printf(out, " = ");
        print_expr(out, setting->weights->value);
    }
    for (const Expr *value = setting->values.first; value; value = value->next) {
        text_printf(out, value == setting->values.first ? " " : ", ");
        print_expr(out, value);
        if (unit) {
            text_printf(out, " %s", unit->name.text);
            unit = unit->next;
        }
    }
    if (setting->on) {
        text_printf(out, " on ");
        print_expr(out, setting->on);
    }
    for (const OptimizerUse *use = setting->by.first; use; use = use->next) {
        text_printf(out, use == setting->by.first ? " by " : ", ");
        print_expr(out, use->optimizer);
        if (use->net.text)
            text_printf(out, " of %s", use->net.text);
        for (const NameNode *part = use->path.first; part; part = part->next)
            text_printf(out, ".%s", part->name.text);
    }
    text_printf(out, "\n");
}

static void print_train(Text *out, const Decl *decl)
{
    text_printf(out, " = ");
    print_expr(out, decl->value);
    if (!decl->settings.count)
        return;
    text_printf(out, " {\n");
    for (const Setting *setting = decl->settings.first; setting; setting = setting->next)
        print_setting(out, setting);
    text_printf(out, "}");
}

static void print_decl(Text *out, const Decl *decl)
{
    text_printf(out, "%s %s", decl_text[decl->kind], decl->name.text);
    for (const NameNode *part = decl->path.first; part; part = part->next)
        text_printf(out, ".%s", part->name.text);
    bool list = decl->extent && decl->extent->kind == EXPR_LIST; /* has brackets of its own */
    if (decl->extent) {
        text_printf(out, list ? "" : "[");
        print_expr(out, decl->extent);
        text_printf(out, list ? "" : "]");
    }
    switch (decl->kind) {
    case DECL_DATA:
        print_data(out, decl);
        break;
    case DECL_CONST:
    case DECL_WEIGHTS:
        text_printf(out, " = ");
        print_expr(out, decl->value);
        break;
    case DECL_HYPER:
        print_hypers(out, decl);
        break;
    case DECL_NET:
    case DECL_LAYER:
    case DECL_OBJECTIVE:
    case DECL_EXPORT:
        print_callable(out, decl);
        break;
    case DECL_TRAIN:
        print_train(out, decl);
        break;
    case DECL_PREFERENCE:
    case DECL_GIVEN:
    case DECL_TASK:
    case DECL_MEMBER:
        if (decl->value) {
            text_printf(out, " embed ");
            print_expr(out, decl->value);
        }
        break;
    }
    text_printf(out, "\n");
}

bool frontend_print_ast(const Source *source, Diagnostics *diags, Text *out)
{
    Arena arena = {0};
    unsigned errors = diags->errors;
    DeclList decls = parse_source(source, &arena, diags);
    bool fine = diags->errors == errors;
    for (const Decl *decl = decls.first; decl && fine; decl = decl->next) {
        text_printf(out, decl == decls.first ? "" : "\n");
        print_decl(out, decl);
    }
    arena_free(&arena);
    return fine;
}
