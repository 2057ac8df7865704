/* hnc explain: a first page that fits a screen (what a model is made of, with which settings its method runs, what a step costs);
 * with --plan the rest: every weight, function, kernel and address. */
#include <inttypes.h>
#include <string.h>

#include "driver/driver.h"
#include "ir/scan.h"
#include "passes/scans.h"

/* ---- the first page ---- */

enum { MOST_LINES = 10 }; /* of one kind on the first page */

/* ", in 40 streams", or nothing where rows are apart. */
static const char *streams_text(Arena *arena, const Split *split)
{
    if (!split->streams)
        return "";
    return arena_printf(arena, ", in %" PRId64 " stream%s", split->streams, split->streams == 1 ? "" : "s");
}

/* "50000 examples", "0.8 of the main files", "all of the test files" */
static const char *split_text(Arena *arena, const Dataset *data, const Split *split)
{
    if (split->count)
        return arena_printf(arena, "%" PRId64 " example%s", split->count, split->count == 1 ? "" : "s");
    const char *share = split->fraction == 1 ? "all" : arena_printf(arena, "%g", split->fraction);
    if (data->rows)
        return arena_printf(arena, "%s of %" PRId64 " examples", share, split->from_test ? data->test_rows : data->rows);
    const char *files = split->own_files ? "its own files" : split->from_test ? "the test files" : "the main files";
    return arena_printf(arena, "%s of %s%s", share, files, streams_text(arena, split));
}

static void explain_splits(const Dataset *data, Arena *arena)
{
    for (uint32_t i = 0; i < data->splits.len; i++)
        printf("  split %-18s %s\n", data->splits.data[i].name, split_text(arena, data, &data->splits.data[i]));
    if (data->shuffled)
        puts("  shuffled by the seed, then split");
}

static const char *field_type(Arena *arena, const Field *field)
{
    const char *type = type_text(field->type);
    if (!field->classes)
        return type;
    return arena_printf(arena, "class[%" PRId64 "]%s", field->classes, field->type.rank ? strchr(type, '[') : "");
}

/* "csv", "csv, 4 members", "10 members of permute(mnist, image)" */
static const char *source_text(Arena *arena, const Dataset *data)
{
    const Family *family = data->family;
    if (!family)
        return format_names[data->format];
    const char *members = arena_printf(arena, "%" PRId64 " member%s", family->count, family->count == 1 ? "" : "s");
    if (family->base < 0)
        return arena_printf(arena, "%s, %s", format_names[data->format], members);
    return arena_printf(arena, "%s of %s", members, family->text);
}

/* The file that holds the field, of those that hold one each. `file`: how many fields before it have one. */
static const char *field_file(const Dataset *data, const Field *field, uint32_t file)
{
    if (format_traits[data->format].files != FILES_FIELDS || data->files.len == 0 || field->index)
        return "";
    return data->files.data[file];
}

/* One line per file; of a family, per file of the first member, with that of the last one. */
static void explain_files(const Dataset *data, const FileNames *files, const char *kind)
{
    uint32_t per_member = data->family ? files->len / (uint32_t)data->family->count : files->len;
    const char *word = format_traits[data->format].files == FILES_FOLDERS ? "folder" : "file";
    for (uint32_t i = 0; i < per_member; i++) {
        const char *last = files->data[files->len - per_member + i];
        bool several = files->len > per_member;
        printf("  %s %s%s%s%s\n", word, files->data[i], several ? " to " : "", several ? last : "", kind);
    }
}

static void explain_data(const Model *model, Arena *arena)
{
    for (uint32_t d = 0; d < model->datasets.len; d++) {
        const Dataset *data = &model->datasets.data[d];
        printf("\ndata %s (%s)\n", data->name, source_text(arena, data));
        uint32_t file = 0, fields = 0;
        if (format_traits[data->format].files != FILES_FIELDS) {
            explain_files(data, &data->files, "");
            explain_files(data, &data->test_files, data->text ? " (of a split)" : " (test)");
        }
        for (uint32_t i = 0; i < model->module->fields.len; i++) {
            const Field *field = &model->module->fields.data[i];
            if (field->dataset != d)
                continue;
            const char *name = field_file(data, field, file);
            if (fields++ < MOST_LINES)
                printf("  %-24s %-*s%s\n", field->name, *name ? 17 : 0, field_type(arena, field), name);
            file += !field->index;
        }
        if (fields > MOST_LINES)
            printf("  and others: %" PRIu32 " fields in all\n", fields);
        if (data->family && data->family->base >= 0)
            printf("  splits as %s\n", model->datasets.data[data->family->base].name);
        else
            explain_splits(data, arena);
    }
}

