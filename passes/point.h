/* Points: the index of a value on each of its axes as a linear function of a loop's indices. View ops change the point at which
 * their operand is read, and cost nothing. */
#ifndef HNC_PASSES_POINT_H
#define HNC_PASSES_POINT_H

#include "passes/schedule.h"

typedef struct Point {
    int64_t offset[MAX_RANK];
    int64_t step[MAX_RANK][MAX_RANK]; /* [axis of the value][axis of the loop] */
} Point;

/* Each axis of `type` runs with the loop axis that it became when axes of extent 1 were dropped. */
Point point_identity(Type type);
bool point_equal(const Point *a, const Point *b, unsigned rank);
/* Adds `factor` times the index of `from` on `from_axis` to the index of `to` on `to_axis`. */
void point_add(Point *to, unsigned to_axis, const Point *from, unsigned from_axis, int64_t factor);
/* The index into `from` where `point` is the index into its reshape `to`. False if that takes divisions: some axis of `to` runs
 * over several of `from`. */
bool point_reshape(const Point *point, Type from, Type to, Point *result);
/* Whether a reshape inside an expression only renames axes or splits them: the index into `from` is linear in that into `to`. */
bool reshape_is_inline(Type from, Type to);
/* The index into the operand of a view op where `point` is the index into its result. */
Point point_through(const Point *point, const Op *op, Type operand);
/* The access of a tensor with this view at this point. */
View access_at(const View *view, unsigned rank, const Point *point);

#endif
