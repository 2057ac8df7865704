/* The tensor IR: static single assignment over tensors of static shape. Text form, semantics of every primitive and the rules
 * below in full: docs/ir.md.
 *
 * A module holds functions and the tables that ops refer to by index. A function is a list of ops in order; a value *is* the
 * index of the op that makes it, so operands always precede their uses. Ops hold no pointers into the AST. Everything lives in
 * the module's arena except the op lists (heap, freed by module_free).
 *
 * Three stages share this representation:
 *
 * - per example: functions as the frontend lowers them. They have one example's data (`example`), weights (`param`), conditions
 *   (`condition`), and explicit reductions across the batch (`across_*`).
 * - batched: after passes/batch.c. Values have leading batch axes, and `fetch` gives the batch's rows.
 * - step: after differentiation and optimizers. It reads and writes state: `state_read` gives the value at function entry and
 *   `state_write` takes effect at function exit, whatever their order; each state is written at most once per function. */
#ifndef HNC_IR_IR_H
#define HNC_IR_IR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ir/target.h"
#include "runtime/abi/types.h"
#include "support/arena.h"

/* ---- types ---- */

enum { MAX_RANK = 8 };
/* A tensor may hold at most this many elements (2^31 - 1), so that an index fits an i32 and a byte size an int64_t. */
#define MAX_ELEMENTS ((int64_t)INT32_MAX)

typedef struct Type {
    DType dtype;
    uint8_t rank;
    int64_t dims[MAX_RANK]; /* each >= 1; zero beyond rank */
} Type;

/* A short list of axes or extents. */
typedef struct Dims {
    uint8_t n;
    int64_t v[MAX_RANK];
} Dims;

const char *dtype_name(DType dtype); /* "f32" ... */
size_t dtype_size(DType dtype);      /* bytes: 4 8 4 1 1 */
bool dtype_is_float(DType dtype);
Type type_scalar(DType dtype);
Type type_of(DType dtype, unsigned rank, const int64_t *dims);
Type type_with_dtype(Type type, DType dtype);
Type type_of_many(int64_t count, Type type); /* with a leading axis of so many entries; the type has an axis left */
bool type_equal(Type a, Type b);
int64_t type_elements(Type type); /* 1 for a scalar */
int64_t type_bytes(Type type);
/* Valid: rank <= MAX_RANK, every extent >= 1, elements <= MAX_ELEMENTS. */
bool type_valid(Type type);
/* "f32[128, 10]" into a static ring of buffers (8 calls deep): for messages. */
const char *type_text(Type type);
Dims dims_of(unsigned n, ...); /* int arguments */
bool dims_contain(Dims dims, int64_t value);
bool dims_equal(Dims a, Dims b);
Dims all_axes(unsigned rank); /* 0, 1 ... rank - 1 */
/* The axes that are in neither list, increasing. */
Dims other_axes(unsigned rank, Dims a, Dims b);

/* ---- ops ---- */

typedef enum {
#define OP(NAME, ...) OP_##NAME,
#include "ir/ops.def"
#undef OP
    OP_COUNT
} OpCode;

typedef enum { EFFECT_PURE, EFFECT_SOURCE, EFFECT_WRITE, EFFECT_PSEUDO } OpEffect;
typedef enum { LOWER_ELEMENTWISE, LOWER_VIEW, LOWER_REDUCE, LOWER_PRODUCT, LOWER_LEAF, LOWER_KERNEL, LOWER_NONE } OpLowering;

typedef struct OpInfo {
    const char *name; /* mnemonic */
    int arity;        /* -1: variadic */
    OpEffect effect;
    OpLowering lowering;
} OpInfo;
extern const OpInfo op_info[OP_COUNT];
/* The op of that mnemonic, or OP_COUNT. */
OpCode op_by_name(const char *name);
/* A reduction across the examples of a batch. */
static inline bool is_across(OpCode code)
{
    return code == OP_ACROSS_SUM || code == OP_ACROSS_MEAN || code == OP_ACROSS_MAX;
}

