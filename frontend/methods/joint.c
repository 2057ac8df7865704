/* Trains by joint: all tasks, or all members of an ensemble, in every step. */
#include "frontend/declare/train_plan.h"

static void lower(TrainPlan *plan)
{
    read_common(plan);
    lower_phase(plan, "minimise", false);
    lower_metrics(plan, "validate");
}

/* Members of one net that nothing tells apart would be one net. */
static void report_no_response(Session *s, const Decl *decl, const Train *train, uint32_t condition)
{
    const Symbol *symbol = condition_symbol(s, condition);
    const char *name = symbol->decl->name.text, *word = decl_text[symbol->decl->kind];
    if (losses_use(s, train, condition) || symbol->decl->kind == DECL_TASK)
        return;
    fail(s, decl->value->span, "neither weights nor losses depend on the %s '%s', so all %ss would be the same net", word, name,
         word);
    add_help(s, "make the weights from it, as in 'weights NET = rank1(%s)'", name);
}

static void check(Session *s, const Decl *decl, const Train *train)
{
    warn_of_fixed_response(s, decl, train);
}

const MethodReader reader_joint = {.lower = lower, .check_response = report_no_response, .check = check};
