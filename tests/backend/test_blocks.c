/* Products without a BLAS: every class of shapes against the interpreter, with equal bits for every processor, level and number
 * of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/emit.h"
#include "tests/backend/compiled.h"

static const Dims none;

/* With tiles where they are faster, and with blocks wherever there are any. */
static void check_bits(Module *module)
{
    Case c = {.module = module, .seed = 3, .blas = BLAS_BUILTIN};
    uint64_t digest = check_compiled(&c, 2, DEFAULT_CPU, 1);
    for (int blocks = 0; blocks < 2; blocks++) {
        c.blocks = blocks;
        for (int threads = 3; threads <= (blocks ? 3 : 5); threads++)
            assert_true(check_compiled(&c, threads % 4, DEFAULT_CPU, threads) == digest);
        c.registers = 32; /* the tiles of AVX-512, and where there is one, its code */
        assert_true(check_compiled(&c, 2, DEFAULT_CPU, 2) == digest);
        c.registers = 0;
        if (runs_wide())
            assert_true(check_compiled(&c, 2, WIDE_CPU, 2) == digest);
    }
    module_free(module);
}

/* Extents around those of tiles and blocks: one row or column more or less, and one block more. */
static void sizes(DType real)
{
    static const int64_t extents[][3] = {{41, 40, 40},  {48, 64, 64},   {47, 63, 65},   {49, 65, 66},  {17, 300, 31},
                                         {300, 17, 33}, {60, 33, 513},  {253, 40, 257}, {505, 31, 40}, {40, 129, 255},
                                         {17, 17, 256}, {128, 128, 17}, {509, 18, 259}};
    Module *module = module_new("sizes", real);
    for (size_t i = 0; i < COUNT_OF(extents); i++)
        for (int mode = 0; mode < 4; mode++) {
            Builder b = numbered_function(module, i, mode);
            build_output(&b, "z", product(&b, real, extents[i][0], extents[i][1], extents[i][2], mode));
        }
    check_bits(module);
}

static void test_sizes(void **state)
{
    (void)state;
    for_each_real(sizes);
}

/* A matrix times its own transpose: columns that end within a tile of rows, at its end, and one behind it. */
static void symmetric(DType real)
{
    static const int64_t extents[][2] = {{17, 300}, {20, 2},   {32, 33},  {33, 600}, {36, 40},
                                         {48, 5},   {49, 257}, {51, 640}, {52, 64}};
    Module *module = module_new("symmetric", real);
    for (size_t i = 0; i < COUNT_OF(extents); i++)
        for (int axis = 0; axis < 2; axis++) {
            Builder b = numbered_function(module, i, axis);
            int64_t n = extents[i][0], k = extents[i][1];
            Value x = build_input(&b, "x", axis ? matrix(real, n, k) : matrix(real, k, n));
            Value y = build_input(&b, "y", cube(real, 3, k, n));
            build_output(&b, "one", build_dot(&b, x, x, dims_of(1, axis), dims_of(1, axis), none, none));
            build_output(&b, "many", build_dot(&b, y, y, dims_of(1, 1), dims_of(1, 1), dims_of(1, 0), dims_of(1, 0)));
        }
    check_bits(module);
}

static void test_symmetric(void **state)
{
    (void)state;
    for_each_real(symmetric);
}

/* Shapes that are loops and small tiles with OpenBLAS, too, and those in between. */
static void small(DType real)
{
    static const int64_t edges[] = {1, 2, 7, 16, 40};
    Module *module = module_new("small", real);
    for (unsigned i = 0; i < 125; i++) {
        Builder b = numbered_function(module, i, (int)i % 4);
        build_output(&b, "z", product(&b, real, edges[i % 5], edges[i / 5 % 5], edges[i / 25], (int)i % 4));
    }
    Case c = {.module = module, .seed = 1, .blas = BLAS_BUILTIN};
    check_compiled(&c, 2, DEFAULT_CPU, 2);
    module_free(module);
}

