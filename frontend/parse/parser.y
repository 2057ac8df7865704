/* The grammar of the language, in full in docs/language.md.
 *
 * Every word but `if else for in return across as by` is a keyword only where the grammar asks for one, and a name everywhere else (see `name`).
 * END is a line's end or a ';' where a statement can end; parse.c inserts it. Errors recover at the next END or '}'. */
%define api.pure full
%define api.prefix {hn_}
%define api.location.type {Span}
%define parse.error custom
%param {Parser *parser}
%locations
%expect 0
%code requires {
#include "frontend/parse/parse.h"
}

%code provides {
/* The next token, with END inserted where a statement ends (parse.c). */
int next_token(HN_STYPE *value, Span *span, Parser *parser);
/* As the lexer finds it. */
int raw_token(HN_STYPE *value, Span *span, void *scanner);
}

%code {
#include <string.h>

#define YYMAXDEPTH 4000
#define YYLLOC_DEFAULT(current, rhs, n)                                                                                         \
    ((current) = (n) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n)) : span_after(YYRHSLOC(rhs, 0)))

static Span span_after(Span span)
{
    return (Span){span.source, span.end, span.end};
}

static void hn_error(const Span *span, Parser *parser, const char *message);
#define hn_lex next_token
}

%union {
    Name name; double number; Expr *expr; Arg *arg; TypeExpr *type; Statement *statement;
    Binding *binding; Param *param; DataItem *item; Setting *setting; OptimizerUse *use;
    OptimizerUseList uses; Decl *decl; NameList names; ExprList exprs; ArgList args; TypeList types;
    Block block; BindingList bindings; ParamList params; HyperList hypers; DataItemList items;
    SettingList settings; bool flag;
}

%token <name> NAME "name" STRING "string" EACH_BEHIND "each of"
%token <number> NUMBER "number"
%token END "end of line"
%token IF "if" ELSE "else" FOR "for" IN "in" RETURN "return" ACROSS "across" AS "as" BY "by"
%token <name> AFTER "after" AXIS "axis" CARRIED "carried" CARRY "carry" CONST "const" DATA "data" EACH "each" EMBED "embed" EVERY "every"
%token <name> EVERYWHERE "everywhere" EXPORT "export" FIELDS "fields" GIVEN "given" HYPER "hyper" LAYER "layer" MEMBER "member" NET "net"
%token <name> OBJECTIVE "objective" OF "of" ON "on" OUTPUT "output" OVER "over" PREFERENCE "preference" REMAT "remat" REQUIRE "require" RUNNING "running" SCAN "scan" SHARED "shared"
%token <name> SHUFFLED "shuffled" SPLIT "split" TASK "task" TEST "test" TRAIN "train" UPDATE "update" WEIGHT "weight" WEIGHTS "weights" WHERE "where" WITH "with" YIELD "yield"
%token ARROW "->" EQ "==" NE "!=" LE "<=" GE ">=" AND "&&" OR "||" JOIN "++" DOTDOT ".." ELLIPSIS "..."

%type <name> name setting_word statement_word
%type <expr> expr source column postfix primary extent on output_axis embed value single
%type <use> use
%type <uses> by uses
%type <arg> arg index element
%type <args> args arg_list index_list elements element_list
%type <exprs> expr_list column_list results_list
%type <names> names path
%type <type> type
%type <types> types results
%type <statement> statement simple
%type <block> block statements otherwise body each_block
%type <binding> weight binding along
%type <bindings> weights runnings carrieds bindings with alongs
%type <param> param
%type <params> params param_list
%type <hypers> hypers
%type <item> field split_part
%type <items> data_items data_item fields split_parts data_body
%type <setting> setting
%type <settings> settings train_body
%type <decl> declaration
%type <flag> shared shuffled

%precedence LOW
%left OR
%left AND
%nonassoc EQ NE '<' LE '>' GE
%left JOIN
%left '+' '-'
%left '*' '/' '@'
%precedence UNARY
%precedence '(' '[' EACH GIVEN

%%

file
  : %empty
  | file declaration END   { list_append(&parser->decls, $2); }
  | file END
  | file error END         { yyerrok; }
  ;

