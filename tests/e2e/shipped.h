/* The models that ship, without their data. */
#ifndef HNC_TESTS_E2E_SHIPPED_H
#define HNC_TESTS_E2E_SHIPPED_H

#include "frontend/frontend.h"

typedef struct Shipped {
    Arena arena;
    Source source;
    Diagnostics diags;
    Model *model; /* as the frontend leaves it; a few are made smaller by their constants */
} Shipped;

/* Fails the test if the compiler refuses the model. */
void shipped_open(Shipped *shipped, const char *path, DType real, int64_t batch);
void shipped_close(Shipped *shipped);
/* Calls `check` with every models/NAME.hn, in the order of names. */
void each_shipped(void (*check)(const char *path, DType real, double tolerance), DType real, double tolerance);

#endif
