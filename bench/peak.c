/* What no kernel exceeds on this machine, the best of many spans, by as many threads as the argument says, which meet before
 * each: GFLOP/s of fused multiply-adds of floats in registers; with a second argument GB/s read and written within so many bytes,
 * by the fastest of three ways: reading, updating in place, copying. Built by bench/machine.py with -O3 -march=native. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined __AVX512F__
enum { LANES = 16, CHAINS = 24 };
#elif defined __AVX__
enum { LANES = 8, CHAINS = 12 };
#else
enum { LANES = 4, CHAINS = 12 };
#endif
enum { SPANS = 200, ROUNDS = 20000, STREAMS = 8, MOST_THREADS = 1024 };

typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));

static pthread_barrier_t meeting;
static size_t vectors; /* of each thread; 0: work in registers */
static long repeats;   /* of the whole memory in a span */
static volatile float kept;

static void multiply_and_add(void)
{
    Vector sum[CHAINS], scale = {0}, step = {0};
    for (int lane = 0; lane < LANES; lane++) {
        scale[lane] = 0.999f;
        step[lane] = 0.001f * (float)(lane + 1);
    }
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++)
        sum[i] = step + (float)i;
    for (int round = 0; round < ROUNDS; round++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++)
            sum[i] = sum[i] * scale + step;
        __asm__ volatile("" : "+m"(kept)); /* rounds are not joined */
    }
#pragma GCC unroll 24
    for (int i = 1; i < CHAINS; i++)
        sum[0] += sum[i];
    kept = sum[0][0];
}

static void read_all(Vector *memory)
{
    Vector sum[STREAMS] = {{0}};
    for (long r = 0; r < repeats; r++)
        for (size_t i = 0; i < vectors; i += STREAMS)
#pragma GCC unroll 8
            for (int k = 0; k < STREAMS; k++)
                sum[k] += memory[i + (size_t)k];
#pragma GCC unroll 8
    for (int k = 1; k < STREAMS; k++)
        sum[0] += sum[k];
    kept = sum[0][0];
}

static void update_all(Vector *memory)
{
    for (long r = 0; r < repeats; r++) {
        for (size_t i = 0; i < vectors; i++)
            memory[i] = memory[i] * 0.999f;
        __asm__ volatile("" : : "r"(memory) : "memory");
    }
}

static void copy_half(Vector *memory)
{
    for (long r = 0; r < repeats; r++) {
        memcpy(memory, memory + vectors / 2, vectors / 2 * sizeof *memory);
        __asm__ volatile("" : : "r"(memory) : "memory");
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

enum { READ, UPDATE, COPY, WAYS }; /* bytes moved: all, twice all, all (half read, half written) */

static void span(int way, Vector *memory)
{
    if (!memory)
        multiply_and_add();
    else if (way == READ)
        read_all(memory);
    else if (way == UPDATE)
        update_all(memory);
    else
        copy_half(memory);
}

/* The seconds of the shortest span of each way go into best[], which the first thread measures from meeting to meeting. */
static void *work(void *best)
{
    Vector *memory = vectors ? aligned_alloc(4096, (vectors * sizeof *memory + 4095) / 4096 * 4096) : NULL;
    if (vectors && !memory)
        exit(1);
    if (memory)
        memset(memory, 0, vectors * sizeof *memory);
    for (int i = 0; i < SPANS; i++) {
        int way = i % WAYS;
        pthread_barrier_wait(&meeting);
        double begin = seconds();
        span(way, memory);
        pthread_barrier_wait(&meeting);
        double passed = seconds() - begin;
        if (best && passed < ((double *)best)[way])
            ((double *)best)[way] = passed;
    }
    free(memory);
    return NULL;
}

static double least(const double *times)
{
    double time = times[0];
    for (int way = 1; way < WAYS; way++)
        time = times[way] < time ? times[way] : time;
    return time;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 0;
    long bytes = argc == 3 ? atol(argv[2]) : 0;
    pthread_t others[MOST_THREADS];
    double best[WAYS] = {1e9, 1e9, 1e9};
    if (threads < 1 || threads > MOST_THREADS || argc > 3 || (argc == 3 && bytes < 1)) {
        fprintf(stderr, "usage: %s THREADS [BYTES] (1 to %d threads)\n", argv[0], MOST_THREADS);
        return 2;
    }
    if (bytes) {
        vectors = ((size_t)bytes / (size_t)threads / sizeof(Vector) / STREAMS + 1) * STREAMS;
        repeats = 1 + (1L << 24) / (long)(vectors * sizeof(Vector));
    }
    pthread_barrier_init(&meeting, NULL, (unsigned)threads);
    for (int i = 1; i < threads; i++)
        if (pthread_create(&others[i], NULL, work, NULL) != 0) {
            fprintf(stderr, "%s: cannot start thread %d\n", argv[0], i + 1);
            return 1;
        }
    work(best);
    for (int i = 1; i < threads; i++)
        pthread_join(others[i], NULL);
    double moved = 1e-9 * (double)(vectors * sizeof(Vector)) * (double)repeats * threads;
    double rate = moved / (best[READ] < best[COPY] ? best[READ] : best[COPY]), update = 2 * moved / best[UPDATE];
    if (bytes)
        printf("%.6g\n", rate > update ? rate : update);
    else
        printf("%.6g\n", 2e-9 * LANES * CHAINS * ROUNDS * threads / least(best));
    return 0;
}
