/* The threads of a run. A call of hn_parallel is a job of parts; whichever thread is free claims the next part. The thread that
 * calls claims parts like every other thread, so a job never waits for a thread that has not come yet: beside other programs,
 * which take processors away from the run, the parts of a late thread are done by the thread that called. Threads that wait
 * look again and again for a short time and then sleep until they are woken, so that waiting takes no processor from others. */
#include "runtime/core/parallel.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/core/clock.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include "runtime/abi/frame.h"
#include "runtime/core/blas.h"

/* How long a thread looks before it sleeps. Most gaps between two jobs of a step are shorter; waking a thread takes about as
 * long. */
enum { PATIENCE_NANOSECONDS = 30000 };

/* The job at hand. Its fields change only while no part of it is left to claim and none is being done. */
static struct {
    _Atomic(hn_body *) body;
    _Atomic(const hn_frame *) frame;
    _Atomic int64_t n, grain;
} job;

/* The number of the job (32 bits), its parts, and how many of them are claimed (16 bits each). */
static _Atomic uint64_t ticket;
static _Atomic uint32_t unfinished; /* parts of the job that are not done; the caller sleeps on it */
static _Atomic uint32_t jobs;       /* changes with every job; workers sleep on it */
static _Atomic int sleepers;        /* workers that sleep or are about to */
static _Atomic bool caller_sleeps;

static int thread_count = 1, worker_count;
static _Thread_local bool is_within; /* a part: what it calls is done by the same thread */

int parallel_threads(void)
{
    return thread_count;
}

/* ---- waiting ---- */

static void breathe(void)
{
#if defined(__x86_64__)
    for (int i = 0; i < 8; i++)
        __builtin_ia32_pause();
#endif
}

/* Whether the word gets another value than `seen` within the time of patience. */
static bool changes_soon(_Atomic uint32_t *word, uint32_t seen)
{
    for (int64_t end = clock_nanoseconds() + PATIENCE_NANOSECONDS; clock_nanoseconds() < end; breathe())
        if (atomic_load(word) != seen)
            return true;
    return false;
}

/* Sleeps unless the word has another value than `seen`; may return early. */
static void sleep_on(_Atomic uint32_t *word, uint32_t seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *word, int threads)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}

/* ---- parts ---- */

static int64_t parts_of(uint64_t value)
{
    return (int64_t)(value >> 16 & 0xffff);
}

static int64_t claimed_of(uint64_t value)
{
    return (int64_t)(value & 0xffff);
}

/* Ranges depend on n, grain and the number of parts only, never on who does them: equal work, equal bits. */
static void do_part(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain, int64_t part, int64_t parts)
{
    int64_t grains = (n - 1) / grain + 1;
    int64_t begin = grains * part / parts * grain;
    int64_t end = part + 1 == parts ? n : grains * (part + 1) / parts * grain;
    body(frame, begin, end);
}

/* Claims and does a part of the job at hand; false if all are claimed. */
static bool claim_part(void)
{
    uint64_t seen = atomic_load(&ticket);
    while (claimed_of(seen) < parts_of(seen)) {
        hn_body *body = atomic_load(&job.body);
        const hn_frame *frame = atomic_load(&job.frame);
        int64_t n = atomic_load(&job.n), grain = atomic_load(&job.grain);
        if (!atomic_compare_exchange_strong(&ticket, &seen, seen + 1))
            continue; /* what was read may be of two jobs */
        do_part(body, frame, n, grain, claimed_of(seen), parts_of(seen));
        if (atomic_fetch_sub(&unfinished, 1) == 1 && atomic_load(&caller_sleeps))
            wake(&unfinished, 1);
        return true;
    }
    return false;
}

/* ---- workers ---- */

static void use_no_other_threads(void)
{
#ifdef _OPENMP
    omp_set_num_threads(1); /* of this thread's calls: OpenBLAS asks before each product */
#endif
}

static void *work(void *unused)
{
    (void)unused;
    is_within = true;
    use_no_other_threads();
    for (;;) {
        uint32_t seen = atomic_load(&jobs);
        while (claim_part())
            ;
        if (changes_soon(&jobs, seen))
            continue;
        atomic_fetch_add(&sleepers, 1);
        sleep_on(&jobs, seen);
        atomic_fetch_sub(&sleepers, 1);
    }
    return NULL;
}

/* Workers end with the process. Signals are for the first thread. */
static void add_workers(int wanted)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_t thread;
    while (worker_count < wanted && pthread_create(&thread, NULL, work, NULL) == 0) {
        pthread_detach(thread);
        worker_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void parallel_set_threads(int threads)
{
    thread_count = threads;
    use_no_other_threads();
    blas_set_threads(1);
    add_workers(threads - 1); /* with fewer than that, the others do their parts */
}

/* ---- jobs ---- */

static void publish(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain, int64_t parts)
{
    atomic_store(&job.body, body);
    atomic_store(&job.frame, frame);
    atomic_store(&job.n, n);
    atomic_store(&job.grain, grain);
    atomic_store(&unfinished, (uint32_t)parts);
    uint64_t number = (atomic_load(&ticket) >> 32) + 1;
    atomic_store(&ticket, number << 32 | (uint64_t)parts << 16);
    atomic_fetch_add(&jobs, 1);
    if (atomic_load(&sleepers) > 0)
        wake(&jobs, (int)parts - 1);
}

static void wait_for_others(void)
{
    for (;;) {
        uint32_t left = atomic_load(&unfinished);
        if (left == 0)
            return;
        if (changes_soon(&unfinished, left))
            continue;
        atomic_store(&caller_sleeps, true);
        sleep_on(&unfinished, left);
        atomic_store(&caller_sleeps, false);
    }
}

void hn_parallel(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain)
{
    if (n <= 0)
        return;
    if (grain < 1)
        grain = 1;
    int64_t grains = (n - 1) / grain + 1;
    int64_t parts = grains < thread_count ? grains : thread_count;
    if (parts <= 1 || is_within || worker_count == 0) {
        for (int64_t part = 0; part < parts; part++)
            do_part(body, frame, n, grain, part, parts);
        return;
    }
    publish(body, frame, n, grain, parts);
    is_within = true;
    while (claim_part())
        ;
    is_within = false;
    wait_for_others();
}
