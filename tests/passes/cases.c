#include "ir/scan.h"
#include "tests/passes/cases.h"

#define UNARY(name, CODE)                                                                                                        \
    static Value name(Bench *bench)                                                                                              \
    {                                                                                                                            \
        return build_unary(&bench->b, CODE, bench_input(bench, 2, 3, 5));                                                        \
    }
UNARY(neg, OP_NEG)
UNARY(absolute, OP_ABS)
UNARY(exponential, OP_EXP)
UNARY(exponential_minus_1, OP_EXPM1)
UNARY(logarithm, OP_LOG)
UNARY(logarithm1p, OP_LOG1P)
UNARY(root, OP_SQRT)
UNARY(hyperbolic, OP_TANH)
UNARY(sine, OP_SIN)
UNARY(cosine, OP_COS)
UNARY(error, OP_ERF)

#define BINARY(name, CODE)                                                                                                       \
    static Value name(Bench *bench)                                                                                              \
    {                                                                                                                            \
        Value x = bench_input(bench, 2, 3, 5), y = bench_input(bench, 2, 3, 5);                                                  \
        return build_binary(&bench->b, CODE, x, y);                                                                              \
    }
BINARY(add, OP_ADD)
BINARY(sub, OP_SUB)
BINARY(mul, OP_MUL)
BINARY(divide, OP_DIV)
BINARY(power, OP_POW)
BINARY(maximum, OP_MAX)
BINARY(minimum, OP_MIN)

static Value select_case(Bench *bench)
{
    Value x = bench_input(bench, 2, 3, 5), y = bench_input(bench, 2, 3, 5);
    return build_select(&bench->b, build_binary(&bench->b, OP_LT, x, y), x, build_unary(&bench->b, OP_EXP, y));
}

static Value cast_case(Bench *bench)
{
    Value x = bench_input(bench, 1, 4);
    return build_cast(&bench->b, x, DTYPE_F64);
}

static Value broadcast_case(Bench *bench)
{
    return build_broadcast(&bench->b, bench_input(bench, 2, 3, 2), f64_type(4, 4, 3, 5, 2), dims_of(2, 1, 3));
}

static Value reshape_case(Bench *bench)
{
    return build_reshape(&bench->b, bench_input(bench, 2, 3, 4), f64_type(3, 2, 2, 3));
}

static Value transpose_case(Bench *bench)
{
    return build_transpose(&bench->b, bench_input(bench, 3, 2, 3, 4), dims_of(3, 2, 0, 1));
}

static Value slice_case(Bench *bench)
{
    return build_slice(&bench->b, bench_input(bench, 2, 4, 5), dims_of(2, 1, 2), f64_type(2, 2, 3));
}

static Value pad_case(Bench *bench)
{
    return build_pad(&bench->b, bench_input(bench, 2, 2, 3), dims_of(2, 1, 2), f64_type(2, 4, 6));
}

/* along two axes: windows that overlap, with gaps within them, and windows between which elements lie that are in none */
static Value window_case(Bench *bench)
{
    Windows windows = {dims_of(2, 0, 2), dims_of(2, 2, 2), dims_of(2, 1, 3), dims_of(2, -2, 1)};
    return build_window(&bench->b, bench_input(bench, 3, 4, 2, 6), windows);
}

static Value overlap_case(Bench *bench)
{
    Windows windows = {dims_of(2, 0, 1), dims_of(2, 3, 2), dims_of(2, 1, 2), dims_of(2, 1, 2)};
    return build_overlap(&bench->b, bench_input(bench, 4, 2, 2, 3, 2), f64_type(2, 4, 5), windows);
}

/* a convolution of images [2, 5, 4] in two channels, whose derivatives are convolutions */
static Value convolution_case(Bench *bench)
{
    Windows windows = {dims_of(2, 2, 3), dims_of(2, 3, 2), dims_of(2, 1, 1), dims_of(2, 1, 2)};
    Value images = bench_input(bench, 4, 3, 2, 5, 4), kernel = bench_input(bench, 4, 2, 2, 3, 2);
    Value patches = build_window(&bench->b, images, windows);
    return build_dot(&bench->b, kernel, patches, dims_of(3, 1, 2, 3), dims_of(3, 1, 4, 5), (Dims){0}, (Dims){0});
}

