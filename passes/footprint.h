/* Which elements of a buffer a kernel touches, and sets of elements. For the verifier of schedules. */
#ifndef HNC_PASSES_FOOTPRINT_H
#define HNC_PASSES_FOOTPRINT_H

#include <stdbool.h>
#include <stdint.h>

enum { MOST_FOOTPRINT_AXES = 24 };

/* The elements offset + sum(stride[axis] * i[axis]) for every index i within the extents. Axes of extent 1 or less are left out.
 */
typedef struct Footprint {
    unsigned rank;
    int64_t offset, extent[MOST_FOOTPRINT_AXES], stride[MOST_FOOTPRINT_AXES];
} Footprint;

void footprint_axis(Footprint *footprint, int64_t extent, int64_t stride);
/* The first and the last element that it touches. */
void footprint_bounds(const Footprint *footprint, int64_t *first, int64_t *last);
/* Calls visit(context, begin, end) for runs [begin, end) of consecutive elements that together are the footprint, until it
 * returns false; returns whether none did. With `exact` an element that several indices touch is in as many runs; else in at
 * least one. */
bool footprint_runs(const Footprint *footprint, bool exact, bool (*visit)(void *context, int64_t begin, int64_t end),
                    void *context);

/* A set of the elements [0, elements). */
typedef struct ElementSet {
    int64_t elements;
    uint64_t *words;
} ElementSet;

ElementSet set_new(int64_t elements);
void set_free(ElementSet *set);
void set_add(ElementSet *set, int64_t begin, int64_t end);
bool set_has_all(const ElementSet *set, int64_t begin, int64_t end);
bool set_has_any(const ElementSet *set, int64_t begin, int64_t end);

#endif
