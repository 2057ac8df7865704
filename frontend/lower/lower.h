/* Checking and lowering in one walk: expressions are evaluated over `Val`s, which are compile-time numbers and shapes where they
 * can be and IR values otherwise. Every user error becomes a message and a VAL_POISON, which all code passes on silently; the
 * builder is only called with operands that fit.
 *
 * A file is walked several times, each time (a Session) into a model of its own: once over everything, which finds the errors and
 * learns every net's weights; then once per `train`. Weights that an expression reaches before its net was called (`sumsq(NET)`)
 * and the number of weights a generator makes are thus known in the later walks. */
#ifndef HNC_FRONTEND_LOWER_H
#define HNC_FRONTEND_LOWER_H

#include "frontend/parse/ast.h"
#include "frontend/lower/kept.h"
#include "frontend/parse/foreign.h"
#include "frontend/frontend.h"
#include "frontend/lower/std.h"
#include "ir/forms/forms.h"
#include "ir/model.h"

/* Named limits of what a file may ask for. */
enum {
    LIMIT_BYTES = 256 * 1024,    /* of a model file: look-ups are linear in what it declares */
    LIMIT_OPS = 100000,          /* operations of one function */
    LIMIT_EVALUATIONS = 2000000, /* expressions and statements evaluated in one walk, loops unrolled */
    LIMIT_CALL_DEPTH = 64,       /* calls within calls */
    LIMIT_QUANTILE = 10000,      /* numbers of which a quantile is taken: each is compared with each */
    LIMIT_COMPUTED = 256,        /* fields of a data set that are computed */
    LIMIT_LAYERS = 4096,         /* calls of layers with weights in one net */
};

/* ---- the program: what holds for all walks ---- */

typedef enum { CONST_UNKNOWN, CONST_EVALUATING, CONST_KNOWN } ConstState;

typedef struct Symbol {
    const Decl *decl;
    uint32_t index; /* among the declarations of its kind */
    ConstState state;
    double number;           /* const */
    bool number_known;       /* const: false after an error */
    bool used;               /* net, objective: lowered at least once */
    bool pinned;             /* const: it stands elsewhere than as a setting of an optimizer */
    bool is_setting;         /* const: it stands as a setting, such as the rate of an optimizer */
    uint32_t uses, run_uses; /* const, in the first walk: places where it stands in an expression; those where only its product
                                with a tensor, or another operation on both, is needed */
    bool broken;             /* data, net: its declaration has an error, so missing parts are not reported */
    bool misread;            /* data: a field of it without a split was reported */
    uint32_t condition;      /* a condition's place among those of the module */
    int64_t extent;          /* elements of its value, or how many values an index has; 0 after an error */
    Dims shape;              /* of its value; no axes: a vector */
    uint32_t embedding;      /* of an index: the weight whose rows stand for its values; NO_EMBEDDING: it has none */
} Symbol;

#define NO_EMBEDDING UINT32_MAX

/* A weight as the first walk saw it. */
typedef struct KnownWeight {
    const char *name;
    uint64_t hash; /* of the name: support/fnv.h */
    const Symbol *net;
    Type type;
    int output_axis;
    int64_t fan_in, fan_out;
    Init init;
    bool running;    /* a running statistic: no gradient moves it, and no form makes it */
    Span span, call; /* of the declaration; of the net */
} KnownWeight;

/* The type of an export's argument, inferred by the first walk. */
typedef struct KnownArgument {
    const Param *param;
    Type type;
    int64_t classes;
} KnownArgument;

/* The type of a value that a parameter with open sizes, `x: f32[n]`, got first. */
typedef struct KnownParameter {
    const TypeExpr *declared;
    Type type;
} KnownParameter;

typedef struct Reported {
    Span span, call; /* call: the user's, where span is in std.hn */
} Reported;

/* A value that did not have the type that is written. */
typedef struct Mismatch {
    const TypeExpr *expected;
    const char *given;
} Mismatch;

