/* A linear programme over the unit simplex, by the dual simplex method: it starts in the best corner of the unit simplex and
 * repairs the rows that this corner breaks, so no first phase is needed. */
#include <math.h>

#include "pareto/internal.h"

enum { MOST_ROWS = PARETO_MOST_OBJECTIVES + 2, MOST_COLUMNS = PARETO_MOST_OBJECTIVES };

/* How far below 0 a row, scaled to size 1, may be; and the size below which a number is too small to divide by. */
#define FEASIBLE 1e-10
#define LEAST_PIVOT 1e-11

/* A dictionary: each basic variable and the objective as an affine function of the nonbasic variables, which are 0.
 * Variables 0 to m - 1 are x, m + i is the slack of row i. */
typedef struct Dictionary {
    unsigned rows, columns;
    unsigned basic[MOST_ROWS], nonbasic[MOST_COLUMNS];
    double value[MOST_ROWS], slope[MOST_ROWS][MOST_COLUMNS];
    double gain[MOST_COLUMNS]; /* of the objective; never positive */
} Dictionary;

static unsigned best_corner(unsigned m, const double *cost)
{
    unsigned best = 0;
    for (unsigned j = 1; j < m; j++)
        if (cost[j] > cost[best])
            best = j;
    return best;
}

/* Adds row . x - bound, scaled to size 1, with x_corner replaced by 1 - the others; a row of zeros says nothing. */
static void add_row(Dictionary *dictionary, unsigned m, unsigned corner, const double *row, double bound, unsigned variable)
{
    double scale = fabs(bound);
    for (unsigned j = 0; j < m; j++)
        scale = fmax(scale, fabs(row[j]));
    if (scale == 0)
        return;
    unsigned r = dictionary->rows++;
    dictionary->basic[r] = variable;
    dictionary->value[r] = (row[corner] - bound) / scale;
    for (unsigned q = 0; q < dictionary->columns; q++)
        dictionary->slope[r][q] = (row[dictionary->nonbasic[q]] - row[corner]) / scale;
}

static void begin(Dictionary *dictionary, unsigned m, const double *cost, unsigned rows, const double *row, const double *bound)
{
    unsigned corner = best_corner(m, cost);
    double scale = 0;
    for (unsigned j = 0; j < m; j++)
        scale = fmax(scale, fabs(cost[j]));
    dictionary->rows = dictionary->columns = 0;
    for (unsigned j = 0; j < m; j++) {
        if (j == corner)
            continue;
        dictionary->nonbasic[dictionary->columns] = j;
        dictionary->gain[dictionary->columns++] = scale > 0 ? (cost[j] - cost[corner]) / scale : 0;
    }
    for (unsigned i = 0; i < rows; i++)
        add_row(dictionary, m, corner, row + i * m, bound[i], m + i);
    unsigned r = dictionary->rows++;
    dictionary->basic[r] = corner;
    dictionary->value[r] = 1;
    for (unsigned q = 0; q < dictionary->columns; q++)
        dictionary->slope[r][q] = -1;
}

/* The row to repair: the worst one, or, once `careful`, the first variable's (Bland), which cannot cycle. The number of rows:
 * none is left. */
static unsigned leaving_row(const Dictionary *dictionary, bool careful)
{
    unsigned chosen = dictionary->rows;
    for (unsigned r = 0; r < dictionary->rows; r++) {
        if (dictionary->value[r] >= -FEASIBLE)
            continue;
        if (chosen == dictionary->rows ||
            (careful ? dictionary->basic[r] < dictionary->basic[chosen] : dictionary->value[r] < dictionary->value[chosen]))
            chosen = r;
    }
    return chosen;
}

/* The variable that repairs row r at least loss. The number of columns: no variable can, so the row cannot be met. */
static unsigned entering_column(const Dictionary *dictionary, unsigned r, bool careful)
{
    unsigned chosen = dictionary->columns;
    double least = INFINITY;
    for (unsigned q = 0; q < dictionary->columns; q++) {
        double slope = dictionary->slope[r][q];
        if (slope <= LEAST_PIVOT)
            continue;
        double loss = -dictionary->gain[q] / slope;
        bool better = loss < least;
        if (loss == least) /* the larger pivot is more exact; taking the first variable is sure to end */
            better = careful ? dictionary->nonbasic[q] < dictionary->nonbasic[chosen] : slope > dictionary->slope[r][chosen];
        if (better) {
            chosen = q;
            least = loss;
        }
    }
    return chosen;
}

/* The basic variable of row r and the nonbasic one of column q change places. */
static void exchange(Dictionary *dictionary, unsigned r, unsigned q)
{
    double pivot = dictionary->slope[r][q];
    double value = -dictionary->value[r] / pivot, slope[MOST_COLUMNS];
    for (unsigned c = 0; c < dictionary->columns; c++)
        slope[c] = c == q ? 1 / pivot : -dictionary->slope[r][c] / pivot;
    for (unsigned i = 0; i < dictionary->rows; i++) {
        double factor = dictionary->slope[i][q];
        if (i == r || factor == 0)
            continue;
        dictionary->value[i] += factor * value;
        for (unsigned c = 0; c < dictionary->columns; c++)
            dictionary->slope[i][c] = (c == q ? 0 : dictionary->slope[i][c]) + factor * slope[c];
    }
    double factor = dictionary->gain[q];
    for (unsigned c = 0; c < dictionary->columns; c++) {
        double gain = (c == q ? 0 : dictionary->gain[c]) + factor * slope[c];
        dictionary->gain[c] = fmin(gain, 0); /* a gain above 0 is rounding */
        dictionary->slope[r][c] = slope[c];
    }
    dictionary->value[r] = value;
    unsigned variable = dictionary->basic[r];
    dictionary->basic[r] = dictionary->nonbasic[q];
    dictionary->nonbasic[q] = variable;
}

static void read_solution(const Dictionary *dictionary, unsigned m, double *x)
{
    double sum = 0;
    for (unsigned j = 0; j < m; j++)
        x[j] = 0;
    for (unsigned r = 0; r < dictionary->rows; r++)
        if (dictionary->basic[r] < m)
            x[dictionary->basic[r]] = fmax(dictionary->value[r], 0);
    for (unsigned j = 0; j < m; j++)
        sum += x[j];
    for (unsigned j = 0; j < m; j++)
        x[j] /= sum;
}

bool maximise_on_simplex(unsigned m, const double *cost, unsigned rows, const double *row, const double *bound, double *x)
{
    enum { HASTY = 100, LIMIT = 2000 };
    Dictionary dictionary;
    begin(&dictionary, m, cost, rows, row, bound);
    for (unsigned round = 0; round < LIMIT; round++) {
        bool careful = round >= HASTY;
        unsigned r = leaving_row(&dictionary, careful);
        if (r == dictionary.rows) {
            read_solution(&dictionary, m, x);
            return true;
        }
        unsigned q = entering_column(&dictionary, r, careful);
        if (q == dictionary.columns)
            return false;
        exchange(&dictionary, r, q);
    }
    return false;
}