declaration
  : DATA name extent '=' source data_body            { $$ = ast_decl(parser, @$, DECL_DATA, $2, $5); $$->extent = $3; $$->items = $6; }
  | CONST name '=' expr                               { $$ = ast_decl(parser, @$, DECL_CONST, $2, $4); }
  | HYPER name '{' hypers '}'                         { $$ = ast_decl(parser, @$, DECL_HYPER, $2, NULL); $$->hypers = $4; }
  | NET name '(' params ')' results block             { $$ = ast_function(parser, @$, DECL_NET, $2, $4, $6, $7); }
  | LAYER name '(' params ')' results block           { $$ = ast_function(parser, @$, DECL_LAYER, $2, $4, $6, $7); }
  | WEIGHTS name path '=' expr                        { $$ = ast_decl(parser, @$, DECL_WEIGHTS, $2, $5); $$->path = $3; }
  | OBJECTIVE name '(' params ')' body                { $$ = ast_function(parser, @$, DECL_OBJECTIVE, $2, $4, (TypeList){0}, $6); }
  | EXPORT name '(' params ')' body                   { $$ = ast_function(parser, @$, DECL_EXPORT, $2, $4, (TypeList){0}, $6); }
  | TRAIN name '=' postfix train_body                 { $$ = ast_decl(parser, @$, DECL_TRAIN, $2, $4); $$->settings = $5; }
  | PREFERENCE name extent                            { $$ = ast_decl(parser, @$, DECL_PREFERENCE, $2, NULL); $$->extent = $3; }
  | TASK name extent embed                            { $$ = ast_decl(parser, @$, DECL_TASK, $2, $4); $$->extent = $3; }
  | GIVEN name extent                                 { $$ = ast_decl(parser, @$, DECL_GIVEN, $2, NULL); $$->extent = $3; }
  | MEMBER name extent embed                          { $$ = ast_decl(parser, @$, DECL_MEMBER, $2, $4); $$->extent = $3; }
  ;

extent
  : %empty         { $$ = NULL; }
  | '[' expr_list ']'   { $$ = ast_extent(parser, @$, $2); }
  ;

embed
  : %empty       { $$ = NULL; }
  | EMBED expr   { $$ = $2; }
  ;

path
  : %empty          { $$ = (NameList){0}; }
  | path '.' name   { $$ = ast_names_add(parser, $1, $3); }
  ;

body
  : '=' value with  { $$ = ast_expression_body(parser, @2, $2, $3); }
  | block
  ;

with
  : %empty          { $$ = (BindingList){0}; }
  | WITH bindings   { $$ = $2; }
  ;

bindings
  : binding                { $$ = ast_bindings_add((BindingList){0}, $1); }
  | bindings ',' binding   { $$ = ast_bindings_add($1, $3); }
  ;

binding
  : name '=' single   { $$ = ast_binding(parser, @$, $1, NULL, false, $3); }
  ;

params
  : %empty           { $$ = (ParamList){0}; }
  | param_list
  | param_list ','
  ;

param_list
  : param                  { $$ = ast_params_add((ParamList){0}, $1); }
  | param_list ',' param   { $$ = ast_params_add($1, $3); }
  ;

param
  : name                     { $$ = ast_param(parser, @$, $1, NULL, NULL); }
  | name ':' type            { $$ = ast_param(parser, @$, $1, $3, NULL); }
  | name '=' expr            { $$ = ast_param(parser, @$, $1, NULL, $3); }
  | name ':' type '=' expr   { $$ = ast_param(parser, @$, $1, $3, $5); }
  ;

results
  : %empty        { $$ = (TypeList){0}; }
  | ARROW types   { $$ = $2; }
  ;

types
  : type             { $$ = ast_types_add((TypeList){0}, $1); }
  | types ',' type   { $$ = ast_types_add($1, $3); }
  ;

type
  : name                                     { $$ = ast_type(parser, @$, $1, false, (ArgList){0}, (ArgList){0}); }
  | name '[' elements ']'                    { $$ = ast_type(parser, @$, $1, true, $3, (ArgList){0}); }
  | name '[' elements ']' '[' elements ']'   { $$ = ast_type(parser, @$, $1, true, $3, $6); }
  ;

