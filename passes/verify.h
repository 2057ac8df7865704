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
    uint32_t kernel, messages;
    ElementSet *buffers, *states, *outputs; /* written; of scratch buffers, of module states, of outputs. Empty: nothing */
    ElementSet *partials;                   /* read; of scratch buffers that hold partial results */
    bool *is_target;                        /* of each buffer: some kernel writes it */
    uint32_t *next_state;                   /* that lies right behind in the state arena, or NO_STATE */
    uint32_t *first, *last;                 /* kernels that touch a buffer */
} Checker;

#define NO_STATE UINT32_MAX

/* One access of a kernel to a buffer. */
typedef struct Access {
    uint32_t buffer;
    DType dtype; /* in which the kernel uses the elements */
    Footprint elements;
    const char *what; /* for messages: "node 3", "sink 0", "lhs" */
} Access;

/* Adds a violation to what is said of the schedule, with the kernel at work. */
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
/* The kernel reads these elements: they lie in the buffer, are written in full, and of a state's value at entry not overwritten.
 */
void check_read(Checker *c, const Kernel *kernel, const Access *access);
/* The kernel writes these elements, none of which is written yet, and marks them. */
void check_write(Checker *c, const Kernel *kernel, const Access *access);
/* The kernel touches this buffer. */
void check_touch(Checker *c, uint32_t buffer);
/* What a kernel reads of states' values at entry, once more after all that it writes: a run that goes on in a neighbour included.
 */
void check_entry_value(Checker *c, const Kernel *kernel, const Access *access);
bool lists_buffer(const uint32_t *list, uint32_t n, uint32_t item);
/* After the last kernel: lifetimes are as planned, and buffers that live together share no bytes. */
void check_plan(Checker *c);

/* ---- kernels: verify_kernels.c ---- */

void check_kernel(Checker *c, const Kernel *kernel);

#endif
