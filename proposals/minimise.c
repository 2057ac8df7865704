#include "proposals/minimise.h"

#include <math.h>
#include <string.h>

enum { MEMORY = 6, HALVINGS = 30 };

/* The last changes of x and of the slope. */
typedef struct History {
    int count;
    double moved[MEMORY][MINIMISE_MOST], turned[MEMORY][MINIMISE_MOST], product[MEMORY];
} History;

static double dot(size_t n, const double *x, const double *y)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* direction = - (approximate inverse second derivative) slope */
static void choose_direction(size_t n, const History *history, const double *slope, double *direction)
{
    double share[MEMORY];
    int last = history->count - 1;
    for (size_t i = 0; i < n; i++)
        direction[i] = -slope[i];
    for (int k = last; k >= 0; k--) {
        share[k] = dot(n, history->moved[k], direction) / history->product[k];
        for (size_t i = 0; i < n; i++)
            direction[i] -= share[k] * history->turned[k][i];
    }
    double scale = last < 0 ? 1 : history->product[last] / dot(n, history->turned[last], history->turned[last]);
    for (size_t i = 0; i < n; i++)
        direction[i] *= scale;
    for (int k = 0; k <= last; k++) {
        double back = dot(n, history->turned[k], direction) / history->product[k];
        for (size_t i = 0; i < n; i++)
            direction[i] += (share[k] - back) * history->moved[k][i];
    }
}

static void remember(size_t n, History *history, const double *x, const double *x1, const double *slope, const double *slope1)
{
    if (history->count == MEMORY) {
        memmove(history->moved, history->moved + 1, (MEMORY - 1) * sizeof *history->moved);
        memmove(history->turned, history->turned + 1, (MEMORY - 1) * sizeof *history->turned);
        memmove(history->product, history->product + 1, (MEMORY - 1) * sizeof *history->product);
        history->count--;
    }
    int k = history->count;
    for (size_t i = 0; i < n; i++) {
        history->moved[k][i] = x1[i] - x[i];
        history->turned[k][i] = slope1[i] - slope[i];
    }
    history->product[k] = dot(n, history->moved[k], history->turned[k]);
    if (history->product[k] > 1e-12 * dot(n, history->turned[k], history->turned[k]))
        history->count++;
}

/* The first of ever shorter steps that goes down enough; false: none does. */
static bool go_down(size_t n, const double *x, const double *slope, double value, const double *direction, double low, double high,
                    Smooth *function, void *context, double *x1, double *slope1, double *value1)
{
    double length = 1;
    for (int halving = 0; halving < HALVINGS; halving++, length /= 2) {
        double expected = 0;
        for (size_t i = 0; i < n; i++) {
            x1[i] = fmin(fmax(x[i] + length * direction[i], low), high);
            expected += slope[i] * (x1[i] - x[i]);
        }
        *value1 = function(context, x1, slope1);
        if (expected < 0 && *value1 <= value + 1e-4 * expected)
            return true;
    }
    return false;
}

double minimise(size_t n, double *x, double low, double high, int steps, Smooth *function, void *context)
{
    History history = {0};
    double slope[MINIMISE_MOST], x1[MINIMISE_MOST], slope1[MINIMISE_MOST], direction[MINIMISE_MOST], value1;
    double value = function(context, x, slope);
    for (int step = 0; step < steps && isfinite(value); step++) {
        choose_direction(n, &history, slope, direction);
        if (!go_down(n, x, slope, value, direction, low, high, function, context, x1, slope1, &value1)) {
            if (!history.count)
                break;
            history.count = 0; /* once more along the slope itself */
            continue;
        }
        bool done = value - value1 <= 1e-9 * fmax(1, fabs(value));
        remember(n, &history, x, x1, slope, slope1);
        memcpy(x, x1, n * sizeof *x);
        memcpy(slope, slope1, n * sizeof *slope);
        value = value1;
        if (done)
            break;
    }
    return value;
}