source
  : postfix
  | BY '(' args ')'   { Name word = {"by", @1};
                        $$ = ast_call(parser, @$, ast_name(parser, word), $3); }
  ;

data_body
  : %empty               { $$ = (DataItemList){0}; }
  | '{' data_items '}'   { $$ = $2; }
  ;

data_items
  : %empty                     { $$ = (DataItemList){0}; }
  | data_items data_item END   { $$ = ast_items_join($1, $2); }
  | data_items error END       { yyerrok; $$ = $1; }
  ;

data_item
  : FIELDS fields       { $$ = $2; }
  | fields
  | TEST postfix data_body   { DataItem *item = ast_data_item(parser, @$, DATA_TEST, $1, NULL, $2);
                               item->items = $3.first;
                               $$ = ast_items_add((DataItemList){0}, item); }
  | SPLIT split_parts shuffled   { $$ = $2; $$.last->shuffled = $3; }
  | NAME column_list    { DataItem *item = ast_data_item(parser, @$, DATA_SETTING, $1, NULL, NULL);
                          item->values = $2;
                          $$ = ast_items_add((DataItemList){0}, item); }
  | NAME AS name        { DataItem *item = ast_data_item(parser, @$, DATA_SETTING, $1, NULL, ast_name(parser, $3));
                          $$ = ast_items_add((DataItemList){0}, item); }
  ;

column_list
  : column                   { $$ = ast_exprs_add((ExprList){0}, $1); }
  | column_list ',' column   { $$ = ast_exprs_add($1, $3); }
  ;

column
  : expr
  | expr DOTDOT expr   { $$ = ast_binary(parser, OPERATOR_RANGE, $1, $3); }
  ;

fields
  : field              { $$ = ast_items_add((DataItemList){0}, $1); }
  | fields ',' field   { $$ = ast_items_add($1, $3); }
  ;

field
  : name ':' type   { $$ = ast_data_item(parser, @$, DATA_FIELD, $1, $3, NULL); }
  | name '=' expr   { $$ = ast_data_item(parser, @$, DATA_COMPUTED_FIELD, $1, NULL, $3); }
  | name ':' type '=' expr   { $$ = ast_data_item(parser, @$, DATA_COMPUTED_FIELD, $1, $3, $5); }
  ;

split_parts
  : split_part                   { $$ = ast_items_add((DataItemList){0}, $1); }
  | split_parts ',' split_part   { $$ = ast_items_add($1, $3); }
  ;

shuffled
  : %empty     { $$ = false; }
  | SHUFFLED   { $$ = true; }
  ;

split_part
  : name expr   { $$ = ast_data_item(parser, @$, DATA_SPLIT, $1, NULL, $2); }
  ;

hypers
  : %empty                                       { $$ = (HyperList){0}; }
  | hypers name ':' postfix '=' expr shared END  { $$ = ast_hypers_add(parser, $1, span_join(@2, @7), $2, $4, $6, $7); }
  | hypers name ':' postfix shared END           { $$ = ast_hypers_add(parser, $1, span_join(@2, @5), $2, $4, NULL, $5); }
  | hypers error END                             { yyerrok; $$ = $1; }
  ;

shared
  : %empty   { $$ = false; }
  | SHARED   { $$ = true; }
  ;

train_body
  : %empty             { $$ = (SettingList){0}; }
  | '{' settings '}'   { $$ = $2; }
  ;

settings
  : %empty               { $$ = (SettingList){0}; }
  | settings setting     { $$ = ast_settings_add($1, $2); }
  | settings END
  | settings error END   { yyerrok; $$ = $1; }
  ;

