#include "passes/footprint.h"

#include <string.h>

#include "support/arena.h"

/* ---- footprints ---- */

void footprint_axis(Footprint *footprint, int64_t extent, int64_t stride)
{
    if (extent <= 1)
        return;
    if (stride < 0) {
        footprint->offset += stride * (extent - 1);
        stride = -stride;
    }
    unsigned at = footprint->rank++; /* smallest stride first */
    for (; at > 0 && footprint->stride[at - 1] > stride; at--) {
        footprint->extent[at] = footprint->extent[at - 1];
        footprint->stride[at] = footprint->stride[at - 1];
    }
    footprint->extent[at] = extent;
    footprint->stride[at] = stride;
}

void footprint_bounds(const Footprint *footprint, int64_t *first, int64_t *last)
{
    *first = *last = footprint->offset;
    for (unsigned axis = 0; axis < footprint->rank; axis++)
        *last += (footprint->extent[axis] - 1) * footprint->stride[axis];
}

bool footprint_runs(const Footprint *footprint, bool exact, bool (*visit)(void *context, int64_t begin, int64_t end),
                    void *context)
{
    /* The axes of small strides form one run as long as it has no gaps; the other axes are counted through. */
    int64_t run = 1, index[MOST_FOOTPRINT_AXES] = {0}, at = footprint->offset;
    unsigned first = 0;
    for (; first < footprint->rank; first++) {
        int64_t extent = footprint->extent[first], stride = footprint->stride[first];
        if (exact ? stride != run : stride > run)
            break;
        run += (extent - 1) * stride;
    }
    for (;;) {
        if (!visit(context, at, at + run))
            return false;
        unsigned axis = first;
        for (; axis < footprint->rank; axis++) {
            at += footprint->stride[axis];
            if (++index[axis] < footprint->extent[axis])
                break;
            at -= footprint->extent[axis] * footprint->stride[axis];
            index[axis] = 0;
        }
        if (axis == footprint->rank)
            return true;
    }
}

/* ---- sets ---- */

ElementSet set_new(int64_t elements)
{
    size_t bytes = ((size_t)elements / 64 + 1) * sizeof(uint64_t);
    ElementSet set = {elements, support_malloc(bytes)};
    memset(set.words, 0, bytes);
    return set;
}

void set_free(ElementSet *set)
{
    support_free(set->words);
    *set = (ElementSet){0};
}

/* Bits [begin, end) of the word that holds element `begin`, and where the next word begins. */
static uint64_t mask_of(int64_t begin, int64_t end, int64_t *next)
{
    *next = (begin / 64 + 1) * 64;
    uint64_t mask = ~(uint64_t)0 << (begin % 64);
    return *next <= end ? mask : mask & ~(~(uint64_t)0 << (end % 64));
}

void set_add(ElementSet *set, int64_t begin, int64_t end)
{
    for (int64_t at = begin, next; at < end; at = next) {
        uint64_t mask = mask_of(at, end, &next);
        set->words[at / 64] |= mask;
    }
}

bool set_has_all(const ElementSet *set, int64_t begin, int64_t end)
{
    for (int64_t at = begin, next; at < end; at = next) {
        uint64_t mask = mask_of(at, end, &next);
        if ((set->words[at / 64] & mask) != mask)
            return false;
    }
    return true;
}

bool set_has_any(const ElementSet *set, int64_t begin, int64_t end)
{
    for (int64_t at = begin, next; at < end; at = next) {
        uint64_t mask = mask_of(at, end, &next);
        if (set->words[at / 64] & mask)
            return true;
    }
    return false;
}
