/* Fused multiply-adds of floats in registers, the most that any kernel of products can reach. Prints GFLOP/s: the best of many
 * spans, with as many threads as the argument says, which meet before each. Built by bench/machine.py with -O3 -march=native. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined __AVX512F__
enum { LANES = 16, CHAINS = 24 };
#elif defined __AVX__
enum { LANES = 8, CHAINS = 12 };
#else
enum { LANES = 4, CHAINS = 12 };
#endif
enum { SPANS = 200, ROUNDS = 20000, MOST_THREADS = 1024 };

typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));

static pthread_barrier_t meeting;
static volatile float kept;

static void span(void)
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

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Returns the seconds of the shortest span in *best, which the first thread measures from meeting to meeting. */
static void *work(void *best)
{
    for (int i = 0; i < SPANS; i++) {
        pthread_barrier_wait(&meeting);
        double begin = seconds();
        span();
        pthread_barrier_wait(&meeting);
        double passed = seconds() - begin;
        if (best && passed < *(double *)best)
            *(double *)best = passed;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc == 2 ? atoi(argv[1]) : 0;
    pthread_t others[MOST_THREADS];
    double best = 1e9;
    if (threads < 1 || threads > MOST_THREADS) {
        fprintf(stderr, "usage: %s THREADS (1 to %d)\n", argv[0], MOST_THREADS);
        return 2;
    }
    pthread_barrier_init(&meeting, NULL, (unsigned)threads);
    for (int i = 1; i < threads; i++)
        if (pthread_create(&others[i], NULL, work, NULL) != 0) {
            fprintf(stderr, "%s: cannot start thread %d\n", argv[0], i + 1);
            return 1;
        }
    work(&best);
    for (int i = 1; i < threads; i++)
        pthread_join(others[i], NULL);
    printf("%.6g\n", 2e-9 * LANES * CHAINS * ROUNDS * threads / best);
    return 0;
}