setting
  : setting_word expr_list on by       { $$ = ast_setting(parser, @$, $1, $2, $3, $4); }
  | setting_word BY uses               { $$ = ast_setting(parser, @$, $1, (ExprList){0}, NULL, $3); }
  | WEIGHTS name path '=' expr         { $$ = ast_setting(parser, @$, $1, (ExprList){0}, NULL, (OptimizerUseList){0});
                                         $$->weights = ast_decl(parser, @$, DECL_WEIGHTS, $2, $5); $$->weights->path = $3; }
  | EVERYWHERE                         { $$ = ast_setting(parser, @$, $1, (ExprList){0}, NULL, (OptimizerUseList){0}); }
  | EVERY expr name ',' expr name      { ExprList values = ast_exprs_add(ast_exprs_add((ExprList){0}, $2), $5);
                                         $$ = ast_setting(parser, @$, $1, values, NULL, (OptimizerUseList){0});
                                         $$->units = ast_names_add(parser, ast_names_add(parser, (NameList){0}, $3), $6); }
  | AFTER expr name                    { $$ = ast_setting(parser, @$, $1, ast_exprs_add((ExprList){0}, $2), NULL, (OptimizerUseList){0});
                                         $$->units = ast_names_add(parser, (NameList){0}, $3); }
  ;

on
  : %empty    { $$ = NULL; }
  | ON expr   { $$ = $2; }
  ;

by
  : %empty    { $$ = (OptimizerUseList){0}; }
  | BY uses   { $$ = $2; }
  ;

uses
  : use             { $$ = ast_optimizer_uses_add((OptimizerUseList){0}, $1); }
  | uses ',' use    { $$ = ast_optimizer_uses_add($1, $3); }
  ;

use
  : expr                 { $$ = ast_optimizer_use(parser, @$, $1, (Name){0}, (NameList){0}); }
  | expr OF name path    { $$ = ast_optimizer_use(parser, @$, $1, $3, $4); }
  ;

expr_list
  : expr                 { $$ = ast_exprs_add((ExprList){0}, $1); }
  | expr_list ',' expr   { $$ = ast_exprs_add($1, $3); }
  ;

/* ---- statements ---- */

block
  : '{' statements '}'   { $$ = $2; }
  ;

statements
  : %empty                     { $$ = (Block){0}; }
  | statements statement END   { $$ = ast_block_add($1, $2); }
  | statements error END       { yyerrok; $$ = $1; }
  ;

statement
  : simple
  | IF expr block otherwise                     { $$ = ast_if(parser, @$, $2, $3, $4); }
  | FOR name IN expr DOTDOT expr block          { $$ = ast_for(parser, @$, $2, $4, $6, $7); }
  | FOR name IN expr block                      { refuse_range(parser, $4); $$ = ast_for(parser, @$, $2, $4, $4, $5); }
  | SCAN alongs CARRY bindings block             { $$ = ast_scan(parser, @$, $2, $4, $5); }
  ;

otherwise
  : %empty                        { $$ = (Block){0}; }
  | ELSE block                    { $$ = $2; }
  | ELSE IF expr block otherwise  { $$ = ast_block_add((Block){0}, ast_if(parser, @$, $3, $4, $5)); }
  ;

simple
  : names '=' value       { $$ = ast_assign(parser, @$, $1, $3); }
  | RETURN results_list   { $$ = ast_return(parser, @$, $2); }
  | WEIGHT weights     { $$ = ast_declare(parser, @$, STATEMENT_WEIGHT, $2); }
  | RUNNING runnings   { $$ = ast_declare(parser, @$, STATEMENT_RUNNING, $2); }
  | CARRIED carrieds   { $$ = ast_declare(parser, @$, STATEMENT_CARRIED, $2); }
  | UPDATE bindings    { $$ = ast_declare(parser, @$, STATEMENT_UPDATE, $2); }
  | REQUIRE expr ',' STRING { $$ = ast_statement(parser, @$, STATEMENT_REQUIRE); $$->value = $2; $$->message = $4; }
  | REMAT expr         { $$ = ast_statement(parser, @$, STATEMENT_REMAT); $$->value = $2; }
  | YIELD expr         { $$ = ast_statement(parser, @$, STATEMENT_YIELD); $$->value = $2; }
  ;