typedef struct CallNote {
    Span span;
    const char *callee;
} CallNote;

/* The table that the files of a data set hold; owned by the ModelFile. */
typedef struct KnownTable {
    const Decl *decl;
    struct Table *table;
} KnownTable;

/* The examples of a data set that were counted; of the ModelFile's arena. */
typedef struct KnownCounts {
    const Decl *decl;
    const DataCounts *counts;
} KnownCounts;

/* A .hn file: what holds for all walks over it. */
typedef struct ModelFile {
    const Source *source;
    const FrontendOptions *options;
    Diagnostics *diags;
    Arena arena; /* syntax trees and everything below */
    DeclList decls, std_decls;
    VEC(Symbol *) symbols, std_symbols;
    VEC(KnownWeight) weights;
    VEC(const char *) trained; /* names of the weights that losses of trains read */
    VEC(KnownArgument) arguments;
    VEC(KnownParameter) parameters;
    VEC(Reported) reported; /* one error per place */
    VEC(Mismatch) mismatches;
    uint64_t fixed;         /* conditions of which a warning said that a train keeps them: each once, however many trains do */
    bool attach;            /* the last message was new: notes and helps go to it */
    VEC(CallNote) calls;    /* that led to the last message: noted after all else */
    VEC(Span) noted;        /* places that the last message shows */
    VEC(KnownTable) tables; /* what the first walk read */
    VEC(KnownCounts) counts;
} ModelFile;

/* ---- values ---- */

typedef enum {
    VAL_POISON,    /* an error was reported */
    VAL_TENSOR,    /* ir; classes of a label */
    VAL_NUMBER,    /* known at compile time */
    VAL_DIMS,      /* dims: a list of whole numbers that may be extents, [n, 3], ..s */
    VAL_NUMBERS,   /* numbers, of the shape dims: any other list of numbers known at compile time, [0.5, 2], [[1, 2], [3, 4]] */
    VAL_TEXT,      /* a string */
    VAL_NONE,      /* none: a new axis in an index */
    VAL_DATASET,   /* symbol */
    VAL_SPLIT,     /* symbol, split */
    VAL_FIELD,     /* symbol, field */
    VAL_COLUMN,    /* symbol, split, field: of all rows of the split, of which a computed row takes some */
    VAL_CONDITION, /* symbol: its vector; of an index: itself, or its row of the embedding */
    VAL_WEIGHTS,   /* symbol, path: a net or a dotted part of one */
    VAL_ARGUMENT,  /* param: an export's argument whose type is not known yet */
    VAL_RESULTS,   /* results: what a net or layer of several results returns */
} ValKind;

/* A condition that has a value for the expression at hand: `E given z = V`. */
typedef struct Given {
    const Symbol *condition;
    Value value;
    const struct Given *outer; /* the next one that holds, too; NULL: none */
} Given;

typedef struct Val {
    ValKind kind;
    Value ir;
    int64_t classes;    /* of an i32 tensor that is a label; 0: unknown */
    bool probabilities; /* of a tensor that a standard layer made of logits */
    double number;
    Symbol *constant; /* of a number: the only constant that it was computed from, directly; NULL: none */
    bool boolean;
    Dims dims;
    const double *numbers; /* dims_elements(dims) of them */
    Symbol *symbol;
    uint32_t split, field; /* of the data set; of the module */
    MemberChoice member;   /* of a data set or a split of a family */
    const char *path;
    const Given *given; /* of a condition, or of weights: what held where it was named */
    const Param *param;
    const struct Results *results;
} Val;

/* What `return a, b` returns; of the file's arena. */
typedef struct Results {
    uint32_t count;
    Val values[];
} Results;

/* ---- one walk ---- */

typedef struct Local {
    const char *name;
    Val value;
    Span span;
} Local;

typedef struct LayerCount {
    const char *name;
    unsigned count;
    bool label; /* given by `as` */
    Span span;
} LayerCount;