/* W x + U h */
static Value affine(Builder *b, Value w, Value x, Value u, Value h)
{
    Value from_x = build_dot(b, w, x, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    return build_binary(b, OP_ADD, from_x, build_dot(b, u, h, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0}));
}

static Value element(Builder *b, Type type)
{
    return build_const(b, type, 0);
}

/* Two carries, one of which only adds up; yields of which one is of its own. All results side by side. */
static Value loop(Bench *bench, int64_t steps, int64_t segment)
{
    Builder *b = &bench->b;
    Value w = bench_input(bench, 2, 3, 2), u = bench_input(bench, 2, 3, 3), xs = bench_input(bench, 2, (int)steps, 2);
    Value first_h = bench_input(bench, 1, 3), first_sum = bench_input(bench, 1, 3);
    Value first = b->function->ops.len, h = element(b, f64_type(1, 3)), sum = element(b, f64_type(1, 3)),
          x = element(b, f64_type(1, 2));
    Value next = build_unary(b, OP_TANH, affine(b, w, x, u, h)), square = build_binary(b, OP_MUL, next, next);
    Value yields[] = {build_binary(b, OP_MUL, square, h), next};
    Carry carry[] = {{h, first_h, next}, {sum, first_sum, build_binary(b, OP_ADD, sum, square)}};
    Value lasts[2];
    build_scan_of_part(b, first, steps, segment, 2, carry, 1, &(Placeholder){x, xs}, 2, yields, lasts);
    Type row = f64_type(2, 1, 3);
    Value results[] = {build_reshape(b, lasts[0], row), build_reshape(b, lasts[1], row), yields[0], yields[1]};
    return build_concat(b, 4, results, 0);
}

static Value scan_case(Bench *bench)
{
    return loop(bench, 4, 0);
}

static Value one_step_case(Bench *bench)
{
    return loop(bench, 1, 0);
}

static Value remat_case(Bench *bench)
{
    return loop(bench, 6, 2);
}

/* A loop within a loop: the inner one runs over the columns of each row. */
static Value nested_case(Bench *bench)
{
    Builder *b = &bench->b;
    Value u = bench_input(bench, 2, 2, 2), table = bench_input(bench, 2, 3, 4), begin = bench_input(bench, 1, 2);
    Value first = b->function->ops.len, h = element(b, f64_type(1, 2)), row = element(b, f64_type(1, 4));
    Value inner = b->function->ops.len, k = element(b, f64_type(1, 2)), x = element(b, f64_type(0)), last, end;
    Value moved = build_dot(b, u, k, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value next = build_unary(b, OP_SIN, build_binary(b, OP_ADD, moved, build_splat(b, x, f64_type(1, 2))));
    build_scan_of_part(b, inner, 4, 0, 1, &(Carry){k, h, next}, 1, &(Placeholder){x, row}, 0, NULL, &last);
    Value yield = build_binary(b, OP_MUL, last, last);
    build_scan_of_part(b, first, 3, 0, 1, &(Carry){h, begin, last}, 1, &(Placeholder){row, table}, 1, &yield, &end);
    Value results[] = {build_reshape(b, end, f64_type(2, 1, 2)), yield};
    return build_concat(b, 2, results, 0);
}

static Value concat_case(Bench *bench)
{
    Value parts[] = {bench_input(bench, 2, 2, 3), bench_input(bench, 2, 2, 1), bench_input(bench, 2, 2, 2)};
    return build_concat(&bench->b, 3, parts, 1);
}

static Value sum_case(Bench *bench)
{
    return build_reduce(&bench->b, OP_REDUCE_SUM, bench_input(bench, 3, 2, 3, 4), dims_of(2, 0, 2));
}

static Value max_case(Bench *bench)
{
    return build_reduce(&bench->b, OP_REDUCE_MAX, bench_input(bench, 3, 2, 3, 4), dims_of(1, 1));
}

/* batch, free and contracted axes in no order */
static Value dot_case(Bench *bench)
{
    Value x = bench_input(bench, 5, 4, 2, 3, 5, 2), y = bench_input(bench, 4, 5, 3, 4, 6);
    return build_dot(&bench->b, x, y, dims_of(2, 3, 0), dims_of(2, 0, 2), dims_of(1, 2), dims_of(1, 1));
}

static Value matrix_case(Bench *bench)
{
    Value x = bench_input(bench, 2, 4, 6), w = bench_input(bench, 2, 3, 6);
    return build_dot(&bench->b, x, w, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0});
}