static void test_small(void **state)
{
    (void)state;
    for_each_real(small);
}

/* Batches, parts of larger matrices, operands that have to be copied first, results within others, vectors. */
static void places(DType real)
{
    Module *module = module_new("places", real);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", cube(real, 3, 45, 41)), y = build_input(&b, "y", cube(real, 41, 3, 47));
    build_output(&b, "batch", build_dot(&b, x, y, dims_of(1, 2), dims_of(1, 0), dims_of(1, 0), dims_of(1, 1)));
    build_output(&b, "two", build_dot(&b, x, y, dims_of(2, 0, 2), dims_of(2, 1, 0), none, none));
    build_output(&b, "free", build_dot(&b, x, y, dims_of(1, 2), dims_of(1, 0), none, none));
    Value w = build_input(&b, "w", matrix(real, 90, 100)), no_rows = build_slice(&b, w, dims_of(2, 3, 4), matrix(real, 61, 70));
    Value columns = build_slice(&b, w, dims_of(2, 1, 9), matrix(real, 70, 53));
    Value part = build_dot(&b, no_rows, columns, dims_of(1, 1), dims_of(1, 0), none, none);
    build_output(&b, "part", part);
    Value turned = build_transpose(&b, build_unary(&b, OP_NEG, w), dims_of(2, 1, 0));
    build_output(&b, "turned", build_dot(&b, turned, w, dims_of(1, 1), dims_of(1, 0), none, none));
    Value strided = build_slice(&b, x, dims_of(3, 0, 0, 2), cube(real, 3, 45, 30));
    build_output(&b, "strided", build_dot(&b, strided, strided, dims_of(1, 0), dims_of(1, 0), none, none));
    Value halves[] = {build_dot(&b, w, w, dims_of(1, 1), dims_of(1, 1), none, none),
                      build_dot(&b, w, turned, dims_of(1, 1), dims_of(1, 0), none, none)};
    build_output(&b, "joined", build_concat(&b, 2, halves, 1));
    Value v = build_input(&b, "v", vector(real, 100));
    build_output(&b, "vector", build_dot(&b, w, v, dims_of(1, 1), dims_of(1, 0), none, none));
    build_output(&b, "dot", build_dot(&b, v, v, dims_of(1, 0), dims_of(1, 0), none, none));
    uint32_t sum = module_state(module, "sum", matrix(real, 61, 53), STATE_WEIGHT);
    build_write(&b, sum, build_binary(&b, OP_ADD, build_read(&b, sum), part));
    check_bits(module);
}

static void test_places(void **state)
{
    (void)state;
    for_each_real(places);
}

/* Images, and windows of them. */
typedef struct Shape {
    int64_t images, channels, height, width, kernels, extent, step, dilation;
} Shape;

static Type images_type(DType real, const Shape *s)
{
    return type_of(real, 4, (int64_t[]){s->images, s->channels, s->height, s->width});
}

static Type kernels_type(DType real, const Shape *s)
{
    return type_of(real, 4, (int64_t[]){s->kernels, s->channels, s->extent, s->extent});
}

static Value windows(Builder *b, const Shape *s, Value images)
{
    Windows w = {dims_of(2, 2, 3), dims_of(2, s->extent, s->extent), dims_of(2, s->step, s->step),
                 dims_of(2, s->dilation, s->dilation)};
    return build_window(b, images, w);
}