/* One call being evaluated. */
typedef struct Frame {
    struct Frame *caller;
    const Decl *decl;   /* NULL: an expression of a train or weights declaration */
    Span call;          /* where it was called */
    const char *prefix; /* of the names of weights: "classifier.linear1"; NULL outside nets */
    Symbol *net;        /* the innermost net */
    bool objective;     /* reductions without axes run across the batch */
    bool standard;      /* names resolve in std.hn */
    bool returned;
    Val result;
    struct Loop *loop;   /* the `scan` whose block is run (scan.c); NULL: none */
    int64_t result_size; /* a generator's: what an unbound size in the result type is; 0: none */
    unsigned *layers;    /* calls of layers in the innermost net so far */
    VEC(Local) locals;
    VEC(LayerCount) counts;
} Frame;

/* What the walk knows of a form, in the order of model->forms. */
typedef struct FormPlan {
    const Decl *decl; /* NULL: free, as nothing is declared */
    const Symbol *net;
} FormPlan;

/* A net that makes numbers for all weights of a form. */
typedef struct GeneratorPlan {
    uint32_t form;
    const Expr *use; /* of the form that takes the net, "dense(respond(lam))" */
    const FormRow *row;
    uint32_t weight; /* what it makes, in module->weights */
    NumbersKind kind;
    uint32_t rows, head; /* of a form that joins rows: weights of the module (see FormUse) */
} GeneratorPlan;

/* First values that are measured, of a function that is being built. */
typedef struct MeasurePlan {
    uint32_t weight; /* whose first values follow */
    Value value;     /* of the function */
    Measure measure;
} MeasurePlan;

/* A weight whose expression is being evaluated. */
typedef struct WeightMaking {
    uint32_t weight;
    const Frame *frame; /* the frame in which forms have a meaning */
    unsigned uses[FORM_COUNT], heads;
} WeightMaking;

/* A row of a data set that is being computed. */
typedef struct RowMaking {
    Dataset *data;
    bool broken;          /* it takes examples of a data set that has errors */
    Value number, seed;   /* inputs of its function */
    uint32_t stream, end; /* the next random stream, and the one behind the last */
    bool full;            /* that there are no more streams was reported */
} RowMaking;

typedef struct Session {
    ModelFile *file;
    Model *model;
    Module *module;
    Builder builder; /* function == NULL: only compile-time values */
    Frame *frame;
    bool learning;            /* the first walk */
    const Decl *train;        /* whose forms of weights hold; NULL: none */
    bool training, exhausted; /* exhausted: a limit was hit */
    bool tuning;              /* hyperparameters may stand for numbers that are TAKES_TUNABLE */
    uint32_t evaluations;
    uint32_t next_stream;
    /* of the function being built */
    const Symbol *dataset; /* whose examples it reads; NULL: none yet */
    uint32_t split;
    MemberChoice member;
    Span split_span;
    bool two_splits;     /* reported */
    const Symbol *named; /* the data set of which its expression names a split, whether or not anything reads it; NULL: none */
    uint32_t named_split;
    MemberChoice named_member;
    bool several_named; /* it names other splits, too */
    uint64_t spanned;   /* conditions over all of whose values some part of it runs, as a set */
    bool upper;         /* random numbers are keyed by the upper step counter */
    VEC(Update) updates;
    VEC(Carried) carried;
    const Expr *shared; /* the call of a random number that is drawn once for the batch; NULL: none */
    VEC(FormPlan) forms;
    VEC(GeneratorPlan) generators;
    const Given *given; /* the innermost condition that has a value; NULL: none */
    VEC(MeasurePlan) measures;
    WeightMaking *making; /* the weight whose expression is being evaluated; NULL: none */
    RowMaking *row;       /* the row of a data set that is being computed; NULL: none */
    uint32_t generating;  /* 1 + the form whose generator is being built; 0: none */
    const struct Moving *moving; /* weights that steps move (steps.c); NULL: none */
} Session;

