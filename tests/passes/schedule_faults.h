/* Ways to spoil a schedule. Each spoils one thing at place number `place`, or returns false where there are not as many places.
 */
#ifndef HNC_TESTS_SCHEDULE_FAULTS_H
#define HNC_TESTS_SCHEDULE_FAULTS_H

#include <string.h>

#include "passes/schedule.h"

typedef struct Fault {
    const char *name;
    bool (*spoil)(Schedule *s, unsigned place);
} Fault;
extern const Fault loop_faults[], memory_faults[];
extern const unsigned loop_fault_count, memory_fault_count;

static inline Kernel *kernel_at(Schedule *s, uint32_t k)
{
    return &s->kernels.data[k];
}

static inline Buffer *buffer_at(Schedule *s, uint32_t b)
{
    return &s->buffers.data[b];
}

static inline bool lists(const uint32_t *list, uint32_t n, uint32_t item)
{
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == item)
            return true;
    return false;
}

static inline bool reads(const Kernel *kernel, uint32_t buffer)
{
    return lists(kernel->reads.data, kernel->reads.len, buffer);
}

static inline bool writes(const Kernel *kernel, uint32_t buffer)
{
    return lists(kernel->writes.data, kernel->writes.len, buffer);
}

/* Counts down to the place that is asked for. */
static inline bool is_place(unsigned *place)
{
    return (*place)-- == 0;
}

/* Spoils a thing of a kernel of that kind (-1: of any): `spoil` counts the places of one kernel and returns whether it took one.
 */
typedef bool Spoil(Schedule *s, Kernel *kernel, unsigned *place);

static inline bool in_kernels(Schedule *s, unsigned place, int kind, Spoil *spoil)
{
    for (uint32_t k = 0; k < s->kernels.len; k++)
        if ((kind < 0 || kernel_at(s, k)->kind == (KernelKind)kind) && spoil(s, kernel_at(s, k), &place))
            return true;
    return false;
}

#define FAULT_IN(name, kind)                                                                                                     \
    static Spoil spoil_##name;                                                                                                   \
    static bool name(Schedule *s, unsigned place)                                                                                \
    {                                                                                                                            \
        return in_kernels(s, place, kind, spoil_##name);                                                                         \
    }                                                                                                                            \
    static bool spoil_##name(Schedule *s, Kernel *kernel, unsigned *place)

#endif
