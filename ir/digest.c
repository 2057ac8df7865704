/* One number that stands for all that a run computes. */
#include <inttypes.h>
#include <string.h>

#include "ir/model.h"
#include "support/fnv.h"

static void add_numbers(Text *text, const char *what, uint32_t count, const double *numbers)
{
    text_printf(text, "%s", what);
    for (uint32_t i = 0; numbers && i < count; i++)
        text_printf(text, " %a", numbers[i]);
    text_printf(text, "\n");
}

/* Tasks may be added to a run, so a table of one row per task counts with any number of rows. */
static void add_function(const Model *model, const Function *function, Text *text)
{
    if (!function)
        return;
    Function copy = *function;
    copy.ops.data = support_malloc(copy.ops.len * sizeof *copy.ops.data);
    memcpy(copy.ops.data, function->ops.data, copy.ops.len * sizeof *copy.ops.data);
    for (Value v = 0; v < copy.ops.len; v++)
        if (copy.ops.data[v].code == OP_PARAM && model->module->weights.data[copy.ops.data[v].symbol].grows)
            copy.ops.data[v].type.dims[0] = 0;
    print_function(model->module, &copy, text);
    support_free(copy.ops.data);
}

static void add_optimizer(const Model *model, const Optimizer *o, Text *text)
{
    const double numbers[] = {o->rate,    o->momentum, o->beta1,          o->beta2,
                              o->epsilon, o->clip,     o->schedule.every, o->schedule.factor};
    text_printf(text, "optimizer %d %d", (int)o->kind, (int)o->schedule.kind);
    add_numbers(text, "", COUNT_OF(numbers), numbers);
    const double more[] = {o->nesterov, o->decay, o->clip_value, o->warmup};
    if (o->nesterov || o->decay != 0 || o->clip_value != 0 || o->warmup != 0)
        add_numbers(text, "and", COUNT_OF(more), more);
    if (o->schedule.cuts)
        add_numbers(text, "cuts", o->schedule.cuts, o->schedule.at);
    add_function(model, o->tuned, text);
}

static void add_pareto(const Pareto *p, Text *text)
{
    text_printf(text, "pareto %u %s %d %d\n", p->m, p->solver_text, p->each, p->fixed);
    add_numbers(text, "concentration", p->m, p->concentration);
    add_numbers(text, "reference", p->m, p->reference);
}

static void add_implicit(const Implicit *implicit, Text *text)
{
    text_printf(text, "implicit %s\n", implicit->solver_text);
}

static void add_unrolled(const Unrolled *unrolled, Text *text)
{
    text_printf(text, "unrolled %s\n", unrolled->text);
}

static void add_search(const Search *search, Text *text)
{
    text_printf(text, "search %s, prune %s\n", search->text, search->pruner_text);
}

static void add_train(const Model *model, const Train *t, Text *text)
{
    const double numbers[] = {t->warmup,  (double)t->every_lower, (double)t->every_upper, t->sigma,
                              t->entropy, (double)t->patience};
    text_printf(text, "train %s %d %d %d", t->name, (int)t->method, t->sigma_learned, t->everywhere);
    for (uint32_t i = 0; i < t->conditions.len; i++)
        text_printf(text, " %u", t->conditions.data[i].condition);
    add_numbers(text, "", COUNT_OF(numbers), numbers);
    add_optimizer(model, &t->sigma_optimizer, text);
    if (t->response_learned_apart)
        add_optimizer(model, &t->response_optimizer, text);
    if (t->shuffles_batches)
        text_printf(text, "batches\n");
    for (uint32_t i = 0; i < t->phases.len; i++) {
        const Phase *phase = &t->phases.data[i];
        text_printf(text, "phase %s %u %u\n", phase->name, phase->dataset, phase->split);
        if (phase->member.kind != MEMBER_NONE)
            text_printf(text, "member %d %u\n", (int)phase->member.kind, phase->member.index);
        if (phase->micro_batch)
            text_printf(text, "micro-batch %" PRId64 "\n", phase->micro_batch);
        add_optimizer(model, &phase->optimizer, text);
        for (uint32_t k = 0; k < phase->parts.len; k++) {
            text_printf(text, "of %s %d\n", phase->parts.data[k].part, phase->parts_only);
            add_optimizer(model, &phase->parts.data[k].optimizer, text);
        }
        add_function(model, phase->objective, text);
    }
    if (t->select >= 0)
        add_function(model, t->metrics.data[t->select].objective, text);
    if (t->average.kind != AVERAGE_NONE)
        text_printf(text, "average %s\n", t->average.text);
    if (t->implicit)
        add_implicit(t->implicit, text);
    if (t->unrolled)
        add_unrolled(t->unrolled, text);
    if (t->search)
        add_search(t->search, text);
    if (t->pareto)
        add_pareto(t->pareto, text);
    if (t->continual) {
        text_printf(text, "continual %d %s\n", (int)t->continual->protection, t->continual->protection_text);
        add_function(model, t->continual->outputs, text);
    }
    if (t->sweep &&
        t->sweep->kind == SWEEP_FRONT) /* nets may be trained for the sweep's points; its indicators are only reported */
        add_numbers(text, "points", t->sweep->count * t->sweep->width, t->sweep->points);
}

