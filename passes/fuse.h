/* What fuse*.c (which values share a kernel) and lower*.c (what those kernels compute) share. */
#ifndef HNC_PASSES_FUSE_H
#define HNC_PASSES_FUSE_H

#include "passes/schedule.h"

#define NO_GROUP UINT32_MAX
#define NO_BUFFER UINT32_MAX

/* What fusion knows of a value. A value is *inline* (computed, or addressed, wherever it is used) unless it is in memory or an
 * anchor. */
typedef struct Info {
    bool live;
    bool anchor;    /* computed in one group; used elsewhere it is loaded */
    bool in_memory; /* `view` says where */
    View view;
    uint32_t uses;           /* by ops that compute */
    uint32_t cost;           /* of computing an element inline from memory and anchors */
    uint32_t depth;          /* of that expression */
    uint32_t group;          /* of an anchor, a reduction or a special kernel: where it is computed */
    VEC(uint32_t) producers; /* groups that must have run before `view` holds */
    VEC(uint32_t) readers;   /* loop groups that use it point by point: candidates to share a load */
    uint32_t seen[2];        /* visit marks: not point by point, point by point */
    uint32_t memo;           /* lower.c: latest node of the value in the kernel being built */
    uint32_t memo_epoch;
} Info;

typedef enum { MEMBER_VALUE, MEMBER_COPY, MEMBER_REDUCE, MEMBER_ZERO } MemberKind;

/* One result of a loop group. VALUE: an anchor or a value computed into its own view; COPY: a value that is also stored at
 * `target`; REDUCE: reduction `value` of its operand along `axes`, into `target`; ZERO: zeros at `target`. */
typedef struct Member {
    MemberKind kind;
    Value value;
    Type space; /* the iteration space: one axis per axis of the tensor stored or reduced */
    Dims axes;
    View target;   /* of the stored or reduced tensor */
    bool early;    /* a single number; only kernels of early numbers must run before it */
    int64_t chunk; /* reduce: this many rows share one result, along the first axis of `target`; 0: all rows do */
    bool staged;   /* reduce: of partial results, at `partial`, instead of the operand */
    View partial;
} Member;

/* Memory that a function leaves behind: state or output `symbol` shall hold what `buffer` does. */
typedef struct Exit {
    BufferKind kind;
    uint32_t symbol, buffer;
} Exit;

/* A kernel in the making. */
typedef struct Group {
    KernelKind kind;
    Value value;      /* special kernels and products */
    Type space;       /* loops: extents other than 1 */
    uint32_t reduced; /* loops: bit set of the axes of `space` that reductions remove */
    int64_t chunk;    /* loops: of their reductions */
    bool early;       /* loops: of single numbers that depend on early groups only */
    uint32_t cost;
    VEC(Member) members;
    VEC(uint32_t) needs;      /* groups that run before: need_group adds one */
    VEC(uint32_t) dependents; /* groups that need it */
    uint32_t latest;          /* upper bound of the index of this group and of those that must run before it */
    uint32_t merged;          /* the group that took its members over, or NO_GROUP */
    uint32_t seen;
    Kernel kernel;
    VEC(uint32_t) joined_reads; /* states read through a concat that is a view */
} Group;

/* A value in memory, or an anchor, that a member's expression uses. */
typedef struct Leaf {
    Value value;
    bool pointwise; /* used at the same point of the iteration space */
} Leaf;

/* A value in memory of its own, beside what the kernel that computes it stores. */
typedef struct Copy {
    Value value;
    View view;
    uint32_t producer; /* group */
} Copy;

typedef struct Fuser {
    const Plan *plan;
    const Module *module;
    const Function *function;
    Schedule *schedule;
    Info *info; /* one per value */
    VEC(Group) groups;
    uint32_t *state_buffers; /* of each state's value at entry, or NO_BUFFER */
    uint32_t epoch;
    uint32_t scalar_groups[2]; /* latest groups of single numbers, late and early ones, or NO_GROUP */
    VEC(Exit) exits;
    VEC(Copy) copies;
    VEC(Leaf) leaves;      /* of the member being placed */
    VEC(uint32_t) writers; /* per buffer: the loop group of the latest member that it holds, or NO_GROUP */
} Fuser;

static inline const Op *op_of(const Fuser *f, Value v)
{
    return OP_AT(f->function, v);
}

static inline Type type_at(const Fuser *f, Value v)
{
    return op_of(f, v)->type;
}

/* ---- single values: fuse_values.c ---- */

