/* Points that do not depend on what is known. */
#include <math.h>

#include "proposals/proposals.h"
#include "proposals/sobol_numbers.h"

void propose_snap(const ProposalSpace *space, double *point)
{
    for (size_t i = 0; i < space->d; i++) {
        double cells = (double)space->cells[i], cell = floor(point[i] * cells);
        if (cells > 0)
            point[i] = ((cell < cells ? cell : cells - 1) + 0.5) / cells;
    }
}

bool propose_random(const ProposalSpace *space, const PastTrials *past, int64_t trial, double *point)
{
    (void)past;
    for (size_t i = 0; i < space->d; i++)
        point[i] = space->draw(space->context, (uint32_t)trial, (uint32_t)i);
    propose_snap(space, point);
    return true;
}

/* ---- the Sobol sequence ---- */

enum { BITS = 32 };

static void direction_numbers(size_t dimension, uint32_t numbers[BITS])
{
    if (dimension == 0) {
        for (unsigned k = 0; k < BITS; k++)
            numbers[k] = 1u << (BITS - 1 - k);
        return;
    }
    const struct SobolNumbers *own = &sobol_numbers[dimension - 1];
    for (unsigned k = 0; k < BITS; k++) {
        if (k < own->degree) {
            numbers[k] = own->first[k] << (BITS - 1 - k);
            continue;
        }
        numbers[k] = numbers[k - own->degree] ^ numbers[k - own->degree] >> own->degree;
        for (unsigned j = 1; j < own->degree; j++)
            if (own->polynomial >> (own->degree - j) & 1)
                numbers[k] ^= numbers[k - j];
    }
}

bool propose_sobol(const ProposalSpace *space, const PastTrials *past, int64_t trial, double *point)
{
    (void)past;
    uint32_t code = (uint32_t)(trial ^ trial >> 1); /* in the order of Gray codes */
    for (size_t i = 0; i < space->d; i++) {
        uint32_t numbers[BITS], x = (uint32_t)(space->draw(space->context, UINT32_MAX, (uint32_t)i) * 0x1p32);
        direction_numbers(i, numbers);
        for (unsigned k = 0; k < BITS; k++)
            if (code >> k & 1)
                x ^= numbers[k];
        point[i] = x * 0x1p-32;
    }
    propose_snap(space, point);
    return true;
}

/* ---- grids ---- */

static int64_t values_of(const ProposalSpace *space, size_t i)
{
    return space->cells[i] && space->cells[i] < space->values ? space->cells[i] : space->values;
}

int64_t proposal_grid_size(const ProposalSpace *space)
{
    int64_t size = 1;
    for (size_t i = 0; i < space->d && size <= MOST_TRIALS; i++)
        size *= values_of(space, i);
    return size;
}

bool propose_grid(const ProposalSpace *space, const PastTrials *past, int64_t trial, double *point)
{
    (void)past;
    for (size_t i = space->d; i-- > 0;) {
        int64_t values = values_of(space, i), place = trial % values;
        trial /= values;
        point[i] = values > 1 ? (double)place / (double)(values - 1) : 0.5;
    }
    propose_snap(space, point);
    return true;
}