/* Of one form. */
static int64_t count_weights(const Module *module, uint32_t form)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < module->weights.len; i++)
        if (module->weights.data[i].net != NO_NET && module->weights.data[i].form == form)
            count += type_elements(module->weights.data[i].type);
    return count;
}

/* So that a line of the page fits a screen of 100 columns. */
enum { LONGEST_NAME = 24, LONGEST_FORM = 40, LONGEST_METRIC = 64 };

static const char *short_text(Arena *arena, const char *text, size_t longest)
{
    return strlen(text) <= longest ? text : arena_printf(arena, "%.*s...", (int)longest - 3, text);
}

static void explain_weights(const Model *model, Arena *arena)
{
    const Module *module = model->module;
    puts("\nweights                                           numbers  made of");
    int64_t target = 0, trained = 0;
    uint32_t shown = 0, hidden = 0;
    for (uint32_t form = 0; form < model->forms.len; form++) {
        int64_t count = count_weights(module, form);
        target += count;
        if (count && shown < MOST_LINES)
            printf("  %-42s %12" PRId64 "  %s\n", short_text(arena, model->forms.data[form].target, LONGEST_FORM), count,
                   short_text(arena, model->forms.data[form].text, LONGEST_FORM));
        shown += count > 0 && shown < MOST_LINES;
        hidden += count > 0 && shown == MOST_LINES;
    }
    if (hidden > 1)
        printf("  and others: %" PRIu32 " in all\n", shown + hidden - 1);
    for (uint32_t i = 0; i < module->states.len; i++)
        if (module->states.data[i].role == STATE_WEIGHT)
            trained += type_elements(module->states.data[i].type);
    printf("  nets have %" PRId64 " weights, made from %" PRId64 " trained numbers (ratio %.2f)\n", target, trained,
           target ? (double)trained / (double)target : 0.0);
}

/* What values a hyperparameter can have. */
static const char *hyper_range(Arena *arena, const Hyper *hyper)
{
    switch (hyper->kind) {
    case HYPER_REAL:
        return "any number";
    case HYPER_POSITIVE:
        return "above 0";
    case HYPER_LOG:
        return "above 0, by its logarithm";
    case HYPER_RANGE:
        return arena_printf(arena, "from %g to %g", hyper->low, hyper->high);
    case HYPER_LOG_RANGE:
        return arena_printf(arena, "from %g to %g, by its logarithm", hyper->low, hyper->high);
    case HYPER_INTEGER:
        return arena_printf(arena, "a whole number from %g to %g", hyper->low, hyper->high);
    }
    return "";
}

/* "3 shares of the sum 1" */
static const char *condition_values(Arena *arena, const Condition *condition)
{
    int64_t numbers = type_elements(condition->type);
    switch (condition_domains[condition->kind]) {
    case DOMAIN_SIMPLEX:
        return arena_printf(arena, "%" PRId64 " shares of the sum 1", numbers);
    case DOMAIN_INDEX:
        return arena_printf(arena, "%s 0 to %" PRId64, condition_names[condition->kind], condition->count - 1);
    case DOMAIN_REALS:
        break;
    }
    return arena_printf(arena, "%" PRId64 " number%s", numbers, numbers == 1 ? "" : "s");
}

static const char *condition_use(const Condition *condition, bool taken)
{
    bool index = domain_is_index[condition_domains[condition->kind]];
    if (condition_domains[condition->kind] == DOMAIN_REALS)
        return "given where it is used";
    return !taken ? "not taken by this train" : index ? "each of them" : "drawn";
}