/* broadcast, transpose, slice, reshape, and reductions along axes of extent 1 */
bool is_view_op(const Fuser *f, Value v);
/* A dot that contracts nothing: an elementwise product of broadcasts. */
bool is_outer_product(const Fuser *f, Value v);
bool is_table_access(OpCode code);
/* Whether the value is computed: not a leaf, not an access pattern of another value. */
bool is_computed(const Fuser *f, Value v);
/* Whether its result always is in memory: reductions, products and the special kernels. */
bool is_always_stored(const Fuser *f, Value v);
/* The type without its axes of extent 1. */
Type without_units(Type type);
uint32_t new_buffer(Fuser *f, BufferKind kind, uint32_t symbol, DType dtype, int64_t elements, Value labelled);
/* The value lies at this view once the groups that compute it have run. */
void set_view(Fuser *f, Value v, View view);
/* Gives the value a row-major scratch buffer, unless it is in memory already. */
void store(Fuser *f, Value v);
/* Where the elements of `v` lie; false where it is inline or no strides describe it. *base: the value whose memory it is. */
bool find_view(const Fuser *f, Value v, View *view, Value *base);
/* Whether both are the same elements in the same order, for a tensor of that type. */
bool same_view(const View *a, const View *b, Type type);
void add_once(uint32_t **data, uint32_t *len, uint32_t *cap, uint32_t item);
#define vec_add_once(v, item) add_once(&(v)->data, &(v)->len, &(v)->cap, (item))

/* ---- before grouping: fuse_memory.c ---- */

/* Whether reshape(v) to `shape` can be computed as v's ops on reshaped leaves: elementwise ops on whole leaves and constants. */
bool reshape_commutes(const Fuser *f, Value v, Type shape);
/* Marks what must be live and counts uses; decides which values are stored whatever the grouping, and where: last use first. */
void place_values(Fuser *f);

/* ---- grouping: fuse_group.c ---- */

/* Whether expressions stop at this value: it is in memory or an anchor. */
bool is_leaf(const Fuser *f, Value v);
/* Sets cost and depth. An expensive value that is used again becomes an anchor; a value whose expression grows too large is
 * stored. Called in the order of values. */
void weigh(Fuser *f, Value v);
uint32_t new_group(Fuser *f, KernelKind kind, Value value);
/* Adds a loop member to a group that suits it, or to a new one; returns the group. */
uint32_t place_member(Fuser *f, Member member);
/* Bit set of the member's reduced axes among those of its space without units. */
uint32_t reduced_axes(const Member *member);
/* Group `needed` runs before `group`. */
void need_group(Fuser *f, uint32_t group, uint32_t needed);
/* While members are placed, lists may name groups that were merged into others. Corrects the lists; afterwards no group is
 * merged. */
void settle_groups(Fuser *f);
/* Whether group `from` must run after `to`, or is `to`. */
bool group_depends_on(Fuser *f, uint32_t from, uint32_t to);

/* ---- loops: fuse_scan.c ---- */

/* Gives a result of a scan its memory; before grouping, like place_values. */
void store_result(Fuser *f, Value v);
void place_scan(Fuser *f, Value v);
void place_result(Fuser *f, Value v);

/* ---- what groups read: fuse_needs.c ---- */

/* Records that a group reads the memory of `base`, and that its producers come first. */
void note_read(Fuser *f, uint32_t group, Value base, const View *view);
/* As find_view, but the value is stored if need be, so that there is always a view; `group` reads it (NO_GROUP: none yet). */
View need_view(Fuser *f, Value v, uint32_t group);
/* The copy of `v` in memory of its own with its axes in the given order, outermost first; `group` reads it. */
View need_copy(Fuser *f, Value v, Dims order, uint32_t group);
/* The same or, where v repeats elements, as windows do, a view of v through a copy of what it views. */
View need_copied(Fuser *f, Value v, Dims order, uint32_t group);
/* A view of `v` without indirection, of its own dtype; the other one is row-major, too. */
View need_plain(Fuser *f, Value v, uint32_t group);
View need_row_major(Fuser *f, Value v, uint32_t group);

/* ---- results: fuse_exits.c ---- */

/* Makes kernels write state and outputs in place where that is safe, adds copies where it is not. After all groups are lowered.
 */
void finish_exits(Fuser *f);

/* ---- kernels: lower.c, lower_product.c ---- */

/* Builds group->kernel from the members. */
void lower_loop(Fuser *f, uint32_t group);
/* Builds the product of op group->value, asking for copies of operands whose strides do not fit. */
void lower_product(Fuser *f, uint32_t group);

#endif
