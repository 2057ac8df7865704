/* Feature-wise linear modulation (Perez et al., AAAI 2018) as a form: trained weights whose rows are scaled by 1 plus a number of
 * the net per output unit; a vector, which is what a layer adds, is shifted, too. */
#include "ir/forms/forms.h"

static int64_t numbers(const Weight *weight, const int64_t *settings)
{
    (void)settings;
    return weight_units(weight) * (weight->type.rank > 1 ? 1 : 2);
}

/* How much the unit is scaled by. Rows of tasks and members begin differently: members that begin alike would stay alike. */
static Init first_scales(const FormUse *use)
{
    bool different = use->kind == NUMBERS_ROWS && use->start != START_ZERO;
    return (Init){INIT_NORMAL, different ? 0.1 : 0};
}

static Value make(FormUse *use)
{
    Builder *b = use->b;
    Weight weight = b->module->weights.data[use->weight];
    int64_t units = weight_units(&weight), count = use->kind == NUMBERS_ROWS ? units : numbers(&weight, use->settings);
    Value all = form_numbers(use, 0, count, first_scales(use));
    Value scale = build_with_const(b, OP_ADD, part_of(b, all, 0, units), 1);
    Value w = form_part(use, "film", weight.type, weight.init);
    w = build_binary(b, OP_MUL, w, per_unit(b, &weight, scale));
    if (weight.type.rank > 1)
        return w;
    Value shift = use->kind == NUMBERS_ROWS ? form_numbers(use, units, units, (Init){0}) : part_of(b, all, units, units);
    return build_binary(b, OP_ADD, w, per_unit(b, &weight, shift));
}

const WeightForm form_film = {.make = make, .numbers = numbers};
