/* Mapping: what is computed of one element is computed of many at once. Each op whose value differs between the elements gets a
 * leading axis with one entry per element; all others stay as they are. Products become products of more rows, nothing is copied
 * or repeated. Batching (passes/batch.c) maps over examples; `each`, chunks, tasks and members are mapped by build_mapped(). */
#ifndef HNC_IR_MAP_H
#define HNC_IR_MAP_H

#include "ir/ir.h"

typedef struct Mapping {
    Builder *b;           /* appends the ops with the axis */
    const Function *from; /* has the ops without it; not the list that `b` appends to */
    Value *map;           /* value of `from` -> its value where `b` builds */
    const bool *varies;   /* of the values of `from` */
    int64_t size;         /* elements */
    bool examples;     /* the elements are the examples of a batch: reductions across the batch become reductions over the axis */
    Value index, mask; /* of examples: which rows they are, which of them count (NO_VALUE: all do) */
} Mapping;

/* The value of op v, which varies or is a reduction across the batch, where the mapping builds. All its operands are mapped. */
Value map_op(Mapping *mapping, Value v);
/* A mapped value with the leading axis; one that does not vary gets the axis by broadcasting. */
Value mapped_value(const Mapping *mapping, Value v);
/* The type with the leading axis. */
Type mapped_type(const Mapping *mapping, Type type);

/* What stands for one element, and all of them: `all` has the type of `element` with a leading axis. */
typedef struct Placeholder {
    Value element, all;
} Placeholder;

/* Whether every tensor that build_mapped would make has few enough axes and elements; *ops: how many ops it would map. */
bool can_map(const Builder *b, Value first, int64_t size, uint32_t n, const Placeholder *placeholders, uint32_t results,
             const Value *values, uint32_t *ops);
/* Maps a part of the function being built: the ops from `first` to the last one so far, as they follow from the placeholders.
 * What was computed of an element is appended as computed of `size` elements. values[0..results) are values of the part, and
 * become those with the leading axis; one that does not depend on the elements is broadcast. Random numbers in the part are
 * independent per element unless they are shared by the batch. The ops of the part stay for what others use; what stood for the
 * element may be any op without operands (a constant), and pass_dce drops what is left over. */
void build_mapped(Builder *b, Value first, int64_t size, uint32_t n, const Placeholder *placeholders, uint32_t results,
                  Value *values);

#endif
