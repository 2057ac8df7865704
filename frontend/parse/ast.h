/* The syntax tree of a .hn file: what the parser saw, before any name has a meaning.
 *
 * Nodes live in one arena together with copies of their names; a Span leads back to the text. Lists are linked through `next` in
 * source order. No node is deeper than AST_DEPTH_LIMIT, so that the recursive walks over the tree need no check of their own. */
#ifndef HNC_FRONTEND_AST_H
#define HNC_FRONTEND_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "support/arena.h"
#include "support/diagnostics.h"

enum { AST_DEPTH_LIMIT = 200 };

/* A list under construction and afterwards: NODE_LIST(Expr) list = {0}; list_append(&list, node). */
#define NODE_LIST(T)                                                                                                             \
    struct {                                                                                                                     \
        struct T *first, *last;                                                                                                  \
        uint32_t count;                                                                                                          \
    }
#define list_append(list, node)                                                                                                  \
    ((list)->last ? ((list)->last->next = (node)) : ((list)->first = (node)), (list)->last = (node), (list)->count++)

/* A name where one is introduced or looked up. text == NULL: absent. */
typedef struct Name {
    const char *text;
    Span span;
} Name;

typedef struct NameNode {
    Name name;
    struct NameNode *next;
} NameNode;
typedef NODE_LIST(NameNode) NameList;

/* ---- expressions ---- */

typedef enum {
    EXPR_ERROR,    /* nested too deeply; reported */
    EXPR_NUMBER,   /* number */
    EXPR_STRING,   /* name */
    EXPR_NAME,     /* name */
    EXPR_MEMBER,   /* left . name */
    EXPR_CALL,     /* left ( args ) */
    EXPR_INDEX,    /* left [ args ] */
    EXPR_UNARY,    /* operator left */
    EXPR_BINARY,   /* left operator right */
    EXPR_LIST,     /* [ args ] */
    EXPR_SPREAD,   /* ..name: the extents of a shape variable; only in lists and types */
    EXPR_ELLIPSIS, /* ...: any further extents; only in types */
    EXPR_LABEL,    /* left as name */
    EXPR_ACROSS,   /* across left */
    EXPR_GIVEN,    /* left given bindings */
    EXPR_EACH,     /* each ( bindings ) body */
} ExprKind;

typedef enum {
    OPERATOR_NEGATE,
    OPERATOR_NOT,
    OPERATOR_OR,
    OPERATOR_AND,
    OPERATOR_EQ,
    OPERATOR_NE,
    OPERATOR_LT,
    OPERATOR_LE,
    OPERATOR_GT,
    OPERATOR_GE,
    OPERATOR_JOIN,
    OPERATOR_ADD,
    OPERATOR_SUB,
    OPERATOR_MUL,
    OPERATOR_DIV,
    OPERATOR_MATMUL,
    OPERATOR_RANGE,
} Operator;
extern const char *const operator_text[]; /* ORDER Operator */

typedef struct Expr Expr;
typedef struct TypeExpr TypeExpr;
typedef struct Statement Statement;
typedef NODE_LIST(Statement) Block;

/* name: type = init, name: type ~ init, name = init: one entry of a weight, running, update or scan declaration, of
 * `given` or, with `in` for `=`, of `each` and `scan` */
typedef struct Binding {
    Name name;
    TypeExpr *type;    /* may be NULL */
    bool random;       /* ~ rather than = */
    Expr *init;        /* may be NULL */
    Expr *output_axis; /* may be NULL */
    Expr *limit;       /* of `name in init..limit`; NULL: it is no range */
    Span span;
    struct Binding *next;
} Binding;
typedef NODE_LIST(Binding) BindingList;

/* One entry between the parentheses of a call or the brackets of an index or a list. */
typedef enum {
    ARG_VALUE,  /* label: value over NAME where condition   (all but the value may be absent) */
    ARG_OVER,   /* over value                               (value is a name) */
    ARG_SLICE,  /* value : limit                            (either may be NULL) */
} ArgKind;

typedef struct Arg {
    ArgKind kind;
    Name label;
    Expr *value, *condition, *limit, *over;
    Span span, equals; /* equals: of `label = value` */
    struct Arg *next;
} Arg;
typedef NODE_LIST(Arg) ArgList;

struct Expr {
    ExprKind kind;
    Span span;
    uint32_t line, depth;
    double number;
    Name name;
    Operator operator;
    Expr *left, *right;
    ArgList args;
    BindingList bindings;
    Block body;
    Expr *next; /* in an ExprList */
};
typedef NODE_LIST(Expr) ExprList;