/* How many members a family has does not count: a run may go on with more of them. So of computed rows, those of the first member
 * stand for all. */
static void add_dataset(const Model *model, const Dataset *data, Text *text)
{
    text_printf(text, "data %s %s %d\n", data->name, format_names[data->format], data->shuffled);
    for (uint32_t k = 0; k < data->splits.len; k++)
        text_printf(text, "split %s %" PRId64 " %a %" PRId64 "\n", data->splits.data[k].name, data->splits.data[k].count,
                    data->splits.data[k].fraction, data->splits.data[k].streams);
    if (data->text)
        text_printf(text, "text %s %" PRId64 " %s %s\n", unit_names[data->text->unit], data->text->length,
                    data->text->end ? data->text->end : "", data->text->unknown ? data->text->unknown : "");
    if (data->resize)
        text_printf(text, "resize %s\n", resize_names[data->resize]);
    for (uint32_t i = 0; i < model->module->fields.len; i++) {
        const Field *field = &model->module->fields.data[i];
        for (int64_t k = 0; field->names && &model->datasets.data[field->dataset] == data && k < field->classes; k++)
            text_printf(text, "class %s\n", field->names[k]);
    }
    if (data->family)
        text_printf(text, "family %s %d %" PRId64 " %" PRId64 "\n", family_names[data->family->kind], data->family->base,
                    data->family->field, data->family->number);
    uint32_t kinds = data->test_rows ? 2 : 1; /* of rows */
    for (uint32_t i = 0; i < data->makers.len && i < kinds; i++)
        add_function(model, data->makers.data[i], text);
}

static void add_declarations(const Model *model, Text *text)
{
    const Module *module = model->module;
    for (uint32_t i = 0; i < module->weights.len; i++) {
        const Weight *w = &module->weights.data[i];
        Type type = w->type;
        if (w->grows)
            type.dims[0] = 0;
        text_printf(text, "weight %s %s %u %d %d %a\n", w->name, type_text(type), w->form, w->output_axis, (int)w->init.kind,
                    w->init.value);
        if (w->file)
            text_printf(text, "from %s\n", w->file);
        if (w->measure.function)
            text_printf(text, "measured %a %a\n", w->measure.wanted, w->measure.power);
        add_function(model, weight_value_function(module, i), text);
    }
    for (uint32_t i = 0; i < model->forms.len; i++) {
        const Form *form = &model->forms.data[i];
        text_printf(text, "form %s\n", form->target);
    }
    for (uint32_t i = 0; i < model->hypers.len; i++) {
        const Hyper *h = &model->hypers.data[i];
        text_printf(text, "hyper %s %d %d %a %a %a\n", h->name, (int)h->kind, h->shared, h->low, h->high, h->init);
    }
    for (uint32_t i = 0; i < model->datasets.len; i++)
        add_dataset(model, &model->datasets.data[i], text);
}

const char *model_digest(const Model *model)
{
    Text text = {0};
    add_declarations(model, &text);
    for (uint32_t i = 0; i < model->trains.len; i++)
        add_train(model, &model->trains.data[i], &text);
    uint64_t hash = fnv_bytes(FNV_EMPTY, text.data, text.len);
    text_free(&text);
    return arena_printf(&model->module->arena, "%016" PRIx64, hash);
}