typedef uint32_t Value; /* index of an op in its function */
#define NO_VALUE UINT32_MAX

enum {
    OP_SHARED = 1,     /* random: one draw for the whole batch, not one per example */
    OP_REVERSED = 2,   /* scan: from the last step to the first */
    OP_REMAT = 4,      /* scan: its derivative computes again what a step does, from the carries that it began with */
    OP_NEIGHBOURS = 8, /* fetch: rows side by side in the table, from that of the first index on */
};

typedef struct Op {
    OpCode code;
    Type type; /* of the result; of the value written for state_write */
    uint32_t nargs;
    Value *args;     /* in the module's arena */
    double number;   /* const: the value of every element */
    uint32_t symbol; /* input: its position; state_*: state; fetch, example: field; param: weight; condition: condition;
                        random: stream (distinct streams are independent); extern: ExternCode */
    uint32_t flags;
    uint32_t line;         /* of the model file, 0 if none */
    struct Function *body; /* scan: what each step computes; of the module's bodies. Else NULL */
    union {
        Dims axes;       /* broadcast: result axis of each operand axis, increasing. transpose: operand axis of each result axis.
                            reduce_*: axes removed, increasing. window, overlap: along which windows move, increasing */
        Dims axis;       /* concat, iota, argmax, sort: the only entry (argmax removes it) */
        Dims start;      /* slice: first index on each axis (extents are the result's) */
        Dims before;     /* pad: zeros before, on each axis (zeros after follow from the result's extents) */
        Dims rows;       /* scatter_add: the only entry, rows of the result */
        Dims contract_x; /* dot: contracted axes of lhs, pairwise with contract_y */
        Dims conditions; /* param: the condition that each operand is the value of, increasing. The weight is that at these
                            values; any other condition keeps its own. Operands may have leading axes, all the same, which the
                            result then has, too */
        Dims loop;       /* scan: how many steps, carries and scanned operands */
        Dims place;      /* result: the only entry, which result of its operand's */
        Dims a;          /* any of them, where it does not matter which */
    };
    union {
        Dims contract_y; /* dot: contracted axes of rhs */
        Dims extents;    /* window, overlap: of a window along each of the axes */
        Dims b;
    };
    union {
        Dims batch_x; /* dot: batch axes of lhs, pairwise with batch_y. Result: batch axes, then lhs's free axes, then rhs's free
                         axes, each in operand order */
        Dims steps;   /* window, overlap: from one window to the next */
        Dims c;
    };
    union {
        Dims batch_y;   /* dot */
        Dims dilations; /* window, overlap: from one element of a window to the next; negative: windows are read backwards */
        Dims d;
    };
} Op;

/* Same code, type, operands, attributes and equal bodies; the number bit for bit, so that 0.0 and -0.0 differ. Lines are not
 * compared. */
bool op_equal(const Op *x, const Op *y);

typedef struct Output {
    const char *name;
    Value value;
} Output;

typedef struct Function {
    const char *name;
    VEC(Op) ops;
    VEC(Value) inputs; /* OP_INPUT ops in order of position */
    VEC(const char *) input_names;
    VEC(Output) outputs;
} Function;

/* ---- module tables ---- */

/* value; U(-value, value); N(0, value^2); value or -value, with the same probability */
typedef enum { INIT_CONSTANT, INIT_UNIFORM, INIT_NORMAL, INIT_SIGNS } InitKind;
typedef struct Init {
    InitKind kind;
    double value;
} Init;
double init_deviation(Init init); /* the standard deviation of such numbers */

/* First values that are measured: those of Init are multiplied by (wanted / r)^power, where r is the root of the mean square of
 * what the per-example function makes of the first values of all that it depends on. */
typedef struct Measure {
    const char *function; /* its only output is a real tensor; NULL: nothing is measured */
    double wanted, power;
} Measure;