/* Behind `E given z = V` a comma may go on with another binding, which is a `name = expr`. */
results_list
  : single                           { $$ = ast_exprs_add((ExprList){0}, $1); }
  | results_list ',' single          { $$ = ast_exprs_add($1, $3); }
  | results_list ',' name '=' expr   { $$ = $1;
                                       bind_more(parser, $1.last, ast_binding(parser, span_join(@3, @5), $3, NULL, false, $5), @4); }
  ;

names
  : name             { $$ = ast_names_add(parser, (NameList){0}, $1); }
  | names ',' name   { $$ = ast_names_add(parser, $1, $3); }
  ;

weights
  : weight               { $$ = ast_bindings_add((BindingList){0}, $1); }
  | weights ',' weight   { $$ = ast_bindings_add($1, $3); }
  ;

weight
  : name ':' type '~' expr output_axis   { $$ = ast_binding(parser, @$, $1, $3, true, $5); $$->output_axis = $6; }
  | name ':' type '=' expr output_axis   { $$ = ast_binding(parser, @$, $1, $3, false, $5); $$->output_axis = $6; }
  ;

output_axis
  : %empty             { $$ = NULL; }
  | OUTPUT AXIS expr   { $$ = $3; }
  ;

runnings
  : name ':' type '=' expr                { $$ = ast_bindings_add((BindingList){0}, ast_binding(parser, @$, $1, $3, false, $5)); }
  | runnings ',' name ':' type '=' expr   { $$ = ast_bindings_add($1, ast_binding(parser, span_join(@3, @7), $3, $5, false, $7)); }
  ;

carrieds
  : name ':' type                { $$ = ast_bindings_add((BindingList){0}, ast_binding(parser, @$, $1, $3, false, NULL)); }
  | carrieds ',' name ':' type   { $$ = ast_bindings_add($1, ast_binding(parser, span_join(@3, @5), $3, $5, false, NULL)); }
  ;

/* ---- expressions ---- */

expr
  : expr OR expr         { $$ = ast_binary(parser, OPERATOR_OR, $1, $3); }
  | expr AND expr        { $$ = ast_binary(parser, OPERATOR_AND, $1, $3); }
  | expr EQ expr         { $$ = ast_binary(parser, OPERATOR_EQ, $1, $3); }
  | expr NE expr         { $$ = ast_binary(parser, OPERATOR_NE, $1, $3); }
  | expr '<' expr        { $$ = ast_binary(parser, OPERATOR_LT, $1, $3); }
  | expr LE expr         { $$ = ast_binary(parser, OPERATOR_LE, $1, $3); }
  | expr '>' expr        { $$ = ast_binary(parser, OPERATOR_GT, $1, $3); }
  | expr GE expr         { $$ = ast_binary(parser, OPERATOR_GE, $1, $3); }
  | expr JOIN expr       { $$ = ast_binary(parser, OPERATOR_JOIN, $1, $3); }
  | expr '+' expr        { $$ = ast_binary(parser, OPERATOR_ADD, $1, $3); }
  | expr '-' expr        { $$ = ast_binary(parser, OPERATOR_SUB, $1, $3); }
  | expr '*' expr        { $$ = ast_binary(parser, OPERATOR_MUL, $1, $3); }
  | expr '/' expr        { $$ = ast_binary(parser, OPERATOR_DIV, $1, $3); }
  | expr '@' expr        { $$ = ast_binary(parser, OPERATOR_MATMUL, $1, $3); }
  | '-' expr %prec UNARY { $$ = ast_unary(parser, @$, OPERATOR_NEGATE, $2); }
  | '!' expr %prec UNARY { $$ = ast_unary(parser, @$, OPERATOR_NOT, $2); }
  | EACH '(' alongs ')' expr %prec UNARY   { $$ = ast_each(parser, @$, $3, ast_expression_body(parser, @5, $5, (BindingList){0})); }
  | postfix
  ;

/* with any number of bindings where a comma ends nothing else, otherwise with one */
value
  : expr
  | expr GIVEN bindings   { $$ = ast_given(parser, @$, $1, $3); }
  ;

single
  : expr
  | expr GIVEN binding   { $$ = ast_given(parser, @$, $1, ast_bindings_add((BindingList){0}, $3)); }
  ;