static void explain_conditions(const Model *model, const Train *train, Arena *arena)
{
    const Module *module = model->module;
    if (module->conditions.len)
        puts("\nconditions");
    for (uint32_t i = 0; i < model->hypers.len && i < MOST_LINES; i++) {
        const Hyper *h = &model->hypers.data[i];
        printf("  %-24s %s", short_text(arena, h->name, LONGEST_NAME), hyper_range(arena, h));
        if (h->shape.rank)
            printf(", %" PRId64 " values", type_elements(h->shape));
        bool moved = find_train_condition(train, h->condition) != NULL, drawn = moved && train->sigma > 0;
        printf(", %s at %g%s\n", moved ? "starts" : "stays", h->init,
               !drawn      ? ""
               : h->shared ? ", drawn per batch"
                           : ", drawn per example");
    }
    if (model->hypers.len > MOST_LINES)
        printf("  and others: %" PRIu32 " in all\n", model->hypers.len);
    for (uint32_t c = 0; c < module->conditions.len; c++) {
        const Condition *condition = &module->conditions.data[c];
        if (!condition_standing[condition->kind]) /* the hyperparameters of the others are listed above */
            printf("  %-24s %s, %s\n", condition->name, condition_values(arena, condition),
                   condition_use(condition, find_train_condition(train, c)));
    }
}

static void explain_train(const Model *model, const Train *train, Arena *arena)
{
    const char *unit = train->evaluate_in_steps ? "step" : "epoch";
    int64_t length = train->steps ? train->steps : train->epochs;
    printf("\ntrain %s: %s, %" PRId64 " %s%s, an evaluation ", short_text(arena, train->name, LONGEST_NAME),
           method_traits[train->method].name, length, train->steps ? "step" : "epoch", length == 1 ? "" : "s");
    if (train->evaluate == 1)
        printf("after each %s", unit);
    else
        printf("every %g %ss", train->evaluate, unit);
    if (train->seconds > 0)
        printf(", at most %g s", train->seconds);
    if (train->patience)
        printf(", patience %" PRId64, train->patience);
    puts(train->patience ? "" : ", no patience");
    Text text = {0};
    for (uint32_t i = 0; i < train->phases.len; i++) {
        const Phase *phase = &train->phases.data[i];
        const Dataset *data = &model->datasets.data[phase->dataset];
        for (uint32_t part = 0; part < phase->parts.len; part++)
            optimizer_explain(part == 0 ? phase->name : "", &phase->parts.data[part].optimizer, phase->parts.data[part].part,
                              &text);
        if (!phase->parts_only)
            optimizer_explain(phase->parts.len ? "" : phase->name, &phase->optimizer, NULL, &text);
        bool named = phase->parts.len || !phase->parts_only; /* above, before its optimizer */
        text_printf(&text, "  %-10s batches of %" PRId64 " from %s%s.%s%s\n", named ? "" : phase->name, phase->batch, data->name,
                    member_text(model->module, phase->member, arena), data->splits.data[phase->split].name,
                    train->shuffles_batches ? ", side by side" : "");
        if (phase->micro_step)
            text_printf(&text, "  %-10s in micro-batches of %" PRId64 "\n", "", phase->micro_batch);
    }
    if (train->average.text)
        text_printf(&text, "  average    %s\n", train->average.text);
    method_explain(train, &text);
    printf("%s", text.data ? text.data : "");
    text_free(&text);
    for (uint32_t i = 0; i < train->metrics.len && i < MOST_LINES; i++)
        printf("  metric     %s%s\n", short_text(arena, train->metrics.data[i].name, LONGEST_METRIC),
               (int)i == train->select ? "   (selects the best)" : "");
    if (train->metrics.len > MOST_LINES)
        printf("  and others: %" PRIu32 " metrics in all\n", train->metrics.len);
}

/* How often a function of a phase runs: "step", "micro-batch"; NULL: it is of none. */
static const char *unit_of_phase(const Model *model, const Function *function)
{
    for (uint32_t t = 0; t < model->trains.len; t++) {
        const Train *train = &model->trains.data[t];
        for (uint32_t i = 0; i < train->phases.len; i++) {
            if (train->phases.data[i].step == function)
                return "step";
            if (train->phases.data[i].micro_step == function)
                return "micro-batch";
        }
    }
    return NULL;
}

/* The export that the function belongs to, or NULL. */
static const Export *export_of(const Model *model, const Function *function)
{
    for (uint32_t i = 0; i < model->exports.len; i++)
        if (model->exports.data[i].function == function || model->exports.data[i].generate == function)
            return &model->exports.data[i];
    return NULL;
}

/* "per step", "per row of predict": how often the function runs, and how many of it are one. NULL: neither a phase nor an export
 * has it. */