typedef struct State {
    const char *name; /* unique; as in the checkpoint. '.' joins names of the model file, '/' comes before what the compiler adds,
                         so that no name a user chooses is one of the compiler's */
    Type type;
    StateRole role;
    Init init;             /* what a train's init function gives it; constant 0 unless set after module_state */
    Measure measure;       /* of the first value, where init is random or a constant other than 0 */
    Lifetime lifetime;     /* which resets give it its first value; NET unless set after module_state */
    bool grows;            /* the first axis counts the values of an index condition (Weight.grows) */
    bool responds;         /* only the response of a weight to a condition is made of it: it has no part at the value at hand */
    uint32_t index;        /* a weight that grows: that condition */
    const char *begins_as; /* the state whose first value is this one's; NULL: the two above say it */
    const char *file;      /* STATE_FROZEN: the file whose numbers it keeps, as the model file writes it; NULL: its first value */
    const void *literal;   /* its numbers, where the code has them: type_bytes(type), not owned. NULL: the program fills it */
    const char *part_of;   /* what makes the weight of this name, where these numbers are only a part of it; or NULL */
} State;

/* What something depends on, at any remove. */
typedef struct Sources {
    uint64_t conditions; /* bit c: number c of the module's conditions */
    bool trained;        /* some number that training moves */
} Sources;
enum { MAX_CONDITIONS = 64, MAX_INDEX_VALUES = 1 << 20 };

/* What `param` refers to: a weight of a net, as declared, or trained numbers that its form adds (ir/forms/forms.h). */
typedef struct Weight {
    const char *name; /* "classifier.linear1.w"; what a form adds: "classifier.linear1.w/scale" */
    Type type;
    uint32_t net;    /* Model.nets; NO_NET: added by a form */
    uint32_t form;   /* Model.forms: where it comes from */
    int output_axis; /* axis of the output units; -1: none (a scalar) */
    int64_t fan_in, fan_out;
    Init init;
    Measure measure;
    const char *value; /* the per-example function whose only output it is; NULL: a state holds its numbers */
    const char *state; /* that state's name; NULL: the weight's own */
    const char *file;  /* the file whose numbers the state keeps, as the model file writes it; NULL: they are trained */
    bool fixed;        /* trained they are not, though no file holds them */
    bool responds;     /* State.responds */
    bool grows;        /* the first axis counts the values of an index condition, to which a later run may add some */
    uint32_t index;    /* grows: that condition */
    Sources sources;   /* filled by find_sources */
} Weight;
#define NO_NET UINT32_MAX

/* One field of a data set's examples. */
typedef struct Field {
    const char *name;   /* "fashion.image" */
    Type type;          /* of one example; labels are i32[] */
    uint32_t dataset;   /* Model.datasets */
    int64_t classes;    /* of a label; 0 otherwise */
    int64_t first;      /* the label of the first class in the files */
    const char **names; /* what the files call the classes; NULL: their numbers */
    bool index;         /* the number of the row, which no file holds */
} Field;

typedef enum {
#define CONDITION(KIND, ...) CONDITION_##KIND,
#include "ir/conditions.def"
#undef CONDITION
    CONDITION_COUNT,
    CONDITION_NOTHING = CONDITION_COUNT
} ConditionKind;

/* What weights may depend on. */
typedef struct Condition {
    const char *name; /* "lam" */
    Type type;        /* real, with at least one axis; i32[] of an index */
    ConditionKind kind;
    int64_t count; /* of an index: how many values it has; 0 otherwise */
} Condition;

/* Whether a condition may have this type. */
static inline bool is_condition_type(Type type)
{
    return dtype_is_float(type.dtype) ? type.rank >= 1 : type.dtype == DTYPE_I32 && type.rank == 0;
}

