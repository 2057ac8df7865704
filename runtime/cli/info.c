/* `OUT info` prints what the binary holds: model, train, hyperparameters, states, parameter counts, memory, processor and data
 * files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/commands.h"
#include "runtime/core/blas.h"
#include "runtime/core/cpu.h"

static void print_every(const ActInfo *act)
{
    const char *unit = act->every_in_epochs ? "epoch" : "round";
    if (act->every == 1)
        printf(", every %s", unit);
    else
        printf(", every %g %ss", act->every, unit);
}

/* The acts from `first` on, up to `end`: one per line, the children of a repeat indented below it. */
static void print_acts(const Manifest *manifest, size_t first, size_t end, int depth)
{
    const TrainInfo *train = manifest->train;
    for (size_t i = first; i < end; i += train->acts[i].size) {
        const ActInfo *act = &train->acts[i];
        printf("%*s%s", 2 * depth, "", act_names[act->kind]);
        if (act->kind == ACT_STEP)
            printf(" %s", train->phases[act->phase].name);
        if (act->kind == ACT_CALL)
            printf(" %s", manifest->functions[act->function].name);
        if (act->kind == ACT_REPEAT)
            printf(" %" PRId64 "%s", act->rounds, !act->in_epochs ? "" : act->rounds == 1 ? " epoch" : " epochs");
        if (act->every != 1 || act->every_in_epochs)
            print_every(act);
        if (act->once)
            printf(", in the first round");
        if (act->after > 0)
            printf(", after %g epoch%s", act->after, act->after == 1 ? "" : "s");
        if (act->patience)
            printf(", patience %" PRId64, act->patience);
        putchar('\n');
        if (act->kind == ACT_REPEAT)
            print_acts(manifest, i + 1, i + act->size, depth + 1);
    }
}

static void print_train(const Manifest *manifest)
{
    const TrainInfo *train = manifest->train;
    printf("train %s: %s, batch %" PRId64 "\n", train->name, train->method, train->batch);
    print_acts(manifest, 0, train->act_count, 1);
    for (size_t i = 0; i < train->phase_count; i++) {
        const DatasetInfo *dataset = &manifest->datasets[train->phases[i].dataset];
        const PhaseInfo *phase = &train->phases[i];
        printf("  %s: on %s", phase->name, dataset->name);
        if (phase->member != NONE)
            printf("[%" PRId64 "]", phase->member);
        else if (phase->member_condition != NONE)
            printf("[%s]", manifest->conditions[phase->member_condition].name);
        printf(".%s\n", dataset->splits[phase->split].name);
    }
    for (size_t i = 0; i < train->metric_count; i++)
        printf("  metric %s%s\n", train->metrics[i].name, (int64_t)i == train->select ? "  (selects the best checkpoint)" : "");
}

enum { SHOWN = 12 }; /* names of a list */

static void print_categories(const SchemaColumn *column)
{
    printf(" %u categories: ", column->category_count);
    for (uint32_t i = 0; i < column->category_count && i < SHOWN; i++)
        printf("%s%s", i ? ", " : "", *column->categories[i] ? column->categories[i] : "(missing)");
    fputs(column->category_count > SHOWN ? ", ..." : "", stdout);
}

/* What the classes of a field are called. */
static void print_classes(const Manifest *manifest, size_t field)
{
    const FieldInfo *info = &manifest->fields[field];
    char number[CLASS_TEXT_SIZE];
    if (info->index || !info->classes)
        return;
    printf(", %" PRId64 " classes: ", info->classes);
    for (int64_t k = 0; k < info->classes && k < SHOWN; k++)
        printf("%s%s", k ? ", " : "", manifest_class(manifest, field, k, number));
    fputs(info->classes > SHOWN ? ", ..." : "", stdout);
}

/* One line per file; of a family, per file of the first member, with that of the last one. */
static void print_files(const DatasetInfo *dataset, const char *const *files, size_t count, const char *word)
{
    size_t per_member = count / own_members(dataset);
    for (size_t i = 0; i < per_member; i++) {
        bool several = count > per_member;
        printf("  %s %s%s%s\n", word, files[i], several ? " to " : "", several ? files[count - per_member + i] : "");
    }
}

/* "csv", "csv, 4 members", "10 members of permute(mnist, image)" */
static void print_source(const DatasetInfo *dataset)
{
    const FamilyInfo *family = dataset->family;
    printf("data %s: ", dataset->name);
    if (!family || family->base == NONE)
        printf("%s%s", format_names[dataset->format], family ? ", " : "");
    if (family)
        printf("%" PRId64 " member%s", family->count, family->count == 1 ? "" : "s");
    if (family && family->base != NONE)
        printf(" of %s", family->text);
    putchar('\n');
}

/* The columns of a table that are read. */
static void print_table(const DatasetInfo *dataset)
{
    for (uint32_t i = 0; dataset->schema && i < dataset->schema->column_count; i++) {
        const SchemaColumn *column = &dataset->schema->columns[i];
        printf("  column %s:%s", column->name, column->number ? " numbers" : "");
        if (column->categories)
            print_categories(column);
        puts(column->number || column->categories ? "" : " text");
    }
}

/* The file of the field number `file` of those that files hold; of a family, that of the first and of the last member. */
static void print_field_files(const DatasetInfo *dataset, const char *before, const char *const *files, size_t count, size_t file)
{
    size_t last = count - count / own_members(dataset) + file;
    printf("%s%s", before, files[file]);
    if (last != file)
        printf(" to %s", files[last]);
}