/* A convolution, and what has the shape of its kernels' gradient, whose sums run over the places of windows. */
static void convolve(Builder *b, DType real, const Shape *s)
{
    Value x = windows(b, s, build_input(b, "x", images_type(real, s)));
    Value w = build_input(b, "w", kernels_type(real, s));
    Value y = build_dot(b, w, x, dims_of(3, 1, 2, 3), dims_of(3, 1, 4, 5), none, none);
    build_output(b, "kernels first", y);
    build_output(b, "images first", build_dot(b, x, w, dims_of(3, 1, 4, 5), dims_of(3, 1, 2, 3), none, none));
    build_output(b, "gradient", build_dot(b, y, x, dims_of(3, 1, 2, 3), dims_of(3, 0, 2, 3), none, none));
    Value part = build_slice(b, w, dims_of(4, 0, 0, 0, 0),
                             kernels_type(real, &(Shape){.kernels = 1, .channels = s->channels, .extent = s->extent}));
    build_output(b, "one kernel", build_dot(b, part, x, dims_of(3, 1, 2, 3), dims_of(3, 1, 4, 5), none, none));
    build_output(b, "by channel", build_dot(b, w, x, dims_of(2, 2, 3), dims_of(2, 4, 5), dims_of(1, 1), dims_of(1, 1)));
    /* The result within another tensor, whose rows are longer. */
    Type padded = value_type(b, y);
    padded.dims[3] += 3;
    build_output(b, "padded", build_pad(b, build_unary(b, OP_NEG, y), dims_of(4, 0, 0, 0, 2), padded));
}

/* Rows of windows that are whole vectors, shorter and longer ones; kernels around the rows of a tile; windows that leave places
 * out and are read backwards; more windows than a table has entries. */
static void of_windows(DType real)
{
    static const Shape shapes[] = {{2, 3, 20, 20, 13, 5, 1, 1}, {5, 6, 8, 8, 7, 3, 1, 1},     {3, 2, 9, 11, 12, 3, 1, -1},
                                   {4, 5, 13, 14, 6, 3, 2, 1},  {2, 4, 16, 15, 25, 3, 1, -2}, {37, 3, 8, 9, 5, 2, 1, 1},
                                   {30, 33, 3, 4, 9, 2, 1, 1},  {1, 1, 41, 40, 1, 3, 1, 1},   {8, 17, 10, 10, 26, 1, 1, 1}};
    Module *module = module_new("windows", real);
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        Builder b = numbered_function(module, i, 0);
        convolve(&b, real, &shapes[i]);
    }
    check_bits(module);
}

static void test_windows(void **state)
{
    (void)state;
    for_each_real(of_windows);
}

/* A number that is not finite reaches its own row and column of the result, and no other element: filler numbers of tiles are not
 * kept. */
static void test_not_finite(void **state)
{
    (void)state;
    enum { M = 41, N = 35, K = 47 };
    Module *module = module_new("infinite", DTYPE_F32);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", matrix(DTYPE_F32, M, K)), y = build_input(&b, "y", matrix(DTYPE_F32, K, N));
    Value at = build_input(&b, "at", vector(DTYPE_BOOL, M));
    Value rows = build_broadcast(&b, at, matrix(DTYPE_BOOL, M, K), dims_of(1, 0));
    Value huge = build_unary(&b, OP_EXP, build_with_const(&b, OP_ADD, x, 1e4));
    build_output(&b, "z", build_dot(&b, build_select(&b, rows, x, huge), y, dims_of(1, 1), dims_of(1, 0), none, none));
    check_bits(module);
}

static void no_threads(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain)
{
    (void)grain;
    body(frame, 0, n);
}

/* Floats, the last of which lies right before memory that may not be touched; free them with munmap(whole, size). */
typedef struct Guarded {
    unsigned char *whole;
    size_t size;
    float *floats;
} Guarded;

static Guarded guarded(size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = count * sizeof(float), pages = bytes / page + 2;
    Guarded g = {.size = (pages + 1) * page};
    g.whole = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.whole != MAP_FAILED);
    assert_int_equal(mprotect(g.whole + pages * page, page, PROT_NONE), 0);
    for (unsigned char *at = g.whole; at < g.whole + pages * page; at++)
        *at = 0x3f; /* floats of 0.75 */
    g.floats = (float *)(void *)(g.whole + pages * page - bytes);
    return g;
}

