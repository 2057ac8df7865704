/* Trains by replay: plain training, while hyperparameters take the values that an earlier run had. */
#include "frontend/declare/train_plan.h"

static void lower(TrainPlan *plan)
{
    read_common(plan);
    lower_phase(plan, "minimise", false);
    lower_metrics(plan, "validate");
}

const MethodReader reader_replay = {.lower = lower, .check = warn_of_unused_hypers};
