/* First values that are measured: functions that compute what is to begin at a wanted scale. */
#include "frontend/lower/form_use.h"

void measure_later(Session *s, const FormUse *use, Value made)
{
    double wanted = use->wanted > 0 ? use->wanted : init_deviation(first_numbers(use));
    Value value = use->generated ? use->generated : made;
    for (unsigned i = 0; i < use->measured_count && wanted > 0; i++)
        vec_push(&s->measures, (MeasurePlan){use->measured[i], value, {NULL, wanted, 1.0 / use->measured_count}});
}

/* The function with this value as its only output. */
static const char *measured_function(Session *s, const Function *function, Value value)
{
    const char *name = arena_printf(&s->module->arena, "%s.measured%u", function->name, value);
    if (module_function(s->module, name))
        return name;
    Builder b = {.module = s->module, .function = function_new(s->module, name)};
    Value *map = support_malloc((function->ops.len + 1) * sizeof *map);
    build_inline(&b, function, map);
    build_output(&b, "measured", map[value]);
    support_free(map);
    return name;
}

void finish_measures(Session *s, const Function *function)
{
    for (uint32_t i = 0; i < s->measures.len && function->outputs.len; i++) {
        MeasurePlan *plan = &s->measures.data[i];
        plan->measure.function = measured_function(s, function, plan->value);
        s->module->weights.data[plan->weight].measure = plan->measure;
    }
    s->measures.len = 0;
}
