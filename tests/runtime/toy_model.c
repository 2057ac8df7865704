/* A model as the compiler would emit it, by hand: linear regression with a penalty, y / 9 ~ w . x / 255 + b, whose coefficient
 * lam a second phase moves. Its steps draw noise from the seed and a step counter, so that a run which loses either ends with
 * other bits.
 *
 * Built in variants (tests/runtime/CMakeLists.txt): TOY_BATCH, TOY_FIT (one phase, nothing selects), TOY_STATE (name of a
 * weight), TOY_ABI, TOY_SWEEP with TOY_POINT and TOY_OUTPUT (words of a sweep, which only `plot` asks for).
 *
 * Faults for the tests come from the environment:
 *   TOY_NAN_AT=N   the loss of the Nth lower step is not a number
 *   TOY_SLEEP=N    microseconds per step
 *   TOY_STRICT=1   an allocation between two steps of an epoch ends the process with status 99
 *   TOY_KILL_AT=N  the Nth operation on a file kills the process, a write in its middle */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/runtime/abi_text.h"

#ifndef TOY_BATCH
#define TOY_BATCH 8
#endif
#ifndef TOY_ABI
#define TOY_ABI HN_ABI_VERSION
#endif
#ifndef TOY_DIGEST
#define TOY_DIGEST "0"
#endif
#ifndef TOY_STATE
#define TOY_STATE "net.w"
#endif

enum { INPUTS = 4, PADDING = 65536 };

/* ---- state arena: ORDER STATES, as in the manifest ---- */
enum { AT_W = 0, AT_B = 64, AT_LAM = 128, AT_MOMENT = 192, AT_STEP = 256, AT_SEED = 320, AT_SUM = 384, AT_PADDING = 448 };

#define STATE(NAME, DTYPE, SHAPE, ROLE, OFFSET)                                                                                  \
    "{\"name\":\"" NAME "\",\"dtype\":\"" DTYPE "\",\"shape\":" SHAPE ",\"role\":\"" ROLE "\",\"offset\":" OFFSET                \
    ",\"lifetime\":\"net\",\"grows\":false,\"begins_as\":null,\"file\":null,\"part_of\":null}"
#define TENSOR(NAME, DTYPE, SHAPE) "{\"name\":\"" NAME "\",\"dtype\":\"" DTYPE "\",\"shape\":" SHAPE "}"
#define FUNCTION(NAME, INPUT_LIST, OUTPUT_LIST)                                                                                  \
    "{\"name\":\"" NAME "\",\"inputs\":[" INPUT_LIST "],\"outputs\":[" OUTPUT_LIST "],\"bounds\":[]}"
#define ACT(KIND, SIZE, ROUNDS, IN_EPOCHS, BUDGET, PATIENCE, EVERY, EVERY_IN_EPOCHS, AFTER, LAST, PHASE)                         \
    "{\"kind\":\"" KIND "\",\"size\":" SIZE ",\"rounds\":" ROUNDS ",\"in_epochs\":" IN_EPOCHS ",\"budget\":" BUDGET              \
    ",\"patience\":" PATIENCE ",\"every\":" EVERY ",\"every_in_epochs\":" EVERY_IN_EPOCHS ",\"after\":" AFTER ",\"last\":" LAST  \
    ",\"once\":false"                                                                                                            \
    ",\"phase\":" PHASE ",\"function\":-1,\"state\":-1,\"table\":[],\"lifetime\":\"round\"}"
/* TOY_CALL: each epoch ends with a call of tune.note, which counts in the first number of the padding. */
#ifdef TOY_CALL
#define CALL_NOTE                                                                                                                \
    "{\"kind\":\"call\",\"size\":1,\"rounds\":0,\"in_epochs\":false,\"budget\":false,\"patience\":0,\"every\":1,\"every_in_"     \
    "epochs\":"                                                                                                                  \
    "true,\"after\":0,\"last\":false,\"once\":false,\"phase\":0,\"function\":7,\"state\":-1,\"table\":[],\"lifetime\":"          \
    "\"round\"},"
#define FIT_SIZE "4"
#else
#define CALL_NOTE
#define FIT_SIZE "3"
#endif
#ifdef TOY_SWEEP
#define TOY_SWEEP_TEXT                                                                                                           \
    "{\"name\":\"" TOY_SWEEP "\",\"kind\":\"front\",\"title\":\"Toy " TOY_SWEEP "\",\"condition\":0,\"point_word\":\"" TOY_POINT \
    "\",\"output_word\":\"" TOY_OUTPUT "\",\"on\":\"toy.valid\",\"solver\":null,\"metric\":0,\"outputs\":[\"x\"],\"width\":1,"   \
    "\"points\":[0.5],\"state\":2,\"all\":-1,\"memory\":-1,\"first\":-1,\"indicators\":[]}"
