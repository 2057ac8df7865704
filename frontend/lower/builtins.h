/* The primitives' own header: a call with its arguments evaluated, and one function per kind of primitive. */
#ifndef HNC_FRONTEND_BUILTINS_H
#define HNC_FRONTEND_BUILTINS_H

#include "frontend/lower/lower.h"

typedef struct Call {
    const Expr *expr;
    const struct Primitive *primitive;
    unsigned n;
    Val *args;
    Span *spans;
    bool has_axis;
    Dims axes; /* `axis:` as given; `over` is resolved later */
    Span axis_span;
    const Expr *over;
    const char *text; /* TAKES_TEXT: the first argument */
    Span text_span;
    Val condition; /* e where condition; VAL_NONE: absent */
    Span condition_span;
} Call;

typedef Val Evaluate(Session *s, Call *call);

/* What a primitive takes beside arguments by position; all else is an error. */
enum {
    TAKES_AXIS = 1,
    TAKES_OVER = 2, /* x, over n */
    TAKES_WHERE = 4,
    TAKES_VALUES = 8, /* e over k */
    TAKES_ALL = 15,
    OF_DATA = 16,   /* of a data set or a part of it only */
    TAKES_TEXT = 32 /* in front of its other arguments */
};
enum { ANY_NUMBER_OF = INT32_MAX };

typedef struct Primitive {
    const char *name;
    unsigned least, most; /* arguments; most of ANY_NUMBER_OF them: without limit */
    Evaluate *evaluate;
    unsigned takes;
    OpCode code;
    double (*fold)(double); /* of a number known at compile time */
} Primitive;

/* elementwise, and choice (builtins_math.c) */
Evaluate builtin_unary, builtin_stop, builtin_binary, builtin_cast_real, builtin_cast_i32, builtin_cast_u8, builtin_where;
/* reductions (builtins_reduce.c) */
Evaluate builtin_sum, builtin_mean, builtin_var, builtin_extremum, builtin_argmax;
/* the value at a share of the sorted elements (builtins_quantile.c) */
Evaluate builtin_quantile;
/* shapes, products, indices (builtins_tensor.c) */
Evaluate builtin_reshape, builtin_transpose, builtin_concat, builtin_stack, builtin_zeros, builtin_ones, builtin_iota,
    builtin_rows, builtin_width, builtin_onehot, builtin_dot, builtin_elements, builtin_shape, builtin_rank;
/* order, and neighbours from a computed position on (builtins_order.c) */
Evaluate builtin_sort, builtin_argsort, builtin_ranks, builtin_top_k, builtin_slice;
/* windows, and zeros around a tensor (builtins_window.c) */
Evaluate builtin_windows, builtin_pad;
/* products over named axes (builtins_einsum.c) */
Evaluate builtin_einsum;
/* random numbers and whole sets of weights (builtins_source.c) */
Evaluate builtin_uniform, builtin_normal, builtin_bernoulli, builtin_sumsq, builtin_flat;

/* Argument i as the extents of a tensor that may exist: [3, 4] or a number. Reports otherwise. */
bool shape_argument(Session *s, const Call *call, unsigned i, Dims *dims);

/* The axes of the type that the call reduces over, increasing: those of `axis:` or `over`, else all. Reports otherwise. */
bool reduction_axes(Session *s, const Call *call, Type type, Dims *axes);

#endif
