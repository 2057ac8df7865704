/* Loops over a leading axis. A scan runs its body once per step. The body is a function of
 *
 *     inputs    carries, one entry of each scanned operand, invariants
 *     outputs   the carries for the next step, then what the step yields
 *
 * and the scan's operands are the first values of the carries, the scanned tensors (with a leading axis of as many entries as
 * there are steps) and the invariants. Its results, each taken by a `result` op, are the last values of the carries and, for each
 * yielded value, all of them with a leading axis. A reversed scan runs from the last entry to the first; what the step of entry t
 * yields is entry t.
 *
 * A body has no sources of its own (no states, fields, weights or random numbers): all that it needs are inputs. Bodies belong to
 * the module; several scans may share one, so that a pass changes a copy. */
#ifndef HNC_IR_SCAN_H
#define HNC_IR_SCAN_H

#include "ir/map.h"

static inline int64_t scan_steps(const Op *scan)
{
    return scan->loop.v[0];
}
static inline uint32_t scan_carries(const Op *scan)
{
    return (uint32_t)scan->loop.v[1];
}
static inline uint32_t scan_scanned(const Op *scan)
{
    return (uint32_t)scan->loop.v[2];
}
/* Where the invariants begin among the operands, and among the body's inputs. */
static inline uint32_t scan_first_invariant(const Op *scan)
{
    return scan_carries(scan) + scan_scanned(scan);
}
/* Whether the body gets one entry per step of operand i. */
static inline bool scan_takes_entries(const Op *scan, uint32_t i)
{
    return i >= scan_carries(scan) && i < scan_first_invariant(scan);
}
static inline Type body_input_type(const Function *body, uint32_t i)
{
    return OP_AT(body, body->inputs.data[i])->type;
}
static inline Type body_output_type(const Function *body, uint32_t i)
{
    return OP_AT(body, body->outputs.data[i].value)->type;
}
static inline uint32_t scan_results(const Op *scan)
{
    return scan->body->outputs.len;
}
static inline Type scan_result_type(const Op *scan, uint32_t result)
{
    Type type = body_output_type(scan->body, result);
    return result < scan_carries(scan) ? type : type_of_many(scan_steps(scan), type);
}

/* An empty body of the module; a copy of one. */
Function *body_new(Module *module);
Function *body_copy(Module *module, const Function *body);
/* Inputs and outputs of a body; the builder's function is the body. */
Value body_input(Builder *b, Type type);
void body_output(Builder *b, Value value);
/* Copies the ops of a body into the builder's function; its inputs become the values inputs[]. map[] has room for every op. */
void body_inline(Builder *b, const Function *body, const Value *inputs, Value *map);

/* The builder's function scans with a body; the operands are as many as the body has inputs. */
Value build_scan(Builder *b, Function *body, int64_t steps, uint32_t carries, uint32_t scanned, uint32_t flags,
                 const Value *operands);
Value build_result(Builder *b, Value scan, uint32_t result);

/* Whether the value is a constant, however shaped: the body has one of its own, which its ops can be simplified with. */
bool is_shaped_constant(const Function *f, Value v);

/* A part of a function as the body of a scan. */
typedef struct Carry {
    Value element, first, next; /* what stands for it in the part, its first value, and its next one */
} Carry;
/* The ops from `first` to the last one so far, as they follow from the elements, become the body of a scan of so many steps;
 * random numbers of the part differ from step to step unless they are shared by the batch. lasts[i] gets the last value of carry
 * i, and yields[i], values of the part, become all of them with a leading axis. As with build_mapped, ops of the part stay for
 * what others use.
 *
 * `segment`, which divides the steps: of so many steps each a scan is made, and one of these, OP_REMAT, runs over all segments. Its
 * derivative keeps the carries that each segment began with, and computes one segment after the other again (T. Chen et al.,
 * Training Deep Nets with Sublinear Memory Cost, 2016). 0: one scan, whose derivative keeps the carries and products of all
 * steps. */
void build_scan_of_part(Builder *b, Value first, int64_t steps, int64_t segment, uint32_t carries, const Carry *carry, uint32_t scanned,
                        const Placeholder *scan, uint32_t yielded, Value *yields, Value *lasts);

#endif
