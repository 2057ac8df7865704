/* Trains by fit: one phase. */
#include "frontend/declare/train_plan.h"

static void lower(TrainPlan *plan)
{
    read_common(plan);
    lower_phase(plan, "minimise", false);
    lower_metrics(plan, "validate");
}

static void check(Session *s, const Decl *decl, const Train *train)
{
    warn_of_fixed_response(s, decl, train);
}

const MethodReader reader_fit = {.lower = lower, .check = check};
