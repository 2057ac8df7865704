/* hnc explain: what a model is made of, what a step costs, where its memory goes, with which settings its method runs. */
#include <inttypes.h>

#include "driver/driver.h"

static int64_t target_parameters(const Module *module, uint32_t net)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < module->weights.len; i++)
        if (module->weights.data[i].net == net)
            count += type_elements(module->weights.data[i].type);
    return count;
}

static void explain_nets(const Model *model)
{
    const Module *module = model->module;
    puts("\nnets and their weights");
    int64_t target = 0, trained = 0;
    for (uint32_t net = 0; net < model->nets.len; net++) {
        int64_t count = target_parameters(module, net);
        target += count;
        printf("  %-44s %12" PRId64 " weights\n", model->nets.data[net].name, count);
        for (uint32_t i = 0; i < module->weights.len; i++) {
            const Weight *w = &module->weights.data[i];
            if (w->net == net)
                printf("    %-42s %12" PRId64 "  %-16s %s\n", w->name, type_elements(w->type), type_text(w->type),
                       model->forms.data[w->form].text);
        }
    }
    for (uint32_t i = 0; i < module->states.len; i++)
        if (module->states.data[i].role == STATE_WEIGHT)
            trained += type_elements(module->states.data[i].type);
    printf("  nets have %" PRId64 " weights, made from %" PRId64 " trained numbers (ratio %.2f)\n", target, trained,
           target ? (double)trained / (double)target : 0.0);
}

static const char *hyper_kind(const Hyper *hyper)
{
    static const char *const names[] = {"real", "range", "positive", "log", "log range", "integer"};
    return names[hyper->kind];
}

static void explain_hypers(const Model *model, const Train *train)
{
    if (model->hypers.len == 0)
        return;
    puts("\nhyperparameters");
    for (uint32_t i = 0; i < model->hypers.len; i++) {
        const Hyper *h = &model->hypers.data[i];
        printf("  %-24s %-10s", h->name, hyper_kind(h));
        if (h->kind == HYPER_RANGE || h->kind == HYPER_LOG_RANGE || h->kind == HYPER_INTEGER)
            printf(" in (%g, %g)", h->low, h->high);
        if (h->shape.rank)
            printf(", %" PRId64 " values", type_elements(h->shape));
        if (find_train_condition(train, h->condition))
            printf(", starts at %g, drawn per %s\n", h->init, h->shared ? "batch" : "example");
        else
            printf(", stays at %g\n", h->init);
    }
}

static void explain_phase(const Phase *phase, Text *out)
{
    for (uint32_t i = 0; i < phase->parts.len; i++)
        optimizer_explain(i == 0 ? phase->name : "", &phase->parts.data[i].optimizer, phase->parts.data[i].part, out);
    if (!phase->parts_only)
        optimizer_explain(phase->parts.len ? "" : phase->name, &phase->optimizer, NULL, out);
    text_printf(out, "  %-10s batches of %" PRId64 "\n", "", phase->batch);
}

static void explain_train(const Train *train)
{
    printf("\ntrain %s: %s, %" PRId64 " epochs, an evaluation every %" PRId64 ", patience %" PRId64 "%s\n", train->name,
           method_traits[train->method].name, train->epochs, train->evaluate, train->patience, train->patience ? "" : " (none)");
    Text text = {0};
    for (uint32_t i = 0; i < train->phases.len; i++)
        explain_phase(&train->phases.data[i], &text);
    method_explain(train, &text);
    printf("%s", text.data ? text.data : "");
    text_free(&text);
    for (uint32_t i = 0; i < train->metrics.len; i++)
        printf("  metric     %s%s\n", train->metrics.data[i].name, (int)i == train->select ? "   (selects the best)" : "");
}

static void explain_data(const Model *model)
{
    for (uint32_t d = 0; d < model->datasets.len; d++) {
        const Dataset *data = &model->datasets.data[d];
        printf("\ndata %s (%s)\n", data->name, format_names[data->format]);
        uint32_t file = 0;
        for (uint32_t i = 0; data->schema && i < data->files.len + data->test_files.len; i++)
            printf("  file %s%s\n", i < data->files.len ? data->files.data[i] : data->test_files.data[i - data->files.len],
                   i < data->files.len ? "" : " (test)");
        for (uint32_t i = 0; i < model->module->fields.len; i++) {
            const Field *field = &model->module->fields.data[i];
            if (field->dataset == d)
                printf("  %-24s %-*s%s\n", field->name, data->schema ? 0 : 17, type_text(field->type),
                       data->schema ? "" : data->files.data[file++]);
        }
        if (data->shuffled)
            puts("  shuffled by the seed, then split");
        for (uint32_t i = 0; i < data->splits.len; i++) {
            const Split *split = &data->splits.data[i];
            if (split->count)
                printf("  split %-18s %" PRId64 " examples\n", split->name, split->count);
            else
                printf("  split %-18s %g of the %s files\n", split->name, split->fraction, split->from_test ? "test" : "main");
        }
    }
}

static void explain_steps(const Plan *plan)
{
    puts("\nfunctions                             FLOPs         bytes  kernels");
    for (uint32_t i = 0; i < plan->schedules.len; i++) {
        const Schedule *s = &plan->schedules.data[i];
        printf("  %-28s %12" PRId64 "  %12" PRId64 "  %7u\n", s->function->name, s->flops, s->bytes, s->kernels.len);
    }
    printf("\nmemory: %" PRId64 " bytes of state, %" PRId64 " bytes of scratch, %.1f MB together (beside the data set)\n",
           plan_state_bytes(plan), plan_scratch_bytes(plan), (double)(plan_state_bytes(plan) + plan_scratch_bytes(plan)) / 1e6);
}

int command_explain(const Options *options)
{
    Compilation c;
    bool fine = compile_program(options, &c);
    if (fine) {
        printf("%s: model %s, %s\n", options->file, c.model->name, dtype_name(c.model->module->real));
        explain_data(c.model);
        explain_nets(c.model);
        explain_hypers(c.model, &c.model->trains.data[0]);
        for (uint32_t i = 0; i < c.model->trains.len; i++)
            explain_train(&c.model->trains.data[i]);
        explain_steps(c.plan);
        Text text = {0};
        plan_print(c.plan, &text);
        printf("\nplan\n%s", text.len ? text.data : "");
        text_free(&text);
    }
    compilation_free(&c);
    return fine ? EXIT_FINE : EXIT_ERROR;
}
