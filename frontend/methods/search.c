/* Trains by search: one training after the other, each with hyperparameters of its own, which a rule proposes. */
#include "frontend/declare/train_plan.h"
#include "proposals/proposals.h"
#include "runtime/abi/hyper_kinds.h"

static const Construct search_rows[PROPOSAL_COUNT] = {
#define PROPOSAL(KIND, name, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "runtime/abi/proposals.def"
#undef PROPOSAL
};

static const Construct pruner_rows[PRUNER_COUNT] = {
#define PRUNER(KIND, name, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "runtime/abi/pruners.def"
#undef PRUNER
};

/* The space of what is tried; false after an error: a number without bounds, or too many. */
static bool read_space(TrainPlan *plan, ProposalSpace *space)
{
    Session *s = plan->s;
    Span span = plan->decl->value->span;
    for (uint32_t i = 0; i < s->model->hypers.len; i++) {
        const Hyper *hyper = &s->model->hypers.data[i];
        if (!find_train_condition(&plan->train, hyper->condition))
            continue;
        if (!hyper_kind_is_bounded(hyper->kind)) {
            fail(s, span, "search has no bounds of '%s'", hyper->name);
            add_help(s, "give it some where it is declared, as in 'log(1e-5, 1)', 'range(0, 10)' or 'rate(0, 0.9)'");
            return false;
        }
        for (int64_t k = 0; k < type_elements(hyper->shape); k++) {
            if (space->d == MOST_PROPOSED_NUMBERS) {
                fail(s, span, "search tries at most %d numbers", MOST_PROPOSED_NUMBERS);
                return false;
            }
            space->cells[space->d++] = hyper_kind_values(hyper->kind, hyper->low, hyper->high);
        }
    }
    return true;
}

static void read_trials(TrainPlan *plan)
{
    Session *s = plan->s;
    Search *search = plan->train.search;
    Argument arguments[MOST_PARAMETERS];
    ProposalSpace space = {0};
    int kind = needed_construct(plan, "trials", "trials random(64)", CONSTRUCTS(search_rows), "a way to search", arguments);
    if (kind < 0 || !read_space(plan, &space))
        return;
    search->kind = (ProposalKind)kind;
    search->text = construct_text(&s->module->arena, &search_rows[kind], arguments);
    search->trials = (int64_t)arguments[0].number;
    search->initial = kind == PROPOSAL_BAYES ? (int64_t)arguments[1].number : 0;
    if (kind != PROPOSAL_GRID)
        return;
    search->values = search->trials;
    space.values = search->values;
    search->trials = proposal_grid_size(&space);
    if (search->trials > MOST_TRIALS)
        fail(s, arguments[0].expr->span, "a grid of %lld values for each of %zu numbers has more than %d points",
             (long long)search->values, space.d, MOST_TRIALS);
}

static void read_pruner(TrainPlan *plan)
{
    Search *search = plan->train.search;
    const Setting *setting = find_setting(plan, "prune");
    Argument arguments[MOST_PARAMETERS];
    search->pruner_text = pruner_rows[PRUNER_NONE].name;
    if (!setting || !setting->values.first)
        return;
    int kind = read_construct(plan->s, setting->values.first, CONSTRUCTS(pruner_rows), "a way to end trials", arguments);
    if (kind < 0)
        return;
    search->pruner = (PrunerKind)kind;
    search->pruner_text = construct_text(&plan->s->module->arena, &pruner_rows[kind], arguments);
    for (int i = 0; i < 2; i++)
        search->pruner_arguments[i] = (int64_t)arguments[i].number;
}

static void lower(TrainPlan *plan)
{
    plan->train.search = ARENA_NEW(&plan->s->module->arena, Search);
    plan->train.search->trials = 1;
    read_common(plan);
    read_trials(plan);
    read_pruner(plan);
    need_setting(plan, "validate", "validate fit(mnist.valid)");
    lower_phase(plan, "minimise", false);
    lower_metrics(plan, "validate");
}

const MethodReader reader_search = {.lower = lower, .check = warn_of_unused_hypers};