static void print_split(const DatasetInfo *dataset, const SplitInfo *split)
{
    int64_t rows = split->from_test ? dataset->test_rows : dataset->rows;
    printf("  split %s: ", split->name);
    if (split->count)
        printf("%" PRId64 " example%s%s", split->count, split->count == 1 ? "" : "s",
               split->from_test ? " of the test files" : "");
    else if (split->own_files)
        printf("all of its own files");
    else if (split->fraction == 1)
        printf("all of the ");
    else
        printf("%g of the ", split->fraction);
    if (!split->count && rows && !split->own_files)
        printf("%" PRId64 " examples", rows);
    else if (!split->count && !split->own_files)
        printf("%sfiles", split->from_test ? "test " : "");
    if (split->streams)
        printf(", in %" PRId64 " stream%s", split->streams, split->streams == 1 ? "" : "s");
    putchar('\n');
}

static void print_data(const Manifest *manifest)
{
    for (size_t i = 0; i < manifest->dataset_count; i++) {
        const DatasetInfo *dataset = &manifest->datasets[i];
        bool per_field = dataset->file_count && format_traits[dataset->format].files == FILES_FIELDS;
        print_source(dataset);
        for (size_t j = 0, file = 0; j < dataset->field_count; j++) {
            const FieldInfo *field = &manifest->fields[dataset->fields[j]];
            bool held = per_field && !field->index;
            char type[TENSOR_TEXT_SIZE];
            printf("  %s: %s", field->tensor.name, field->index ? "the number of the row" : tensor_text(&field->tensor, type));
            print_classes(manifest, dataset->fields[j]);
            if (held)
                print_field_files(dataset, " from ", dataset->files, dataset->file_count, file);
            if (held && dataset->test_file_count)
                print_field_files(dataset, ", test ", dataset->test_files, dataset->test_file_count, file);
            file += held;
            putchar('\n');
        }
        if (!per_field && own_members(dataset)) {
            FilesKind kind = format_traits[dataset->format].files;
            const char *held_out = kind == FILES_FOLDERS ? "test folder" : kind == FILES_TEXTS ? "file of a split" : "test file";
            print_files(dataset, dataset->files, dataset->file_count, kind == FILES_FOLDERS ? "folder" : "file");
            print_files(dataset, dataset->test_files, dataset->test_file_count, held_out);
        }
        print_table(dataset);
        if (dataset->shuffled)
            puts("  shuffled by the seed, then split");
        if (own_members(dataset) == 0)
            printf("  splits as %s\n", manifest->datasets[dataset->family->base].name);
        for (size_t j = 0; own_members(dataset) && j < dataset->split_count; j++)
            print_split(dataset, &dataset->splits[j]);
    }
}

static void print_export(const ExportInfo *export)
{
    printf("export %s(", export->name);
    for (size_t i = 0; i < export->argument_count; i++)
        printf("%s%s", i ? ", " : "", export->arguments[i].tensor.name);
    printf(")\n");
}

int command_info(const Manifest *manifest, const Options *options)
{
    (void)options;
    /* the processor's name, without the features behind it */
    printf("model %s: %s, for %.*s%s\n", manifest->model, manifest->real == DTYPE_F64 ? "f64" : "f32",
           (int)strcspn(manifest->cpu, ", "), manifest->cpu, hn_functions_v4 ? " and x86-64-v4" : "");
    printf("large products: %s%s\n", blas_names[manifest->blas],
           manifest->blas == BLAS_OPENBLAS && !blas_core() ? ", but there are none" : "");
    if (manifest->train)
        print_train(manifest);
    for (size_t i = 0; i < manifest->hyper_count; i++) {
        const HyperInfo *hyper = &manifest->hypers[i];
        printf("hyper %s: %s", hyper->name, hyper_kind_names[hyper->kind]);
        if (hyper->low != hyper->high) /* else it has no bounds */
            printf("(%g, %g)", hyper->low, hyper->high);
        printf(" = %g%s\n", hyper->init, hyper->shared ? " shared" : "");
    }
    for (size_t i = 0; i < manifest->constant_count; i++)
        printf("const %s = %.15g%s\n", manifest->constants[i].name, manifest->constants[i].number,
               manifest->train && manifest->constants[i].state != NONE ? ", which train --set changes" : "");
    print_data(manifest);
    for (size_t i = 0; i < manifest->export_count; i++)
        print_export(&manifest->exports[i]);
    for (size_t i = 0; i < manifest->state_count; i++) {
        char type[TENSOR_TEXT_SIZE];
        if (!manifest->train && manifest->states[i].role == STATE_SCRATCH) /* left of the train */
            continue;
        printf("state %s: %s %s\n", manifest->states[i].tensor.name, tensor_text(&manifest->states[i].tensor, type),
               state_role_names[manifest->states[i].role]);
    }
    printf("weights: %" PRId64 ", hyperparameters: %" PRId64 ", scales: %" PRId64 "\n", manifest_elements(manifest, STATE_WEIGHT),
           manifest_elements(manifest, STATE_HYPER), manifest_elements(manifest, STATE_SCALE));
    printf("memory: %zu bytes of states, %zu bytes for intermediate values, and the data\n", manifest->state_bytes,
           manifest->scratch_bytes);
    return EXIT_SUCCESS;
}