#else
#define TOY_SWEEP_TEXT "null"
#endif
#define INDEX TENSOR("index", "i32", "[" TEXT(TOY_BATCH) "]")
#define MASK TENSOR("mask", "bool", "[" TEXT(TOY_BATCH) "]")

/* clang-format off */
const char hn_manifest[] =
    "{\"abi\":" TEXT(TOY_ABI) ",\"model\":\"toy\",\"digest\":\"" TOY_DIGEST "\",\"cpu\":\"x86-64\",\"blas\":\"openblas\",\"real\":\"f32\",\"state_bytes\":262592,\"scratch_bytes\":64,"
    "\"states\":["
    STATE(TOY_STATE, "f32", "[4]", "weight", "0") ","
    STATE("net.b", "f32", "[]", "weight", "64") ","
    STATE("lam", "f32", "[1]", "hyper", "128") ","
    STATE("net.w.moment", "f32", "[4]", "optimizer", "192") ","
    STATE("step", "i32", "[]", "counter", "256") ","
    STATE("seed", "i32", "[2]", "counter", "320") ","
    STATE("sum", "f64", "[2]", "scratch", "384") ","
    STATE("padding", "f32", "[65536]", "weight", "448") "],"
    "\"fields\":[{\"name\":\"toy.x\",\"dtype\":\"u8\",\"shape\":[4],\"classes\":0,\"first\":0,\"names\":[],\"index\":false},"
    "{\"name\":\"toy.y\",\"dtype\":\"i32\",\"shape\":[],\"classes\":10,\"first\":0,\"names\":[],\"index\":false}],"
    "\"functions\":["
    FUNCTION("tune.init", "", "") ","
    FUNCTION("tune.lower", INDEX "," TENSOR("epoch_steps", "i32", "[]") "," TENSOR("total_steps", "i32", "[]"),
             TENSOR("loss", "f32", "[]") "," TENSOR("grad_norm", "f32", "[]")) ","
    FUNCTION("tune.upper", INDEX, TENSOR("loss", "f32", "[]")) ","
    FUNCTION("tune.hypers", "", TENSOR("lam.decay", "f32", "[]") "," TENSOR("lam.decay.sigma", "f32", "[]")) ","
    FUNCTION("tune.eval0.accumulate", INDEX "," MASK, "") ","
    FUNCTION("tune.eval0.finish", "", TENSOR("value", "f32", "[]")) ","
    FUNCTION("tune.plateau", TENSOR("metric", "f32", "[]"), "") ","
    FUNCTION("tune.note", "", "") "],"
    "\"datasets\":[{\"name\":\"toy\",\"format\":\"idx\",\"fields\":[0,1],\"files\":[\"toy-x.gz\",\"toy-y\"],\"family\":null,\"test_files\":[],"
    "\"splits\":[{\"name\":\"train\",\"from_test\":false,\"count\":100,\"fraction\":0,\"own_files\":0,\"streams\":0},"
    "{\"name\":\"valid\",\"from_test\":false,\"count\":0,\"fraction\":0.25,\"own_files\":0,\"streams\":0}],\"shuffled\":false,\"rows\":0,\"test_rows\":0,\"makers\":[],\"taken\":[],\"text\":null,\"resize\":\"no\",\"schema\":null}],"
    "\"conditions\":[{\"name\":\"lam\",\"word\":\"hyper\",\"standing\":true,\"domain\":\"reals\",\"width\":1,\"count\":0,\"state\":-1}],"
    "\"hypers\":[{\"name\":\"lam.decay\",\"condition\":0,\"offset\":0,\"kind\":\"log\",\"shape\":[],\"low\":0,\"high\":0,\"init\":0.001,\"shared\":true}],"
    "\"constants\":[],\"exports\":[],"
    "\"train\":{\"name\":\"tune\",\"batch\":" TEXT(TOY_BATCH) ",\"epochs\":6,\"seconds\":0,"
#ifdef TOY_FIT
    "\"method\":\"fit\",\"select\":-1,\"plateau\":-1,\"hypers\":-1,"
    "\"phases\":[{\"name\":\"minimise\",\"dataset\":0,\"split\":0,\"member\":-1,\"member_condition\":-1,\"all_members\":false,\"batch\":" TEXT(TOY_BATCH) ",\"shuffles_batches\":false,\"batches\":1,\"reads_next\":false,\"micro_batch\":" TEXT(TOY_BATCH) ",\"micro_step\":-1,\"step\":1,\"rehearsed\":0,\"nonnegative\":null}],"
    "\"acts\":["
    ACT("repeat", FIT_SIZE, "6", "true", "true", "0", "1", "false", "0", "false", "0") ","
    ACT("step", "1", "0", "false", "false", "0", "1", "false", "0", "false", "0") "," CALL_NOTE
    ACT("measure", "1", "0", "false", "false", "0", "1", "true", "0", "true", "0") "],"
