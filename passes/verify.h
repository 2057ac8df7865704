/* What the parts of the schedules' verifier share: verify_schedule.c walks, verify_kernels.c says what each kernel touches,
 * verify_memory.c whether it may. */
#ifndef HNC_PASSES_VERIFY_H
#define HNC_PASSES_VERIFY_H

#include "passes/footprint.h"
#include "passes/schedule.h"

typedef struct Checker {
    const Plan *plan;
    const Schedule *schedule;
    Text *why;
    bool (*verify_body)(const Plan *plan, const Schedule *schedule, Text *why); /* verify_schedule(): of a loop */
    uint32_t kernel, messages;
    ElementSet *buffers, *states, *outputs; /* elements written, per scratch buffer, module state and output. Empty: none */
    ElementSet *partials;                   /* elements read, per scratch buffer of partial results */
    bool *is_target;                        /* per buffer: some kernel writes it */
    uint32_t *next_state;                   /* per state: the state right behind it in the state arena, or NO_STATE */
    uint32_t *first, *last;                 /* per buffer: kernels that touch it */
} Checker;

#define NO_STATE UINT32_MAX

/* One access of a kernel to a buffer. */
typedef struct Access {
    uint32_t buffer;
    DType dtype; /* in which the kernel uses the elements */
    Footprint elements;
    const char *what; /* for messages: "node 3", "sink 0", "lhs" */
} Access;

/* Adds a violation to the checker's `why`, with the kernel at work. */
void complain(Checker *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for `count` things, all zero; the caller frees it. */
void *zeroed_items(size_t count, size_t size);

static inline const Buffer *buffer_at(const Checker *c, uint32_t index)
{
    return &c->schedule->buffers.data[index];
}

/* Whether the buffer holds partial results, which a later kernel of the same reduction reads. */
static inline bool is_partial(const Buffer *buffer)
{
    return buffer->kind == BUFFER_SCRATCH && buffer->value == NO_VALUE;
}

/* ---- memory: verify_memory.c ---- */

/* Whether the buffer is a state's value at entry. */
bool is_entry_value(const Checker *c, uint32_t buffer);
/* Checks elements that the kernel reads: they lie in the buffer, all are written, and a state's value at entry is not
 * overwritten. */
void check_read(Checker *c, const Kernel *kernel, const Access *access);
/* Checks elements that the kernel writes: none is written yet. Marks them as written. */
void check_write(Checker *c, const Kernel *kernel, const Access *access);
/* Notes that the kernel touches this buffer. */
void check_touch(Checker *c, uint32_t buffer);
/* Checks once more, after the kernel's writes, what it reads of states' values at entry where its reads go on into the next
 * state. */
void check_entry_value(Checker *c, const Kernel *kernel, const Access *access);
bool lists_buffer(const uint32_t *list, uint32_t n, uint32_t item);
/* After the last kernel: lifetimes are as planned, and buffers that live together share no bytes. */
void check_plan(Checker *c);

/* ---- kernels: verify_kernels.c ---- */

void check_kernel(Checker *c, const Kernel *kernel);

#endif