static const char *unit_of(const Model *model, const Function *function, int64_t *count)
{
    const Export *export = export_of(model, function);
    *count = 1;
    if (!export)
        return unit_of_phase(model, function);
    if (function == export->generate)
        return "call of predict";
    *count = export->rows ? export->rows : 1;
    return "row of predict";
}

/* The loops of a function, and of their bodies, that are gone through again backwards. */
static void explain_loops(const Function *function, const char *name, unsigned depth)
{
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        int64_t bytes;
        if (op->code != OP_SCAN)
            continue;
        Value loop = scan_of_derivative(function, v, &bytes);
        if (loop != NO_VALUE)
            printf("loop%s of line %u, %" PRId64 " %s in %s: %.3f MB kept for its derivative\n", depth ? " within it," : "",
                   OP_AT(function, loop)->line, scan_steps(op), op->flags & OP_REMAT ? "segments" : "steps", name,
                   (double)bytes / 1e6);
        explain_loops(op->body, name, depth + 1);
    }
}

static void explain_cost(const Model *model, const Plan *plan, Arena *arena)
{
    puts("\ncost                                    Mflop     MB moved");
    for (uint32_t i = 0; i < plan->schedules.len; i++) {
        const Schedule *s = &plan->schedules.data[i];
        const char *name = s->function->name;
        int64_t count;
        const char *unit = unit_of(model, s->function, &count);
        if (unit)
            printf("  %-30s %12.3f %12.3f  per %s\n", short_text(arena, name, LONGEST_FORM),
                   (double)s->flops / 1e6 / (double)count, (double)s->bytes / 1e6 / (double)count, unit);
    }
    printf("memory: %" PRId64 " bytes of state, %" PRId64 " bytes of scratch, %.1f MB together (beside the data set)\n",
           plan_state_bytes(plan), plan_scratch_bytes(plan), (double)(plan_state_bytes(plan) + plan_scratch_bytes(plan)) / 1e6);
    for (uint32_t i = 0; i < plan->schedules.len; i++)
        explain_loops(plan->schedules.data[i].function, short_text(arena, plan->schedules.data[i].function->name, LONGEST_FORM),
                      0);
}

/* ---- the rest: --plan ---- */

static void list_weights(const Model *model)
{
    const Module *module = model->module;
    puts("\nevery weight");
    for (uint32_t net = 0; net < model->nets.len; net++)
        for (uint32_t i = 0; i < module->weights.len; i++) {
            const Weight *w = &module->weights.data[i];
            if (w->net == net)
                printf("  %-42s %12" PRId64 "  %-16s %s\n", w->name, type_elements(w->type), type_text(w->type),
                       model->forms.data[w->form].text);
        }
}

static void list_functions(const Plan *plan)
{
    puts("\nfunctions                             FLOPs         bytes  kernels");
    for (uint32_t i = 0; i < plan->schedules.len; i++) {
        const Schedule *s = &plan->schedules.data[i];
        printf("  %-28s %12" PRId64 "  %12" PRId64 "  %7u\n", s->function->name, s->flops, s->bytes, s->kernels.len);
    }
    Text text = {0};
    plan_print(plan, &text);
    printf("\nplan\n%s", text.len ? text.data : "");
    text_free(&text);
}

int command_explain(const Options *options)
{
    Compilation c;
    Text spread = {0};
    bool fine = compile_model(options, &c);
    if (fine)
        explain_spread(c.model, &c.arena, &c.trace, &spread);
    fine = fine && compile_plan(&c);
    if (fine) {
        printf("%s: model %s, %s\n", options->file, c.model->name, dtype_name(c.model->module->real));
        explain_data(c.model, &c.arena);
        explain_weights(c.model, &c.arena);
        printf("%s", spread.len ? spread.data : "");
        explain_conditions(c.model, &c.model->trains.data[0], &c.arena);
        for (uint32_t i = 0; i < c.model->trains.len; i++)
            explain_train(c.model, &c.model->trains.data[i], &c.arena);
        explain_cost(c.model, c.plan, &c.arena);
        if (c.model->exports.len)
            explain_sizes(options);
    }
    if (fine && options->plan) {
        list_weights(c.model);
        list_functions(c.plan);
    } else if (fine) {
        puts("every weight, function, kernel and address: hnc explain --plan");
    }
    text_free(&spread);
    compilation_free(&c);
    return fine ? EXIT_FINE : EXIT_ERROR;
}