#else
    "\"method\":\"bilevel\",\"select\":0,\"plateau\":6,\"hypers\":3,"
    "\"phases\":[{\"name\":\"lower\",\"dataset\":0,\"split\":0,\"member\":-1,\"member_condition\":-1,\"all_members\":false,\"batch\":" TEXT(TOY_BATCH) ",\"shuffles_batches\":false,\"batches\":1,\"reads_next\":false,\"micro_batch\":" TEXT(TOY_BATCH) ",\"micro_step\":-1,\"step\":1,\"rehearsed\":0,\"nonnegative\":null},"
    "{\"name\":\"upper\",\"dataset\":0,\"split\":1,\"member\":-1,\"member_condition\":-1,\"all_members\":false,\"batch\":" TEXT(TOY_BATCH) ",\"shuffles_batches\":false,\"batches\":1,\"reads_next\":false,\"micro_batch\":" TEXT(TOY_BATCH) ",\"micro_step\":-1,\"step\":2,\"rehearsed\":0,\"nonnegative\":null}],"
    "\"acts\":["
    ACT("repeat", "5", "6", "true", "true", "50", "1", "false", "0", "false", "0") ","
    ACT("step", "1", "0", "false", "false", "0", "1", "false", "0", "false", "0") ","
    ACT("repeat", "2", "2", "false", "false", "0", "3", "false", "1", "false", "0") ","
    ACT("step", "1", "0", "false", "false", "0", "1", "false", "0", "false", "1") ","
    ACT("measure", "1", "0", "false", "false", "0", "1", "true", "0", "true", "0") "],"
#endif
    "\"metrics\":[{\"name\":\"fit(toy.valid)\",\"dataset\":0,\"split\":1,\"member\":-1,\"member_condition\":-1,\"accumulate\":[4],\"finish\":5,\"output\":0,\"larger\":false,\"pointless\":false}],\"init\":0,\"sweep\":" TOY_SWEEP_TEXT ",\"trials\":null,\"schedule\":null,\"events\":[]}}";
/* clang-format on */

/* ---- allocations, counted ---- */

static long allocations;
#ifndef HNC_SANITIZE /* whose own malloc must stay */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __libc_memalign(alignment, size);
}
#endif