/* Sums of k products, of two inputs. */
static void run_module(Module *module, bool blocks, const char *cpu, int64_t k)
{
    const Function *f = module->functions.data[0];
    Plan *plan = verified_plan(module);
    BackendOptions options = {.target = target_for(cpu), .opt_level = 2};
    options.target.blas = BLAS_BUILTIN;
    if (blocks)
        options.target.small_product = options.target.skinny_product = 0;
    char why[256];
    Jit *jit = jit_new(plan, &options, no_threads, why);
    assert_non_null(jit);
    int64_t sums = type_elements(OP_AT(f, f->outputs.data[0].value)->type);
    Guarded x = guarded((size_t)type_elements(OP_AT(f, f->inputs.data[0])->type)),
            y = guarded((size_t)type_elements(OP_AT(f, f->inputs.data[1])->type)), z = guarded((size_t)sums);
    hn_frame frame = {NULL, NULL, NULL, (const void *[]){x.floats, y.floats}, (void *[]){z.floats}};
    jit_functions(jit)[0](&frame);
    for (unsigned char *at = z.whole; at < (unsigned char *)z.floats; at++)
        assert_int_equal(*at, 0x3f);
    for (int64_t i = 0; i < sums; i++)
        assert_true(z.floats[i] == z.floats[0] && z.floats[i] > 0.5F * (float)k);
    munmap(x.whole, x.size);
    munmap(y.whole, y.size);
    munmap(z.whole, z.size);
    jit_free(jit);
    plan_free(plan);
    module_free(module);
}

static void run_guarded_in(bool blocks, const char *cpu, int64_t m, int64_t n, int64_t k, int mode)
{
    Module *module = module_new("guarded", DTYPE_F32);
    Builder b = new_function(module, "f");
    build_output(&b, "z", product(&b, DTYPE_F32, m, n, k, mode));
    run_module(module, blocks, cpu, k);
}

static void run_guarded_windows(const char *cpu, Shape s)
{
    Module *module = module_new("guarded", DTYPE_F32);
    Builder b = new_function(module, "f");
    Value x = windows(&b, &s, build_input(&b, "x", images_type(DTYPE_F32, &s)));
    Value w = build_input(&b, "w", kernels_type(DTYPE_F32, &s));
    build_output(&b, "z", build_dot(&b, w, x, dims_of(3, 1, 2, 3), dims_of(3, 1, 4, 5), none, none));
    run_module(module, false, cpu, s.channels * s.extent * s.extent);
}

/* In tiles if possible, and in blocks. */
static void run_guarded(const char *cpu, int64_t m, int64_t n, int64_t k, int mode)
{
    run_guarded_in(false, cpu, m, n, k, mode);
    run_guarded_in(true, cpu, m, n, k, mode);
}

/* Nothing is read behind an operand or written around the result, however little of the last tile counts. */
static void test_stays_within(void **state)
{
    (void)state;
    for (int mode = 0; mode < 4; mode++)
        for (int64_t more = 0; more < 13; more += 3) {
            run_guarded(DEFAULT_CPU, 36 + more, 48 + more, 41, mode);
            run_guarded(DEFAULT_CPU, 47, 95, 37 + more, mode);
            run_guarded_windows(DEFAULT_CPU, (Shape){2, 3, 9 + more, 8 + more, 5 + mode, 3, 1 + mode / 2, 1});
            if (runs_wide())
                run_guarded_windows(WIDE_CPU, (Shape){2, 3, 9 + more, 8 + more, 5 + mode, 3, 1 + mode / 2, 1});
            if (runs_wide())
                run_guarded(WIDE_CPU, 37 + more, 65 + 2 * more, 40 + more, mode);
        }
}

static bool llvm_has(const Plan *plan, Blas blas, const char *word)
{
    BackendOptions options = {.target = target_for(AUTO_CPU), .opt_level = 2};
    options.target.blas = blas;
    char why[256];
    LLVMMemoryBufferRef bytes = emitted_bytes(plan, "{}", &options, EMIT_LLVM, why);
    assert_non_null(bytes);
    bool has = strstr(LLVMGetBufferStart(bytes), word) != NULL;
    LLVMDisposeMemoryBuffer(bytes);
    return has;
}