/* ---- messages (messages.c) ---- */

/* Reports an error unless one was already reported at this place. An error inside std.hn is reported at the user's call. Notes
 * name the calls of generic layers that led to the place. Returns VAL_POISON. */
Val fail(Session *s, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reports a warning, with its name behind it, unless it is silenced or was reported at this place. It is an error where the
 * options say so. */
void warn(Session *s, WarningKind kind, Span span, const char *format, ...) __attribute__((format(printf, 4, 5)));
void add_note(Session *s, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
void add_help(Session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Attaches the pending notes of the last message. Called before another part of the compiler reports a message. */
void finish_message(ModelFile *file);
/* A list of names to suggest from. */
typedef struct Candidates {
    VEC(const char *) names;
} Candidates;
/* Adds the names that the file declares of that kind. */
void add_declared(const Session *s, DeclKind kind, Candidates *candidates);
/* help: did you mean ...; frees the list. Returns whether there was something to suggest. */
bool suggest(Session *s, const char *name, Candidates *candidates);
/* Several results as one value. */
Val val_results(Session *s, uint32_t count, const Val *values);
/* What a value is, for messages: "f32[10]", "the number 3", "a data split". */
const char *describe(Session *s, Val value);
const char *describe_type(Session *s, Type type);
const char *describe_dims(Session *s, Dims dims); /* "[3, 4]" */
/* "f32[n, ..s]" as written. */
const char *type_expr_text(Session *s, const TypeExpr *type);

/* ---- names that are not known (foreign_names.c) ---- */

/* "FEATURE: not supported yet", and what to use meanwhile. */
Val refuse(Session *s, Span span, const char *feature);
/* How weights are made from the example. */
extern const char weights_given[];
/* Adds as help what to write instead of a word of other languages. False: there is no answer for it. */
bool answer_foreign(Session *s, ForeignKind kind, const char *word);
/* The name that is near or, if none is, all of them: "WHAT: a, b and c". Frees the list. */
void choose_name(Session *s, const char *name, Candidates *candidates, const char *what);
/* The function that is meant by a name that is none. False: there is none to suggest. */
bool suggest_function(Session *s, const char *name);
/* A call of something that is no name; a member of a module that other languages have (false: it is none); any other member that
 * there is not; a name that nothing has (frees the list). */
Val refuse_callee(Session *s, const Expr *call);
bool refuse_module(Session *s, const Expr *member);
Val refuse_member(Session *s, const Expr *member, Val value);
Val refuse_name(Session *s, Name name, Candidates *candidates);

/* ---- names (symbols.c) ---- */

void declare_symbols(Session *s);
Symbol *find_symbol(const ModelFile *file, bool standard, const char *name);
Symbol *find_symbol_of(const ModelFile *file, const char *name, DeclKind kind);
/* Whether it is a layer, a net or an objective. */
bool is_callable(const Symbol *symbol);
/* How many declarations of the kind the file has. */
uint32_t count_declared(const ModelFile *file, DeclKind kind);
Val *find_local(Frame *frame, const char *name);
void set_local(Frame *frame, Name name, Val value);
Val lookup_name(Session *s, Name name);
/* The layer, net or objective that a call names; reports and returns NULL if there is none. */
Symbol *lookup_callee(Session *s, Name name);
bool constant_number(Session *s, Symbol *symbol, double *number);
/* Whether a run may give the constant another number: no part of the program was made by it. Known after the first walk. */
bool changes_at_run(const Symbol *constant);
void frame_free(Frame *frame);

/* ---- sizes of data (data_counts.c) ---- */

/* The declaration of number `dataset` of the model's data sets. */
Symbol *data_symbol(const Session *s, uint32_t dataset);
/* What the files of a data set hold, counted once per compilation; NULL (reported at the span) if they cannot be counted. */
const DataCounts *data_counts(Session *s, const Symbol *symbol, const Dataset *data, Span span);

/* ---- values (values.c) ---- */

static inline Val val_poison(void)
{
    return (Val){.kind = VAL_POISON};
}
static inline Val val_tensor(Value ir)
{
    return (Val){.kind = VAL_TENSOR, .ir = ir};
}
static inline Val val_number(double number)
{
    return (Val){.kind = VAL_NUMBER, .number = number};
}
static inline Val val_bool(bool truth)
{
    return (Val){.kind = VAL_NUMBER, .number = truth, .boolean = true};
}
static inline bool is_poison(Val value)
{
    return value.kind == VAL_POISON;
}
Type val_type(const Session *s, Val value); /* of a VAL_TENSOR */
bool is_real(const Session *s, Val value);
/* The value as an IR tensor (a number becomes a real scalar, weights their param, a condition its vector), or poison. */
Val as_tensor(Session *s, Val value, Span span);
/* The same, cast to the real dtype. */
Val as_real(Session *s, Val value, Span span);
/* A truth value: bool as it is. */
Val as_bool(Session *s, Val value, Span span);
/* A whole number known at compile time within [low, high]; `what` names it in the message. */
bool as_integer(Session *s, Val value, Span span, const char *what, int64_t low, int64_t high, int64_t *result);
bool as_number(Session *s, Val value, Span span, const char *what, double *result);
/* Whether a tensor of this type may exist; reports otherwise. */
bool check_type(Session *s, Type type, Span span);
int64_t dims_elements(Dims dims); /* saturates at INT64_MAX */
/* Both operands as tensors of one dtype and one shape (numpy's broadcasting). Poison in both if they do not fit. */
void unify(Session *s, Val *x, Val *y, Span span);
Value broadcast_to(Session *s, Value x, Dims dims);
/* The common shape, or false. */
bool broadcast_dims(Dims x, Dims y, Dims *result);
Dims type_dims(Type type);
/* Ready to build: a function is open and no limit is hit; reports otherwise. */
bool can_build(Session *s, Span span);

/* ---- lists (list.c) ---- */

/* Numbers, where all entries are known at compile time; else the stack of the entries. */
Val evaluate_list(Session *s, const Expr *expr);
/* A list of numbers known at compile time. */
static inline bool is_list(Val value)
{
    return value.kind == VAL_DIMS || value.kind == VAL_NUMBERS;
}
/* The list as a tensor. */
Val list_tensor(Session *s, Val list, Span span);
/* The list as extents; reports where it is none. */
bool as_dims(Session *s, Val list, Span span, Dims *dims);
/* Entry `at` of the list: a number or a list. */
Val list_entry(Val list, int64_t at);
/* The tensors, which have one shape, along a new axis; negative axes count from the end. */
Val stack_tensors(Session *s, unsigned n, const Val *entries, const Span *spans, int64_t axis, Span span);

/* ---- shapes (shapes.c) ---- */

/* A type all of whose extents are known now. */
bool make_type(Session *s, const TypeExpr *expr, Type *type, int64_t *classes);
/* Whether a type says all its extents: no size or shape variables. */
bool is_closed(const ModelFile *file, const TypeExpr *type);
/* Reports that an extent is -1, and returns false. */
bool refuse_inference(Session *s, Span span);
/* Extents of a list or type: names, numbers, ..s. */
bool make_dims(Session *s, ArgList list, Dims *dims);
/* Whether a data set of the file has an error: what follows from its fields is then unknown, and is no news. */
bool data_is_broken(const Session *s);
/* Matches a value against a parameter's or result's type, binding size and shape variables in the current frame, and returns it
 * converted. `what` names the value in messages: "argument 'x' of 'linear'". */
Val match_type(Session *s, const TypeExpr *expr, Val value, Span span, const char *what);

/* Reports that the value does not have the type, and what would help (mismatch.c). */
Val refuse_type(Session *s, const TypeExpr *expr, Val value, Span span, const char *what);

/* ---- conditions (conditions.c) ---- */

/* The kind of condition that such a declaration declares, or CONDITION_NOTHING. */
ConditionKind condition_kind(DeclKind decl);
/* The declaration of a condition of that kind. */
DeclKind condition_declaration(ConditionKind kind);
/* The declarations of all conditions, and of those whose value is a whole number, as sets of 1 << DeclKind. */
unsigned condition_declarations(void);
unsigned index_declarations(void);
/* The words of such a set: "hyper or preference". */
const char *condition_words(Session *s, unsigned set);
/* Whether the symbol is a condition whose value is a whole number. */
bool is_index(const Symbol *symbol);
/* The symbol of a condition of the module. */
const Symbol *condition_symbol(const Session *s, uint32_t condition);
/* Whether the method of a train (NULL: there is none) takes conditions of the kind. */
bool takes_condition(const Decl *train, ConditionKind condition);

/* ---- values of conditions (given.c) ---- */

/* E given z = V */
Val evaluate_given(Session *s, const Expr *expr);
/* The expression where these values hold. */
Val evaluate_with(Session *s, const Expr *expr, const Given *given);
/* The value that the condition has among these; NO_VALUE: none. */
Value given_value(const Given *given, const Symbol *condition);
/* The weight of the module where these values hold. */
Value weight_given(Session *s, uint32_t weight, const Given *given);

/* ---- mapping (each.c) ---- */

/* each(p in x, q in y) { ... } */
Val evaluate_each(Session *s, const Expr *expr);
/* The values of an expression for every value of a task or member, along a new axis 0. */
Val evaluate_over(Session *s, const Expr *expr, const Symbol *condition);

/* ---- members (members.c) ---- */

Val dataset_index(Session *s, Val dataset, const Expr *expr); /* permuted[3] */
Val dataset_member(Session *s, Val dataset, Name name);       /* fashion.train */
Val split_member(Session *s, Val split, Name name);           /* d.image */
Val condition_entry(Session *s, Val group, Name name);        /* lam.drop */
/* Reports a field of a data set, fashion.image, where the value that an example has is meant. Once per data set: whoever writes
 * it does so everywhere. */
Val refuse_field(Session *s, Val field, Span span);
/* All numbers of the condition, unconstrained; of an index, its row of the embedding. */
Val condition_vector(Session *s, Val condition, Span span);
/* The index itself, as a label. */
Val condition_number(Session *s, Val condition, Span span);

/* ---- functions (functions.c) ---- */

/* Opens the per-example function `name` and its outermost frame; close_function closes both. */
Function *open_function(Session *s, const char *name, Frame *frame, bool training, bool objective);
void close_function(Session *s);

/* ---- evaluation ---- */

Val evaluate(Session *s, const Expr *expr);                                  /* expression.c */
Val evaluate_index(Session *s, const Expr *expr);                            /* index.c */
Val evaluate_binary(Session *s, Operator operator, Val x, Val y, Span span); /* operators.c */
Val evaluate_unary(Session *s, Operator operator, Val x, Span span);
Val evaluate_call(Session *s, const Expr *expr, const Name *label, int64_t result_size); /* call.c */
/* The argument of that label; NULL: there is none (call.c). */
const Arg *labelled(const ArgList *args, const char *name);
/* Runs the body of the current frame's declaration, whose parameters are bound, and matches its result. */
Val run_body(Session *s, Frame *frame);
void run_block(Session *s, const Block *block); /* statement.c */
/* `across`, `running` and `update`: running.c. */
Val evaluate_across(Session *s, const Expr *expr);
void run_updates(Session *s, const BindingList *bindings);
/* Each statistic that the function being built updates becomes the row at hand of a table, which has one for each value of the
 * condition. */
void keep_rows_of_updates(Session *s, uint32_t condition);
/* The updates of the function being built as further outputs, called running_output and the name of the statistic. */
void output_updates(Session *s);
/* `carried`: carried.c. */
void declare_carried(Session *s, const BindingList *bindings);
/* The carried state of that full name, or NULL. */
Carried *find_carried(Session *s, const char *name);
void update_carried(Session *s, Carried *carried, Val value, Span span);
/* What is carried on, as further outputs of the function being built, called carried_name and the name of the state. */
void output_carried(Session *s);
/* `scan` and `yield`: scan.c. */
void run_scan(Session *s, const Statement *statement);
void run_yield(Session *s, const Statement *statement);
void run_remat(Session *s, const Statement *statement);
/* Counts towards LIMIT_EVALUATIONS; false, and reported, when it is reached. */
bool count_evaluations(Session *s, Span span, uint32_t count);

/* A call of a primitive; *known is false if there is none of that name (builtins.c). */
Val evaluate_builtin(Session *s, const Expr *call, bool *known);
bool is_builtin(const char *name);
/* Whether it counts in the files of a data set: its argument is the data set, a split or a field. */
bool is_builtin_of_data(const char *name);
void builtin_names(Candidates *candidates);

/* ---- weights (weight.c) ---- */

/* The place of the weight of that name in the module, which it enters when a function first reads it; -1: it has not. */
int64_t find_weight(const Module *module, const char *name);
/* The running statistic of that full name; false: there is none. */
bool find_running(Session *s, const char *name, Type *type);
/* `running`: they are running statistics. */
void declare_weights(Session *s, const BindingList *bindings, bool running);
/* The param of the weight of that name, or poison. */
Val weight_value(Session *s, Val weights, Span span);
/* Module indices of all weights of a net or a part of it; returns how many. In the first walk: 0. */
uint32_t weights_of(Session *s, Val weights, uint32_t **indices);
/* Whether a weight's name is `part` or below it. */
bool weight_in_part(const char *weight, const char *part);

/* ---- forms (forms.c) ---- */

/* The index of the most specific form declared for it; enters it into the model if need be. */
uint32_t form_of_weight(Session *s, const KnownWeight *weight);
/* Checks every weights declaration, used or not. At the end of the first walk. */
void check_forms(Session *s);
/* Adds as help which dotted parts of a net there are. */
void suggest_part(Session *s, const Symbol *net, const char *target);
/* "classifier.linear1" of its names. */
const char *part_text(Session *s, Name net, const NameList *path);
/* The net; NULL, and an error, if there is none of that name or it has no such part. After the first walk. */
Symbol *check_net_part(Session *s, Name net, const NameList *path);

/* ---- what weights are made of (weight_values.c) ---- */

/* Whether an expression of forms, used by some weight or not, has the right words and arguments; reports otherwise. */
bool check_form_expression(Session *s, const Expr *expr);
/* Whether the expression is the use of a form where forms have a meaning. */
bool is_form(const Session *s, const Expr *expr);
/* What the form makes of the weight that is being made. */
Val evaluate_form(Session *s, const Expr *expr);
/* In a generator that uses the net: whether the net's weights are made, at any remove, from those that the generator makes. If
 * so, it is reported. */
bool made_from_itself(Session *s, const Symbol *net);
/* Builds the functions that make the weights in use, and fills in what each depends on. At the end of a walk. */
void lower_weight_values(Session *s);

/* ---- standard layers ---- */

/* An argument of a layer of std.hn: false (reported) where the layer can do nothing with the number; warns of probabilities where
 * the layer takes logits (check_arguments.c). */
bool check_standard_argument(Session *s, const Decl *layer, const Param *param, Val value, Span span);
/* Whether this layer of std.hn makes probabilities of logits. */
bool makes_probabilities(const Decl *layer);
/* The text of a span with runs of white space and comments made one space. */
const char *span_text(Arena *arena, Span span);

#endif
