/* Windows that move along the last axes of a tensor, and zeros around them. */
#include "frontend/lower/builtins.h"

/* Argument i, if it is given, as one number per axis: a list of n, or one number for all. */
static bool numbers_per_axis(Session *s, const Call *call, unsigned i, unsigned n, const char *what, int64_t least, Dims *numbers)
{
    int64_t same = 0;
    if (i >= call->n)
        return true;
    if (is_list(call->args[i])) {
        if (!as_dims(s, call->args[i], call->spans[i], numbers))
            return false;
        if (numbers->n != n) {
            fail(s, call->spans[i], "%s along %u axes is %u numbers, or one for all, not %u", what, n, n, numbers->n);
            return false;
        }
    } else {
        if (!as_integer(s, call->args[i], call->spans[i], what, least, MAX_ELEMENTS, &same))
            return false;
        numbers->n = (uint8_t)n;
        for (unsigned k = 0; k < n; k++)
            numbers->v[k] = same;
    }
    for (unsigned k = 0; k < n; k++)
        if (numbers->v[k] < least || numbers->v[k] > MAX_ELEMENTS) {
            fail(s, call->spans[i], "%s must be at least %lld", what, (long long)least);
            return false;
        }
    return true;
}

static Dims ones(unsigned n)
{
    Dims dims = {.n = (uint8_t)n};
    for (unsigned i = 0; i < n; i++)
        dims.v[i] = 1;
    return dims;
}

/* Whether windows of these extents fit into the tensor, and their places find room among its axes. */
static bool fit(Session *s, const Call *call, Val x, Type type, const Windows *w)
{
    if (type.rank + w->axes.n > MAX_RANK) {
        fail(s, call->expr->span, "windows of %s would have %u axes (limit is %d)", describe(s, x), type.rank + w->axes.n,
             MAX_RANK);
        return false;
    }
    for (unsigned i = 0; i < w->axes.n; i++) {
        int64_t elements = type.dims[w->axes.v[i]];
        if (window_count(elements, w->extents.v[i], w->steps.v[i], w->dilations.v[i]) > 0)
            continue;
        fail(s, call->expr->span, "a window of %lld elements%s does not fit into an axis of %lld", (long long)w->extents.v[i],
             w->dilations.v[i] > 1 ? ", so far apart," : "", (long long)elements);
        add_help(s, "pad(x, n) puts n zeros on each side");
        return false;
    }
    return true;
}

/* windows(x, [3, 3], step, dilation): [c, h, w] becomes [c, p, q, 3, 3]. */
Val builtin_windows(Session *s, Call *call)
{
    Val x = as_real(s, call->args[0], call->spans[0]);
    Windows w = {0};
    if (is_poison(x) || !shape_argument(s, call, 1, &w.extents))
        return val_poison();
    Type type = val_type(s, x);
    unsigned n = w.extents.n;
    if (n == 0 || n > type.rank)
        return fail(s, call->spans[1], "windows along %u axes of %s: there are %u", n, describe(s, x), type.rank);
    w.steps = w.dilations = ones(n);
    w.axes.n = (uint8_t)n;
    for (unsigned i = 0; i < n; i++)
        w.axes.v[i] = type.rank - n + i;
    if (!numbers_per_axis(s, call, 2, n, "a step", 1, &w.steps) ||
        !numbers_per_axis(s, call, 3, n, "a dilation", 1, &w.dilations) || !fit(s, call, x, type, &w))
        return val_poison();
    Type result = type;
    for (unsigned i = 0; i < n; i++) {
        result.dims[w.axes.v[i]] = window_count(type.dims[w.axes.v[i]], w.extents.v[i], w.steps.v[i], w.dilations.v[i]);
        result.dims[result.rank++] = w.extents.v[i];
    }
    return check_type(s, result, call->expr->span) ? val_tensor(build_window(&s->builder, x.ir, w)) : val_poison();
}

/* pad(x, [1, 2]): a zero on each side of the last axis but one, two of the last; pad(x, 1): of the last axis. */
Val builtin_pad(Session *s, Call *call)
{
    Val x = as_real(s, call->args[0], call->spans[0]);
    if (is_poison(x))
        return x;
    Type type = val_type(s, x), padded = type;
    bool list = is_list(call->args[1]);
    Dims sides = {0}, before = {.n = type.rank};
    if (list && !as_dims(s, call->args[1], call->spans[1], &sides))
        return val_poison();
    unsigned n = list ? sides.n : 1;
    if (n == 0 || n > type.rank)
        return fail(s, call->spans[1], "zeros around %u axes of %s: there are %u", n, describe(s, x), type.rank);
    if (!numbers_per_axis(s, call, 1, n, "the number of zeros", 0, &sides))
        return val_poison();
    for (unsigned i = 0; i < n; i++) {
        before.v[type.rank - n + i] = sides.v[i];
        padded.dims[type.rank - n + i] += 2 * sides.v[i];
    }
    if (!check_type(s, padded, call->expr->span))
        return val_poison();
    return val_tensor(type_equal(type, padded) ? x.ir : build_pad(&s->builder, x.ir, before, padded));
}
