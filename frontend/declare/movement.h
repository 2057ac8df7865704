/* What training can move in a model. */
#ifndef HNC_FRONTEND_MOVEMENT_H
#define HNC_FRONTEND_MOVEMENT_H

#include "ir/model.h"

/* Whether a derivative passes this operand of the op. */
bool passes_on(const Function *f, const Op *op, uint32_t operand);

#define NO_WEIGHT UINT32_MAX
typedef struct MovementResult {
    uint32_t moves; /* how many weights some step moves */
    uint32_t stuck; /* a weight that the losses depend on and that no step moves; NO_WEIGHT: there is none */
    /* a weight that is the product of two generated factors which both begin at 0; NO_WEIGHT: there is none */
    uint32_t zero_factors;
    /* a weight of the module that a net makes, though no step moves any number of that net; NO_WEIGHT: there is none */
    uint32_t dead;
    uint64_t reached; /* set of the conditions for which the upper loss can have a gradient other than 0 */
} MovementResult;

/* Finds what moves by the losses that train the weights, outputs number `first` to `last` of a per-example function, and by the
 * loss that trains the conditions (NULL: none does). */
MovementResult find_movement(const Model *model, const Function *lower, uint32_t first, uint32_t last, const Function *upper);

#endif