/* An index that pass_bounds clamps. For Bound number k of the function, element 2 k of the state says whether some index lay
 * outside the table, and element 2 k + 1 is the largest index that did. */
typedef struct Bound {
    const char *function;
    uint32_t state;
    int64_t rows; /* of the table */
    uint32_t line;
} Bound;

struct StateIndex;

typedef struct Module {
    Arena arena;
    const char *name;
    const char *path; /* of the file it comes from, for messages; NULL: none. Not owned */
    DType real;       /* DTYPE_F32 or DTYPE_F64: what the language's f32 becomes */
    Target target;    /* target_usual() until another is put here, before any pass */
    VEC(Function *) functions;
    VEC(Function *) bodies; /* of scans; some may be of none any more */
    VEC(State) states;
    struct StateIndex *state_index; /* find_state's own */
    VEC(Weight) weights;
    VEC(Field) fields;
    VEC(Condition) conditions;
    VEC(Bound) bounds;
} Module;

Module *module_new(const char *name, DType real);
void module_free(Module *module);
Function *module_function(Module *module, const char *name); /* NULL if there is none */
Function *function_new(Module *module, const char *name);    /* name copied; must be unused */
/* A function that is not (yet) in the module's list; for passes that rebuild one and then function_replace it. */
Function *function_detached(Module *module, const char *name);
/* Moves the content of `with` (detached, consumed) into `function`. */
void function_replace(Function *function, Function *with);
void function_remove(Module *module, Function *function);
/* Whether both have equal ops in the same order, and the same of these as inputs and as outputs; names are not compared. */
bool function_equal(const Function *f, const Function *g);
bool function_has(const Function *function, OpCode code);
uint32_t module_state(Module *module, const char *name, Type type, StateRole role); /* adds; returns its index */
int64_t find_state(const Module *module, const char *name);                         /* -1: none */
/* The state of that name, added with that first value if there is none. */
uint32_t find_or_add_state(Module *module, const char *name, Type type, StateRole role, Init init);

/* ---- building ----
 * Each call appends one op and returns its value. Types are inferred by the op's shape rule; a violation is a bug of the caller
 * and stops with an internal error naming the op (user errors are found by the frontend before anything is built). The exception
 * is a tensor that batches or weight forms grow beyond the limits: limit_error(). */

typedef struct Builder {
    Module *module;
    Function *function;
    uint32_t line; /* given to new ops */
} Builder;