static Value index_input(Bench *bench, int64_t n)
{
    return bench_typed_input(bench, type_of(DTYPE_I32, 1, &n));
}

static Value gather_case(Bench *bench)
{
    Value table = bench_input(bench, 2, 3, 4);
    return build_gather(&bench->b, table, index_input(bench, 5));
}

/* the permutation of an exact input, of which each line is taken */
static Value sorted_case(Bench *bench)
{
    Value x = bench_input(bench, 3, 2, 4, 3);
    return build_take_along(&bench->b, x, build_sort(&bench->b, x, 1), 1);
}

static Value scatter_case(Bench *bench)
{
    Value updates = bench_input(bench, 2, 5, 2);
    return build_scatter_add(&bench->b, index_input(bench, 5), updates, 3);
}

const Case cases[] = {
    {OP_NEG, -2, 2, neg},
    {OP_ABS, 0.1, 2, absolute},
    {OP_ABS, -2, -0.1, absolute},
    {OP_EXP, -2, 2, exponential},
    {OP_EXPM1, -2, 2, exponential_minus_1},
    {OP_LOG, 0.3, 3, logarithm},
    {OP_LOG1P, -0.5, 2, logarithm1p},
    {OP_SQRT, 0.3, 3, root},
    {OP_TANH, -2, 2, hyperbolic},
    {OP_SIN, -4, 4, sine},
    {OP_COS, -4, 4, cosine},
    {OP_ERF, -2, 2, error},
    {OP_ADD, -2, 2, add},
    {OP_SUB, -2, 2, sub},
    {OP_MUL, -2, 2, mul},
    {OP_DIV, 0.5, 2, divide},
    {OP_POW, 0.5, 2, power},
    {OP_MAX, -2, 2, maximum},
    {OP_MIN, -2, 2, minimum},
    {OP_SELECT, -2, 2, select_case},
    {OP_CAST, -2, 2, cast_case},
    {OP_BROADCAST, -2, 2, broadcast_case},
    {OP_RESHAPE, -2, 2, reshape_case},
    {OP_TRANSPOSE, -2, 2, transpose_case},
    {OP_SLICE, -2, 2, slice_case},
    {OP_PAD, -2, 2, pad_case},
    {OP_WINDOW, -2, 2, window_case},
    {OP_OVERLAP, -2, 2, overlap_case},
    {OP_WINDOW, -2, 2, convolution_case},
    {OP_CONCAT, -2, 2, concat_case},
    {OP_SCAN, -1, 1, scan_case},
    {OP_SCAN, -1, 1, remat_case},
    {OP_RESULT, -1, 1, one_step_case},
    {OP_SCAN, -1, 1, nested_case},
    {OP_REDUCE_SUM, -2, 2, sum_case},
    {OP_REDUCE_MAX, -2, 2, max_case},
    {OP_DOT, -2, 2, dot_case},
    {OP_DOT, -2, 2, matrix_case},
    {OP_GATHER, -2, 2, gather_case},
    {OP_GATHER, -2, 2, sorted_case},
    {OP_SCATTER_ADD, -2, 2, scatter_case},
};

const size_t case_count = COUNT_OF(cases);
