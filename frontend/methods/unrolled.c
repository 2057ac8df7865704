/* Trains by unrolled: weights are trained on a lower loss, and hyperparameters descend the derivative of an upper one through the
 * steps that trained them. */
#include "frontend/declare/train_plan.h"

static const Construct unroll_rows[UNROLL_COUNT] = {
#define UNROLL(KIND, name, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "ir/unrolls.def"
#undef UNROLL
};

static void read_unroll(TrainPlan *plan)
{
    Session *s = plan->s;
    Unrolled *unrolled = plan->train.unrolled;
    Argument arguments[MOST_PARAMETERS];
    int kind = needed_construct(plan, "unroll", "unroll reverse(20)", CONSTRUCTS(unroll_rows), "a way to differentiate steps",
                                arguments);
    if (kind < 0)
        return;
    unrolled->kind = (UnrollKind)kind;
    unrolled->text = construct_text(&s->module->arena, &unroll_rows[kind], arguments);
    unrolled->steps = (int64_t)arguments[0].number;
    unrolled->restart = arguments[1].number != 0;
    unrolled->segment = kind == UNROLL_REVERSE ? (int64_t)arguments[2].number : 0;
    if (unrolled->segment && unrolled->steps % unrolled->segment)
        fail(s, arguments[2].expr->span, "%lld steps are not a multiple of a segment of %lld", (long long)unrolled->steps,
             (long long)unrolled->segment);
}

/* The tables of a family are of one batch. */
static void refuse_families(TrainPlan *plan)
{
    for (uint32_t i = 0; i < plan->train.phases.len; i++)
        if (plan->train.phases.data[i].member.kind != MEMBER_NONE)
            fail(plan->s, find_setting(plan, plan->train.phases.data[i].name)->span,
                 "'%s' reads a family of data sets, which unrolled cannot do yet", plan->train.phases.data[i].name);
}

/* Between two steps that begin anew there is no evaluation to follow. */
static void refuse_watching(TrainPlan *plan)
{
    const Phase *lower = plan->train.phases.len ? &plan->train.phases.data[0] : NULL;
    for (uint32_t k = 0; plan->train.unrolled->restart && lower && k <= lower->parts.len; k++) {
        const ScheduleTraits *schedule = &schedule_traits[phase_optimizer(lower, k)->schedule.kind];
        if (!schedule->watches)
            continue;
        fail(plan->s, find_setting(plan, "lower")->span, "the schedule '%s' follows evaluations, and steps that begin anew have none between them",
             schedule->name);
        add_help(plan->s, "let them go on, 'start: warm', or choose a schedule of steps, such as 'cosine'");
    }
}

static void lower(TrainPlan *plan)
{
    plan->train.unrolled = ARENA_NEW(&plan->s->module->arena, Unrolled);
    plan->train.unrolled->steps = 1;
    read_common(plan);
    read_unroll(plan);
    lower_phase(plan, "lower", false);
    lower_phase(plan, "upper", true);
    lower_metrics(plan, "upper");
    refuse_families(plan);
    refuse_watching(plan);
}

static void check(Session *s, const Decl *decl, const Train *train)
{
    warn_of_unused_hypers(s, decl, train);
    warn_of_same_split(s, decl, train);
}

const MethodReader reader_unrolled = {.lower = lower, .check = check};