/* For a line of the model that exceeds a limit, which is found only now: says so at that line and exits with status 1. */
_Noreturn void limit_error(const Builder *b, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define OP_AT(f, v) (&(f)->ops.data[v])
Type value_type(const Builder *b, Value v);

/* Appends a copy of `op` with these operands; the type is inferred where the op has a rule, else op.type stands. */
Value build_op(Builder *b, Op op, uint32_t nargs, const Value *args);
Value build_input(Builder *b, const char *name, Type type);
void build_output(Builder *b, const char *name, Value value);
Value build_const(Builder *b, Type type, double number);
Value build_iota(Builder *b, Type type, int axis);
Value build_random(Builder *b, Value seed, Value step, Type type, uint32_t stream, uint32_t flags); /* uniform [0,1) */
Value build_read(Builder *b, uint32_t state);
void build_write(Builder *b, uint32_t state, Value value);
Value build_source(Builder *b, OpCode code, uint32_t symbol); /* param, condition, example */
/* The weight where each of these conditions, increasing, has this value. */
Value build_param(Builder *b, uint32_t weight, Dims conditions, const Value *values);
Value build_fetch(Builder *b, uint32_t field, Value index);
Value build_unary(Builder *b, OpCode code, Value x); /* also across_*, stop */
Value build_binary(Builder *b, OpCode code, Value x, Value y);
Value build_select(Builder *b, Value condition, Value yes, Value no);
Value build_cast(Builder *b, Value x, DType dtype);               /* returns x unchanged if it has that dtype */
Value build_broadcast(Builder *b, Value x, Type type, Dims axes); /* type.dtype is ignored */
Value build_splat(Builder *b, Value scalar, Type shape); /* broadcast of a scalar; returns it unchanged if shape is one */
Value build_reshape(Builder *b, Value x, Type type);     /* type.dtype is ignored; no op if the shape is x's */
Value build_transpose(Builder *b, Value x, Dims permutation);
Value build_slice(Builder *b, Value x, Dims start, Type type);
Value build_pad(Builder *b, Value x, Dims before, Type type);
/* Windows along some axes, as ops have them: of so many elements, `dilation` apart, `step` from one to the next. */
typedef struct Windows {
    Dims axes, extents, steps, dilations;
} Windows;
/* How many such windows fit into so many elements; 0: none does. */
int64_t window_count(int64_t elements, int64_t extent, int64_t step, int64_t dilation);
/* Each axis becomes that of the windows, and behind all axes come those within a window: element [.., i, .., k] of the result is
 * element [.., i * step + k * dilation, ..] of x or, if the dilation is negative, that with the k-th last element for the k-th.
 */
Value build_window(Builder *b, Value x, Windows windows);
/* How far the last element of a window is from the first. */
static inline int64_t window_reach(int64_t extent, int64_t dilation)
{
    return (extent - 1) * (dilation < 0 ? -dilation : dilation);
}
/* The transpose of window: a tensor of that type, whose elements are sums over all places that windows have them at. */
Value build_overlap(Builder *b, Value x, Type type, Windows windows);
Windows windows_of(const Op *op);
Value build_concat(Builder *b, uint32_t n, const Value *xs, int axis); /* n == 1: returns it unchanged */
Value build_reduce(Builder *b, OpCode code, Value x, Dims axes);       /* no axes: returns x unchanged */
Value build_argmax(Builder *b, Value x, int axis);
Value build_sort(Builder *b, Value x, int axis);
Value build_dot(Builder *b, Value x, Value y, Dims contract_x, Dims contract_y, Dims batch_x, Dims batch_y);
/* An index of a table of so many rows, i32: one outside becomes the nearest inside, and pass_bounds makes this known. */
Value build_within(Builder *b, Value index, int64_t rows);
Value build_gather(Builder *b, Value table, Value index);
Value build_scatter_add(Builder *b, Value index, Value updates, int64_t rows);
Value build_extern(Builder *b, uint32_t code, Type type, uint32_t n, const Value *args);
Value build_grad(Builder *b, Value scalar, Value with_respect_to);
/* Directional derivative of `y` when each leaf moves along its tangent. */
Value build_tangent(Builder *b, Value y, uint32_t n, const Value *leaves, const Value *tangents);
/* binary with a constant of the same type: x + 1, x * 0.5 */
Value build_with_const(Builder *b, OpCode code, Value x, double number);

/* Compositions that several parts need (ir/compose.c). */
Value build_most(Builder *b, Type type); /* the largest finite number: x is finite where |x| is at most that */
Value build_unit(Builder *b, Value position,
                 int64_t count);                          /* 1 at that position (i32) of a vector of so many reals, 0 elsewhere */
Value build_sum_of_product(Builder *b, Value x, Value y); /* sum over all elements of x y: a scalar */
Value build_sigmoid(Builder *b, Value x);                 /* 1 / (1 + exp -x), of full relative precision */
Value build_softplus(Builder *b, Value x);                /* log(1 + exp x), of full relative precision */
/* Standard normal numbers by Box and Muller's transform of the uniform streams `stream` and `stream` + 1. */
Value build_normal(Builder *b, Value seed, Value step, Type type, uint32_t stream, uint32_t flags);

/* The elements of x at positions along `count` neighbouring axes from `first` on: each of positions[] is an i32 of one shape,
 * which stands in the result in the place of the axes. A position outside its axis is one outside a table: see `within`. */
Value build_take(Builder *b, Value x, unsigned first, unsigned count, const Value *positions);
/* x with other positions along one axis: element [.., i, ..] of the result is element [.., index[.., i, ..], ..] of x. The index
 * has x's shape but for the extent of that axis. */
Value build_take_along(Builder *b, Value x, Value index, unsigned axis);

/* Copies op `v` of `from` into the builder's function with operands mapped through map[] (all already mapped); returns its new
 * value. Inputs are re-declared as inputs. */
Value build_copy(Builder *b, const Function *from, Value v, const Value *map);
/* Inlines the whole of `from` (no inputs, no writes) and gives the new value of each op in map[], which has room for every op. */
void build_inline(Builder *b, const Function *from, Value *map);

/* For each op of a per-example function: whether its value differs between the examples of a batch. The caller frees the array.
 */
bool *varying_values(const Function *function);
/* The same for one op, given the answers for its operands. */
bool op_varies(const Op *op, const bool *varies);

/* ---- shape rules, verifier, text, interpreter ---- */

/* Infers op->type from operands and attributes. On failure returns false with a sentence in `why`. */
bool infer_type(const Module *module, const Function *function, Op *op, char why[static 256]);

/* Checks operand order, arity, inferred against stated types, tables in range, one write per state. `allow_pseudo`: before the
 * step stage. Appends one line per violation to *why (may be NULL) and returns whether there were none. */
bool verify_function(const Module *module, const Function *function, bool allow_pseudo, Text *why);
bool verify_module(const Module *module, bool allow_pseudo, Text *why);

/* Appends the textual form (docs/ir.md). Functions that do not verify print too, with "?" for what is out of range; op codes must
 * be valid. */
void print_module(const Module *module, Text *out);
void print_function(const Module *module, const Function *function, Text *out);

struct Diagnostics;
struct Source;
/* Parses the textual form (docs/ir.md). On errors reports them, each at its place, and returns NULL; whatever it returns
 * verifies, with pseudo ops allowed. Never aborts, whatever the text. */
Module *parse_module(const struct Source *source, struct Diagnostics *diags);

/* ---- the interpreter: the oracle ----
 * Plain and slow: f32 values are computed in float (transcendental functions by libm's float variants, sums and products in order
 * of index), f64 in double. */

typedef struct Tensor {
    Type type;
    void *data; /* row-major, type_bytes(type) */
} Tensor;

typedef struct World {
    Tensor *states;     /* one per module state; owned by the caller, updated in place */
    const Tensor *rows; /* one per module field: type is the field's with the number of examples prepended */
} World;

/* Runs a verified function. `inputs` in order of position. On success *outputs (heap; free with interpret_free_outputs) holds one
 * tensor per output. An index outside its table, a pseudo op, or an input or state that is missing or of another type is an
 * error: false with a sentence in `why`, and no state is changed. */
bool interpret(const Module *module, const Function *function, World *world, const Tensor *inputs, Tensor **outputs,
               char why[static 256]);
void interpret_free_outputs(const Function *function, Tensor *outputs);
/* Makes a zeroed tensor per state of the module; frees them. */
Tensor *world_states_new(const Module *module);
void world_states_free(const Module *module, Tensor *states);
/* Elements as doubles, whatever the dtype. */
double tensor_get(const Tensor *tensor, int64_t index);
void tensor_set(Tensor *tensor, int64_t index, double value);

/* Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). */
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
/* Element `index` of random(seed, step, stream): uniform in [0, 1) with 24 bits, the same number in f32 and f64. Elements are
 * laid out so that vectors of 16 need one Philox block per lane: element e is word (e / 16) % 4 of the block with counter
 * {e / 64 * 16 + e % 16, step, stream, 0} under key {seed[0], seed[1]}; the value is (word >> 8) * 2^-24. */
double random_element(const uint32_t seed[2], uint32_t step, uint32_t stream, uint64_t index);

#endif