/* f32, f32[n, ..s], class[10], class[10][n], size; as a parameter or a result. */
struct TypeExpr {
    Name base;
    bool has_dims;
    ArgList dims; /* of a class: the number of classes alone */
    ArgList axes; /* of several labels, the second pair of brackets */
    Span span;
    struct TypeExpr *next;
};
typedef NODE_LIST(TypeExpr) TypeList;

/* ---- statements ---- */

typedef enum {
    STATEMENT_ASSIGN, /* names = value */
    STATEMENT_RETURN, /* values */
    STATEMENT_IF,     /* if value { body } else { otherwise } */
    STATEMENT_FOR,    /* for name in value .. limit { body } */
    STATEMENT_WEIGHT, /* bindings */
    STATEMENT_RUNNING,
    STATEMENT_CARRIED,
    STATEMENT_UPDATE,
    STATEMENT_SCAN,
    STATEMENT_YIELD,
    STATEMENT_REMAT, /* value: the steps of a segment */
    STATEMENT_REQUIRE, /* value, or else message */
} StatementKind;

struct Statement {
    StatementKind kind;
    Span span;
    NameList names;
    ExprList values;
    Expr *value, *limit;
    Name message;
    Block body, otherwise;
    BindingList bindings; /* of a scan: its carries */
    BindingList alongs;   /* of a scan */
    uint32_t depth;
    Statement *next;
};

/* ---- declarations ---- */

typedef struct Param {
    Name name;
    TypeExpr *type; /* NULL: anything */
    Expr *init;     /* default; NULL: none */
    Span span;
    struct Param *next;
} Param;
typedef NODE_LIST(Param) ParamList;

/* name: kind = init shared, in a hyper group */
typedef struct HyperEntry {
    Name name;
    Expr *kind, *init;
    bool shared;
    Span span;
    struct HyperEntry *next;
} HyperEntry;
typedef NODE_LIST(HyperEntry) HyperList;

/* One line of a data declaration. */
typedef enum { DATA_FIELD, DATA_COMPUTED_FIELD, DATA_TEST, DATA_SPLIT, DATA_SETTING } DataItemKind;
typedef struct DataItem {
    DataItemKind kind;
    Name name;              /* of a field or a split; the word of a setting */
    TypeExpr *type;         /* of a field; of a computed one it may be NULL */
    Expr *value;            /* computed field, test source, split's size; of `unknown as missing`, what stands behind `as` */
    ExprList values;        /* of a setting: strings, numbers, names and ranges of columns */
    bool shuffled;          /* the last split of a list */
    struct DataItem *items; /* of a test source: in the braces behind it */
    Span span;
    struct DataItem *next;
} DataItem;
typedef NODE_LIST(DataItem) DataItemList;

typedef struct Decl Decl;

/* One of the optimizers behind `by`: "adam(1e-3) of classifier.linear1". */
typedef struct OptimizerUse {
    Expr *optimizer;
    Name net; /* text NULL: no `of` */
    NameList path;
    Span span;
    struct OptimizerUse *next;
} OptimizerUse;
typedef NODE_LIST(OptimizerUse) OptimizerUseList;

/* One setting of a train declaration: `lower e by opt`, `epochs 60`, `everywhere`, `every 5 lower, 1 upper`,
 * `weights scorer = free`. */
typedef struct Setting {
    Name head;
    ExprList values;
    NameList units; /* of `every` and `after`: one per value */
    Expr *on;       /* may be NULL */
    OptimizerUseList by;
    Decl *weights; /* of `weights NET = FORM`; otherwise NULL */
    Span span;
    struct Setting *next;
} Setting;
typedef NODE_LIST(Setting) SettingList;

typedef enum {
#define DECLARATION(KIND, word, supported) DECL_##KIND,
#include "frontend/parse/declarations.def"
#undef DECLARATION
} DeclKind;
enum {
    DECL_COUNT = 0
#define DECLARATION(KIND, word, supported) +1
#include "frontend/parse/declarations.def"
#undef DECLARATION
};
extern const char *const decl_text[DECL_COUNT]; /* the keyword */
extern const bool decl_supported[DECL_COUNT];

struct Decl {
    DeclKind kind;
    Name name;
    Span span;
    Expr *value;      /* const: its value; data: the source; weights: the form; train: the method; task: the embedding */
    Expr *extent;     /* data, preference, given, task, member: name[extent]; may be NULL */
    NameList path;    /* weights: the parts after the net's name */
    ParamList params; /* net, layer, objective, export */
    TypeList results; /* net, layer */
    Block body;       /* net, layer, objective, export */
    HyperList hypers;
    DataItemList items;
    SettingList settings;
    Decl *next;
};
typedef NODE_LIST(Decl) DeclList;