static long environment_number(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

/* ---- operations on files, one of which may be the last ---- */

#ifndef HNC_SANITIZE
static bool is_fatal(void)
{
    static long operations;
    return ++operations == environment_number("TOY_KILL_AT");
}

static void die(void)
{
    kill(getpid(), SIGKILL);
}

ssize_t write(int descriptor, const void *bytes, size_t size)
{
    bool fatal = is_fatal();
    ssize_t written = syscall(SYS_write, descriptor, bytes, fatal ? size / 2 : size);
    if (fatal)
        die();
    return written;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset)
{
    bool fatal = is_fatal();
    ssize_t written = syscall(SYS_pwrite64, descriptor, bytes, fatal ? size / 2 : size, offset);
    if (fatal)
        die();
    return written;
}

int fsync(int descriptor)
{
    if (is_fatal())
        die();
    return (int)syscall(SYS_fsync, descriptor);
}

int rename(const char *from, const char *to)
{
    if (is_fatal())
        die();
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}
#endif

/* ---- checks between steps ---- */

static long counted_at_last_step = -1; /* -1: allocating was allowed since */

static void begin_step(void)
{
    if (environment_number("TOY_STRICT") && counted_at_last_step >= 0 && allocations != counted_at_last_step)
        _exit(99);
    if (environment_number("TOY_SLEEP"))
        usleep((useconds_t)environment_number("TOY_SLEEP"));
}

static void end_step(void)
{
    counted_at_last_step = allocations;
}

/* ---- the model's functions ---- */

static float *real(const hn_frame *frame, size_t offset)
{
    return (float *)(void *)(frame->state + offset);
}

static float error_of(const hn_frame *frame, int32_t row)
{
    const unsigned char *x = (const unsigned char *)frame->rows[0] + (size_t)row * INPUTS;
    const int32_t *y = frame->rows[1];
    float prediction = *real(frame, AT_B);
    for (int i = 0; i < INPUTS; i++)
        prediction += real(frame, AT_W)[i] * (float)x[i] / 255.0f;
    return prediction - (float)y[row] / 9.0f;
}

static float noise(const hn_frame *frame)
{
    int32_t seed[2], step;
    memcpy(seed, frame->state + AT_SEED, sizeof seed);
    memcpy(&step, frame->state + AT_STEP, sizeof step);
    uint32_t mixed = ((uint32_t)seed[0] * 2654435761u) ^ ((uint32_t)seed[1] + 77u) ^ ((uint32_t)step * 40503u);
    mixed = (mixed ^ mixed >> 15) * 2246822519u;
    return (float)(mixed >> 8) / 16777216.0f - 0.5f;
}

static void init(const hn_frame *frame)
{
    for (int i = 0; i < INPUTS; i++)
        real(frame, AT_W)[i] = noise(frame) * (float)(i + 1);
    *real(frame, AT_B) = 0;
    *real(frame, AT_LAM) = -7;
    memset(frame->state + AT_MOMENT, 0, INPUTS * sizeof(float));
    memset(frame->state + AT_STEP, 0, sizeof(int32_t));
    for (int i = 0; i < PADDING; i++)
        real(frame, AT_PADDING)[i] = (float)i;
}

static void lower(const hn_frame *frame)
{
    begin_step();
    const int32_t *index = frame->inputs[0];
    float gradient[INPUTS] = {0}, gradient_b = 0, loss = 0;
    for (int i = 0; i < TOY_BATCH; i++) {
        const unsigned char *x = (const unsigned char *)frame->rows[0] + (size_t)index[i] * INPUTS;
        float error = error_of(frame, index[i]);
        loss += error * error / TOY_BATCH;
        gradient_b += 2 * error / TOY_BATCH;
        for (int j = 0; j < INPUTS; j++)
            gradient[j] += 2 * error * (float)x[j] / 255.0f / TOY_BATCH;
    }
    int32_t step, total = *(const int32_t *)frame->inputs[2];
    memcpy(&step, frame->state + AT_STEP, sizeof step);
    float rate = 0.2f * (1 - 0.5f * (float)step / (float)total), decay = expf(*real(frame, AT_LAM)), norm = 0;
    for (int j = 0; j < INPUTS; j++) {
        float *moment = real(frame, AT_MOMENT) + j, *w = real(frame, AT_W) + j;
        *moment = 0.5f * *moment + gradient[j] + decay * *w + 0.001f * noise(frame);
        *w -= rate * *moment;
        norm += gradient[j] * gradient[j];
    }
    *real(frame, AT_B) -= rate * gradient_b;
    step++;
    memcpy(frame->state + AT_STEP, &step, sizeof step);
    *(float *)frame->outputs[0] = environment_number("TOY_NAN_AT") == step ? NAN : loss;
    *(float *)frame->outputs[1] = sqrtf(norm);
    end_step();
}

static void upper(const hn_frame *frame)
{
    begin_step();
    const int32_t *index = frame->inputs[0];
    float loss = 0;
    for (int i = 0; i < TOY_BATCH; i++)
        loss += error_of(frame, index[i]) * error_of(frame, index[i]) / TOY_BATCH;
    *real(frame, AT_LAM) += 0.01f * (loss - 0.02f) + 0.001f * noise(frame);
    *(float *)frame->outputs[0] = loss;
    end_step();
}

static void hypers(const hn_frame *frame)
{
    *(float *)frame->outputs[0] = expf(*real(frame, AT_LAM));
    *(float *)frame->outputs[1] = 0.5f;
}

static void accumulate(const hn_frame *frame)
{
    counted_at_last_step = -1;
    const int32_t *index = frame->inputs[0];
    const unsigned char *mask = frame->inputs[1];
    double *sum = (double *)(void *)(frame->state + AT_SUM);
    for (int i = 0; i < TOY_BATCH; i++) {
        double error = (double)error_of(frame, index[i]);
        sum[0] += mask[i] ? error * error : 0;
        sum[1] += mask[i];
    }
}

static void finish(const hn_frame *frame)
{
    const double *sum = (const double *)(const void *)(frame->state + AT_SUM);
    *(float *)frame->outputs[0] = (float)(sum[0] / sum[1]);
}

static void plateau(const hn_frame *frame)
{
    *real(frame, AT_LAM) += 1e-3f * *(const float *)frame->inputs[0];
}

static void note(const hn_frame *frame)
{
    *real(frame, AT_PADDING) += 1;
}

hn_function *const hn_functions[] = {init, lower, upper, hypers, accumulate, finish, plateau, note};