postfix
  : primary
  | postfix '.' name             { $$ = ast_member(parser, $1, $3); }
  | postfix '(' args ')'         { $$ = ast_call(parser, @$, $1, $3); }
  | postfix '[' index_list ']'   { $$ = ast_index(parser, @$, $1, $3); }
  | postfix AS name              { $$ = ast_label(parser, $1, $3); }
  | postfix EACH_BEHIND name     { $$ = ast_form_each(parser, @$, $1, ast_arg(parser, @3, ARG_VALUE, $2, ast_name(parser, $3))); }
  ;

primary
  : NUMBER                     { $$ = ast_number(parser, @$, $1); }
  | STRING                     { $$ = ast_string(parser, $1); }
  | name                       { $$ = ast_name(parser, $1); }
  | '(' value ')'              { $$ = $2; $$->span = @$; }
  | EACH '(' alongs ')' each_block   { $$ = ast_each(parser, @$, $3, $5); }
  | '[' elements ']'           { $$ = ast_list(parser, @$, $2); }
  | ACROSS NAME '(' args ')'   { $$ = ast_across(parser, @$, ast_call(parser, span_join(@2, @5), ast_name(parser, $2), $4)); }
  ;

/* whose last line may be the result, without `return` */
each_block
  : block
  | '{' statements value END '}'   { $$ = ast_block_add($2, ast_return(parser, @3, ast_exprs_add((ExprList){0}, $3))); }
  ;

alongs
  : along              { $$ = ast_bindings_add((BindingList){0}, $1); }
  | alongs ',' along   { $$ = ast_bindings_add($1, $3); }
  ;

along
  : name IN expr               { $$ = ast_binding(parser, @$, $1, NULL, false, $3); }
  | name IN expr DOTDOT expr   { $$ = ast_binding(parser, @$, $1, NULL, false, $3); $$->limit = $5; }
  ;

args
  : %empty         { $$ = (ArgList){0}; }
  | arg_list
  | arg_list ','
  ;

arg_list
  : arg                { $$ = add_argument(parser, (ArgList){0}, $1); }
  | arg_list ',' arg   { $$ = add_argument(parser, $1, $3); }
  ;

arg
  : single             { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, $1); }
  | single WHERE expr  { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, $1); $$->condition = $3; }
  | single OVER NAME   { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, $1); $$->over = ast_name(parser, $3); }
  | expr DOTDOT expr  { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, ast_binary(parser, OPERATOR_RANGE, $1, $3)); }
  | name ':' expr     { $$ = ast_arg(parser, @$, ARG_VALUE, $1, $3); }
  | name '=' expr     { $$ = ast_arg(parser, @$, ARG_VALUE, $1, $3); $$->equals = @2; }
  | OVER NAME         { $$ = ast_arg(parser, @$, ARG_OVER, (Name){0}, ast_name(parser, $2)); }
  ;

index_list
  : index                  { $$ = ast_args_add((ArgList){0}, $1); }
  | index_list ',' index   { $$ = ast_args_add($1, $3); }
  ;

index
  : expr            { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, $1); }
  | ':'             { $$ = ast_arg(parser, @$, ARG_SLICE, (Name){0}, NULL); }
  | expr ':'        { $$ = ast_arg(parser, @$, ARG_SLICE, (Name){0}, $1); }
  | ':' expr        { $$ = ast_arg(parser, @$, ARG_SLICE, (Name){0}, NULL); $$->limit = $2; }
  | expr ':' expr   { $$ = ast_arg(parser, @$, ARG_SLICE, (Name){0}, $1); $$->limit = $3; }
  | ELLIPSIS        { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, ast_ellipsis(parser, @$)); }
  | DOTDOT name     { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, ast_spread(parser, @$, $2)); }
  ;

/* list literals and the extents of types */
elements
  : %empty             { $$ = (ArgList){0}; }
  | element_list
  | element_list ','
  ;

element_list
  : element                    { $$ = ast_args_add((ArgList){0}, $1); }
  | element_list ',' element   { $$ = ast_args_add($1, $3); }
  ;

