/* Exact hypervolume. Inside, a point is the corner of the box that it dominates, reference - point, so that larger is better and
 * the volume is that of a union of boxes [0, corner]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pareto/internal.h"

typedef const double *Corner;

/* Shell sort by one coordinate, falling. It needs no memory, and is fast enough in the worst case. */
static void sort_falling(unsigned n, Corner *corners, unsigned coordinate)
{
    static const unsigned gaps[] = {29524, 9841, 3280, 1093, 364, 121, 40, 13, 4, 1};
    for (unsigned g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        for (unsigned i = gaps[g]; i < n; i++) {
            Corner corner = corners[i];
            unsigned hole = i;
            for (; hole >= gaps[g] && corners[hole - gaps[g]][coordinate] < corner[coordinate]; hole -= gaps[g])
                corners[hole] = corners[hole - gaps[g]];
            corners[hole] = corner;
        }
    }
}

static double area(unsigned n, Corner *corners)
{
    double sum = 0, top = 0;
    sort_falling(n, corners, 0);
    for (unsigned i = 0; i < n; i++) {
        if (corners[i][1] > top) {
            sum += corners[i][0] * (corners[i][1] - top);
            top = corners[i][1];
        }
    }
    return sum;
}

/* The union of rectangles [0, x] x [0, y] as its corners: x never falls, y falls. */
typedef struct Staircase {
    Corner *steps;
    unsigned count;
    double area;
} Staircase;

/* The first step that reaches as far as x. */
static unsigned find_step(const Staircase *stairs, double x)
{
    unsigned low = 0, high = stairs->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (stairs->steps[middle][0] >= x)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void add_step(Staircase *stairs, Corner corner)
{
    double x = corner[0], y = corner[1];
    unsigned right = find_step(stairs, x), left = right;
    double height = right < stairs->count ? stairs->steps[right][1] : 0; /* of the union, left of `reach` */
    if (height >= y)
        return;
    double reach = x;
    for (; left > 0 && stairs->steps[left - 1][1] <= y; left--) { /* steps that vanish under the new one */
        stairs->area += (reach - stairs->steps[left - 1][0]) * (y - height);
        reach = stairs->steps[left - 1][0];
        height = stairs->steps[left - 1][1];
    }
    stairs->area += (reach - (left ? stairs->steps[left - 1][0] : 0)) * (y - height);
    memmove(stairs->steps + left + 1, stairs->steps + right, (stairs->count - right) * sizeof *stairs->steps);
    stairs->steps[left] = corner;
    stairs->count = stairs->count - (right - left) + 1;
}

/* Three coordinates: from the top down along the third, slices under a growing staircase. */
static double solid(unsigned n, Corner *corners, void *workspace)
{
    Staircase stairs = {.steps = workspace};
    double sum = 0;
    sort_falling(n, corners, 2);
    for (unsigned i = 0; i < n; i++) {
        add_step(&stairs, corners[i]);
        sum += stairs.area * (corners[i][2] - (i + 1 < n ? corners[i + 1][2] : 0));
    }
    return sum;
}

/* Whether a reaches as far as b everywhere. */
static bool covers(unsigned m, Corner a, Corner b)
{
    for (unsigned j = 0; j < m; j++)
        if (a[j] < b[j])
            return false;
    return true;
}

/* Adds a corner to a set of which none covers another. */
static unsigned add_uncovered(unsigned m, unsigned count, Corner *set, Corner corner)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++)
        if (covers(m, set[i], corner))
            return count; /* then the corner covers none of the set, and no corner was dropped */
    for (unsigned i = 0; i < count; i++)
        if (!covers(m, corner, set[i]))
            set[kept++] = set[i];
    set[kept] = corner;
    return kept + 1;
}

static double volume(unsigned m, unsigned n, Corner *corners, void *workspace);

/* The part of the corner's face (all coordinates but the last, m of them) that the corners before it do not cover. */
static double exclusive_face(unsigned m, unsigned n, Corner *before, Corner corner, void *workspace)
{
    double *limited = workspace, product = 1;
    Corner *set = (Corner *)(limited + (size_t)n * m);
    unsigned count = 0;
    for (unsigned j = 0; j < m; j++)
        product *= corner[j];
    for (unsigned i = 0; i < n; i++) {
        double *part = limited + (size_t)i * m;
        for (unsigned j = 0; j < m; j++)
            part[j] = before[i][j] < corner[j] ? before[i][j] : corner[j];
        if (covers(m, part, corner))
            return 0;
        if (m > 3)
            count = add_uncovered(m, count, set, part);
        else
            set[count++] = part; /* the sweep passes covered ones faster */
    }
    return product - volume(m, count, set, set + n);
}

/* With corners sorted by the last coordinate, every earlier box that meets box i does so over box i's whole extent in that
 * coordinate: the part that box i adds is a face of one dimension less, times this extent. */
static double volume(unsigned m, unsigned n, Corner *corners, void *workspace)
{
    double sum = 0;
    if (m == 2)
        return area(n, corners);
    if (m == 3)
        return solid(n, corners, workspace);
    sort_falling(n, corners, m - 1);
    if (m == 1)
        return n ? corners[0][0] : 0;
    for (unsigned i = 0; i < n; i++)
        sum += corners[i][m - 1] * exclusive_face(m - 1, i, corners, corners[i], workspace);
    return sum;
}

size_t volume_workspace(unsigned m, unsigned n)
{
    size_t bytes = 2 * n * sizeof(Corner); /* the corners themselves, and the staircase */
    for (unsigned d = 4; d <= m; d++)
        bytes += n * ((d - 1) * sizeof(double) + sizeof(Corner));
    return bytes;
}

double union_volume(unsigned m, unsigned n, const double *corners, void *workspace)
{
    Corner *set = workspace;
    for (unsigned i = 0; i < n; i++)
        set[i] = corners + (size_t)i * m;
    return volume(m, n, set, set + n);
}

double hypervolume(unsigned m, unsigned n, const double *points, const double *reference)
{
    size_t numbers = (size_t)n * m;
    double *corners = malloc(numbers * sizeof *corners + volume_workspace(m, n) + 1);
    if (!corners)
        return NAN;
    unsigned count = 0;
    for (unsigned k = 0; k < n; k++) {
        bool counts = true;
        for (unsigned j = 0; j < m; j++) {
            double extent = reference[j] - points[(size_t)k * m + j];
            counts = counts && extent > 0 && isfinite(extent);
            corners[(size_t)count * m + j] = extent;
        }
        count += counts;
    }
    double result = union_volume(m, count, corners, corners + numbers);
    free(corners);
    return result;
}
