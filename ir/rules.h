/* What files of shape rules share (rules.c): rules, and what they ask of operands and attributes. A question that is answered by no leaves
 * the reason in rule->why. */
#ifndef HNC_IR_RULES_H
#define HNC_IR_RULES_H

#include "ir/internal.h"

typedef struct Rule {
    const Module *module;
    const Function *function;
    Op *op;
    char *why;
} Rule;

enum { WHY_BYTES = 256 };

/* Always false. */
bool rule_fail(const Rule *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
Type rule_operand(const Rule *r, uint32_t i);
/* Always true: the type of the op's result. */
bool rule_result(const Rule *r, Type type);
bool rule_needs_number(const Rule *r, Type type);
bool rule_needs_axis(const Rule *r, int64_t axis, Type type);
bool rule_needs_count(const Rule *r, const char *what, unsigned n, unsigned expected);
bool rule_needs_increasing_axes(const Rule *r, Dims axes, Type type);
/* Appends an axis to a type under construction. */
bool rule_add_axis(const Rule *r, Type *type, int64_t extent);

/* Movement (infer_movement.c). */
bool infer_broadcast(const Rule *r);
bool infer_reshape(const Rule *r);
bool infer_transpose(const Rule *r);
bool infer_slice(const Rule *r);
bool infer_window(const Rule *r);
bool infer_overlap(const Rule *r);
bool infer_pad(const Rule *r);
bool infer_concat(const Rule *r);

#endif
