/* Which constants a run may change: those that stand only as rates and clips of optimizers, by their name, and (changes_at_run)
 * those that meet only tensors in expressions. A step multiplies by the first and decides nothing by them, so it computes the
 * same bits whether such a number is in its code or in a state. The others are always states. */
#include "frontend/declare/declare.h"

/* The name, in the module's arena, if a run may change the constant; otherwise NULL. */
static const char *changeable(Session *s, const char *name)
{
    const Symbol *symbol = name ? find_symbol_of(s->file, name, DECL_CONST) : NULL;
    return symbol && !symbol->pinned ? arena_copy(&s->module->arena, name) : NULL;
}

/* A factor of exactly 1 is no factor: without it other products become part of sums. */
static bool is_left_out(const Optimizer *optimizer)
{
    return optimizer->rate == (optimizer->schedule.kind == SCHEDULE_COSINE ? 2 : 1);
}

static void find_in_optimizer(Session *s, Optimizer *optimizer)
{
    optimizer->rate_constant = is_left_out(optimizer) ? NULL : changeable(s, optimizer->rate_constant);
    optimizer->clip_constant = changeable(s, optimizer->clip_constant);
}

void find_run_constants(Session *s)
{
    for (uint32_t i = 0; i < s->model->trains.len; i++) {
        Train *train = &s->model->trains.data[i];
        find_in_optimizer(s, &train->sigma_optimizer);
        find_in_optimizer(s, &train->response_optimizer);
        for (uint32_t k = 0; k < train->phases.len; k++) {
            find_in_optimizer(s, &train->phases.data[k].optimizer);
            for (uint32_t part = 0; part < train->phases.data[k].parts.len; part++)
                find_in_optimizer(s, &train->phases.data[k].parts.data[part].optimizer);
        }
    }
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Symbol *symbol = s->file->symbols.data[i];
        const char *name = symbol->decl->name.text;
        if (symbol->decl->kind == DECL_CONST && symbol->number_known)
            vec_push(&s->model->constants, (Constant){arena_copy(&s->module->arena, name), symbol->number, symbol->is_setting});
    }
}