static void test_no_calls_of_blas(void **state)
{
    (void)state;
    Module *module = module_new("calls", DTYPE_F32);
    Builder b = new_function(module, "f");
    build_output(&b, "z", product(&b, DTYPE_F32, 128, 300, 784, 2));
    Plan *plan = verified_plan(module);
    assert_true(llvm_has(plan, BLAS_OPENBLAS, "cblas_sgemm"));
    assert_false(llvm_has(plan, BLAS_BUILTIN, "cblas"));
    assert_true(llvm_has(plan, BLAS_BUILTIN, "hn_product_f32"));
    plan_free(plan);
    module_free(module);
}

static int64_t piece;

static void one_piece(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain)
{
    int64_t end = (piece + 1) * grain;
    if (piece * grain < n)
        body(frame, piece * grain, end < n ? end : n);
}

/* Threads make pieces of a symmetric product at the same time: each element is written by one of them. */
static void pieces_are_disjoint(DType real, unsigned registers)
{
    enum { N = 51, K = 600 };
    Module *module = module_new("pieces", real);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", matrix(real, K, N));
    build_output(&b, "z", build_dot(&b, x, x, dims_of(1, 0), dims_of(1, 0), none, none));
    Plan *plan = verified_plan(module);
    BackendOptions options = {.target = target_for(DEFAULT_CPU), .opt_level = 2};
    options.target.registers = registers;
    options.target.thread_work = 1;
    char why[256];
    Jit *jit = jit_new(plan, &options, one_piece, why);
    assert_non_null(jit);
    static double in[K * N], out[N * N]; /* as floats, the first half of the bytes */
    int writers[N * N] = {0};
    size_t size = dtype_size(real);
    memset(in, 0x3f, sizeof in);
    hn_frame frame = {NULL, NULL, NULL, (const void *[]){in}, (void *[]){out}};
    for (piece = 0; piece < N; piece++) {
        static const double nothing;
        memset(out, 0, sizeof out);
        jit_functions(jit)[0](&frame);
        for (size_t i = 0; i < N * N; i++)
            writers[i] += memcmp((char *)out + i * size, &nothing, size) != 0;
        assert_true(piece > 0 || writers[N * N - 1] == 0); /* there is more than one piece */
    }
    for (int i = 0; i < N * N; i++)
        assert_int_equal(writers[i], 1);
    jit_free(jit);
    plan_free(plan);
    module_free(module);
}

static void test_pieces_are_disjoint(void **state)
{
    (void)state;
    for (unsigned registers = 16; registers <= 32; registers *= 2) { /* tiles of six and of twelve rows */
        pieces_are_disjoint(DTYPE_F32, registers);
        pieces_are_disjoint(DTYPE_F64, registers);
    }
}

/* Passes ask the target: with smaller caches a matrix is large that was not, and its rows are summed in chunks. */
static void test_target_is_asked(void **state)
{
    (void)state;
    Module *module = module_new("caches", DTYPE_F32);
    Builder b = new_function(module, "f");
    Value x = build_input(&b, "x", matrix(DTYPE_F32, 600, 50));
    build_output(&b, "sums", build_reduce(&b, OP_REDUCE_SUM, build_unary(&b, OP_TANH, x), dims_of(1, 0)));
    Plan *plan;
    assert_int_equal(plan_of(module, "f", &plan)->kernels.data[0].loop.chunk, 0);
    plan_free(plan);
    module->target.far_cache = 256 << 10;
    assert_int_equal(plan_of(module, "f", &plan)->kernels.data[0].loop.chunk, 128);
    plan_free(plan);
    Case c = {.module = module, .seed = 1};
    check_compiled(&c, 2, DEFAULT_CPU, 2);
    module_free(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_symmetric),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_no_calls_of_blas),
        cmocka_unit_test(test_pieces_are_disjoint),
        cmocka_unit_test(test_target_is_asked),
        cmocka_unit_test(test_stays_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