element
  : expr          { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, $1); }
  | expr DOTDOT expr   { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, ast_binary(parser, OPERATOR_RANGE, $1, $3)); }
  | DOTDOT name   { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, ast_spread(parser, @$, $2)); }
  | ELLIPSIS      { $$ = ast_arg(parser, @$, ARG_VALUE, (Name){0}, ast_ellipsis(parser, @$)); }
  ;

/* a name, which any word may be where it is not a keyword */
name
  : setting_word | AFTER | EVERY | EVERYWHERE | OF | ON | WEIGHTS
  ;

setting_word
  : NAME | AXIS | CARRY | CONST | DATA | EMBED | EXPORT | FIELDS | GIVEN | HYPER | LAYER | MEMBER | NET | OBJECTIVE | OUTPUT | OVER
  | PREFERENCE | SHARED | SHUFFLED | SPLIT | TASK | TEST | TRAIN | WHERE | WITH
  | statement_word
  ;

statement_word /* begins a statement, if what follows can follow */
  : CARRIED %prec LOW | REMAT %prec LOW | REQUIRE %prec LOW | RUNNING %prec LOW | SCAN %prec LOW | UPDATE %prec LOW | WEIGHT %prec LOW | YIELD %prec LOW
  ;
%%

static bool is_word(yysymbol_kind_t symbol)
{
    return symbol == YYSYMBOL_NAME || (symbol >= YYSYMBOL_AFTER && symbol <= YYSYMBOL_YIELD);
}

static bool is_operator(yysymbol_kind_t symbol)
{
    static const yysymbol_kind_t operators[] = {YYSYMBOL_OR, YYSYMBOL_AND, YYSYMBOL_EQ, YYSYMBOL_NE, YYSYMBOL_LE, YYSYMBOL_GE,
                                                YYSYMBOL_JOIN};
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (symbol == operators[i])
            return true;
    const char *text = yysymbol_name(symbol);
    return text[0] == '\'' && strchr("<>+-*/@.([", text[1]) && text[1];
}

/* What the parser would accept here, shortened: a name stands for every contextual keyword and for a whole expression; operators are
 * left out where the statement may also end. */
static void expected_text(const yypcontext_t *context, Text *out)
{
    enum { SHOWN = 5 };
    yysymbol_kind_t expected[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, expected, YYNTOKENS);
    bool name = false, number = false;
    for (int i = 0; i < count; i++) {
        name |= expected[i] == YYSYMBOL_NAME;
        number |= expected[i] == YYSYMBOL_NUMBER;
    }
    const char *shown[SHOWN];
    int n = 0;
    if (number)
        shown[n++] = "an expression";
    else if (name)
        shown[n++] = "a name";
    for (int i = 0; i < count && !number; i++) {
        if ((name && is_word(expected[i])) || is_operator(expected[i]) || expected[i] == YYSYMBOL_YYEOF)
            continue;
        if (n == SHOWN)
            return;
        shown[n++] = yysymbol_name(expected[i]);
    }
    list_expected(n, shown, out);
}

static bool expects_declaration(const yypcontext_t *context)
{
    yysymbol_kind_t expected[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, expected, YYNTOKENS);
    bool data = false, name = false;
    for (int i = 0; i < count; i++) {
        data |= expected[i] == YYSYMBOL_DATA;
        name |= expected[i] == YYSYMBOL_NAME;
    }
    return data && !name;
}

static int yyreport_syntax_error(const yypcontext_t *context, Parser *parser)
{
    Text expected = {0};
    expected_text(context, &expected);
    yysymbol_kind_t token = yypcontext_token(context);
    int number = token == YYSYMBOL_YYEOF ? HN_EOF : token == YYSYMBOL_END ? END : HN_UNDEF;
    syntax_error(parser, *yypcontext_location(context), number, expected.len ? expected.data : NULL, expects_declaration(context));
    text_free(&expected);
    return 0;
}

/* Called by the parser itself only when its stack is full. */
static void hn_error(const Span *span, Parser *parser, const char *message)
{
    (void)message;
    diag_error(parser->diags, *span, "nested too deeply for the parser");
}