/* ---- making nodes ---- */

typedef struct Parser Parser;

Expr *ast_number(Parser *parser, Span span, double number);
Expr *ast_string(Parser *parser, Name text);
Expr *ast_name(Parser *parser, Name name);
Expr *ast_member(Parser *parser, Expr *of, Name name);
Expr *ast_call(Parser *parser, Span span, Expr *callee, ArgList args);
Expr *ast_index(Parser *parser, Span span, Expr *of, ArgList args);
Expr *ast_list(Parser *parser, Span span, ArgList args);
/* [entries] behind a name: what stands alone as it is, otherwise a list. */
Expr *ast_extent(Parser *parser, Span span, ExprList entries);
Expr *ast_spread(Parser *parser, Span span, Name name);
Expr *ast_ellipsis(Parser *parser, Span span);
/* "free each t": the call with one more argument, "free(each: t)". */
Expr *ast_form_each(Parser *parser, Span span, Expr *form, Arg *each);
Expr *ast_label(Parser *parser, Expr *of, Name name);
Expr *ast_across(Parser *parser, Span span, Expr *call);
Expr *ast_given(Parser *parser, Span span, Expr *of, BindingList bindings);
/* Adds a binding to an EXPR_GIVEN that stands without parentheses. False: this is none. */
bool ast_given_add(Parser *parser, Expr *given, Binding *binding);
Expr *ast_each(Parser *parser, Span span, BindingList bindings, Block body);
Expr *ast_unary(Parser *parser, Span span, Operator operator, Expr * of);
Expr *ast_binary(Parser *parser, Operator operator, Expr * left, Expr *right);

Arg *ast_arg(Parser *parser, Span span, ArgKind kind, Name label, Expr *value);
ArgList ast_args_add(ArgList list, Arg *arg);
ExprList ast_exprs_add(ExprList list, Expr *expr);
NameList ast_names_add(Parser *parser, NameList list, Name name);

TypeExpr *ast_type(Parser *parser, Span span, Name base, bool has_dims, ArgList dims, ArgList axes);
TypeList ast_types_add(TypeList list, TypeExpr *type);
Binding *ast_binding(Parser *parser, Span span, Name name, TypeExpr *type, bool random, Expr *init);
BindingList ast_bindings_add(BindingList list, Binding *binding);

Statement *ast_statement(Parser *parser, Span span, StatementKind kind);
Statement *ast_assign(Parser *parser, Span span, NameList names, Expr *value);
Statement *ast_return(Parser *parser, Span span, ExprList values);
Statement *ast_if(Parser *parser, Span span, Expr *condition, Block body, Block otherwise);
Statement *ast_for(Parser *parser, Span span, Name name, Expr *from, Expr *to, Block body);
Statement *ast_declare(Parser *parser, Span span, StatementKind kind, BindingList bindings);
Statement *ast_scan(Parser *parser, Span span, BindingList alongs, BindingList carries, Block body);
Block ast_block_add(Block block, Statement *statement);
/* { with-bindings; return value } : the body of `= value with bindings` */
Block ast_expression_body(Parser *parser, Span span, Expr *value, BindingList bindings);

Param *ast_param(Parser *parser, Span span, Name name, TypeExpr *type, Expr *init);
ParamList ast_params_add(ParamList list, Param *param);
HyperList ast_hypers_add(Parser *parser, HyperList list, Span span, Name name, Expr *kind, Expr *init, bool shared);
DataItem *ast_data_item(Parser *parser, Span span, DataItemKind kind, Name name, TypeExpr *type, Expr *value);
DataItemList ast_items_add(DataItemList list, DataItem *item);
DataItemList ast_items_join(DataItemList first, DataItemList second);
Setting *ast_setting(Parser *parser, Span span, Name head, ExprList values, Expr *on, OptimizerUseList by);
OptimizerUse *ast_optimizer_use(Parser *parser, Span span, Expr *optimizer, Name net, NameList path);
OptimizerUseList ast_optimizer_uses_add(OptimizerUseList list, OptimizerUse *use);
SettingList ast_settings_add(SettingList list, Setting *setting);
Decl *ast_decl(Parser *parser, Span span, DeclKind kind, Name name, Expr *value);
Decl *ast_function(Parser *parser, Span span, DeclKind kind, Name name, ParamList params, TypeList results, Block body);

#endif
