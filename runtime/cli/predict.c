/* `OUT predict` prints, as CSV, one line per row of the data: where it stands (the line of a table, the number of an example of
 * files of another format) and the elements of what the export gives. An argument of the export is the field of a data set that
 * has its name and type, or a condition. An export of conditions alone is evaluated once, without a file. Of a table only the
 * columns of these fields need be there; they are encoded as the weights' file says. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/commands.h"
#include "runtime/cli/conditions.h"
#include "runtime/core/parallel.h"
#include "runtime/core/report.h"
#include "runtime/data/safetensors.h"
#include "runtime/run/examples.h"
#include "runtime/run/folder.h"
#include "runtime/run/sweep.h"

static const ExportInfo *find_export(const Manifest *manifest, const char *name)
{
    const ExportInfo *found = NULL;
    NameList names = {""};
    for (size_t i = 0; i < manifest->export_count; i++) {
        const ExportInfo *export = &manifest->exports[i];
        name_list_add(&names, export->name);
        if (name ? !strcmp(name, export->name) : manifest->export_count == 1)
            found = export;
    }
    if (manifest->export_count == 0)
        report_error(
            "this model exports nothing, so predict has nothing to evaluate: add a line such as 'export predict(x) = f(x)' to "
            "the model, f being its net and x a field of its data, and build it again");
    else if (!found && name)
        report_error("'%s' is no export of this model, which has %s", name, names.text);
    else if (!found)
        report_error("say with --export NAME which of %s", names.text);
    return found;
}

/* ---- results ---- */

/* The names of the result's elements, or of what it is one of: those of the classes of a field; -1: it has none. */
typedef struct Named {
    const Manifest *manifest;
    int field;
} Named;

/* A field of the output, in quotes if it needs them. */
static void print_text(const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n") || *text == ' ' || !*text;
    putchar(',');
    if (quoted)
        putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    if (quoted)
        putchar('"');
}

/* Elements that belong to the classes of a field are named as they are. */
static void print_header(const Examples *examples, const Named *named, const Exported *exported)
{
    const TensorInfo type = exported_type(exported), *output = &type;
    char number[CLASS_TEXT_SIZE], *name;
    printf(examples->lines ? "line" : "row");
    for (int64_t i = 0; i < output->elements; i++)
        if (output->rank == 0) {
            printf(",%s", output->name);
        } else if (named->field >= 0) {
            const char *class = manifest_class(named->manifest, (size_t)named->field, i, number);
            if (asprintf(&name, "%s[%s]", output->name, class) >= 0) {
                print_text(name);
                free(name);
            }
        } else
            printf(",%s[%" PRId64 "]", output->name, i);
    putchar('\n');
}

/* Prints row number `row` of the examples, which is at `place` in the batch. Returns whether all numbers are finite. */
static bool print_row(const Examples *examples, const Named *named, const Exported *exported, int64_t row, int64_t place)
{
    const TensorInfo output = exported_type(exported);
    bool finite = true, label = named->field >= 0 && output.rank == 0;
    char number[CLASS_TEXT_SIZE];
    printf("%" PRId64, examples_place(examples, row));
    if (label)
        print_text(
            manifest_class(named->manifest, (size_t)named->field, (int64_t)exported_result(exported, place, 0), number));
    for (int64_t i = 0; !label && i < output.elements; i++) {
        double value = exported_result(exported, place, i);
        finite &= (bool)isfinite(value);
        printf(",%.*g", output.dtype == DTYPE_F64 ? 17 : 9, value);
    }
    putchar('\n');
    return finite;
}

static bool refuse_rows(const Examples *examples, int64_t first, int64_t last)
{
    if (first == last)
        return report_error("this happened at row %" PRId64 " of the file; nothing after it was predicted",
                            examples_place(examples, first));
    return report_error("this happened in the rows %" PRId64 " to %" PRId64 " of the file; only rows before them were predicted",
                        examples_place(examples, first), examples_place(examples, last));
}

static bool predict_rows(const Examples *examples, const Named *named, Exported *exported)
{
    int64_t wrong = 0;
    print_header(examples, named, exported);
    for (int64_t first = 0, end; first < examples->count; first = end) {
        end = first + exported->rows < examples->count ? first + exported->rows : examples->count;
        for (int64_t row = first; row < end; row++)
            examples_give(examples, exported, row, row - first);
        exported_compute(exported, first);
        if (program_failed())
            return refuse_rows(examples, first, end - 1);
        for (int64_t row = first; row < end; row++)
            wrong += !print_row(examples, named, exported, row, row - first);
    }
    if (wrong)
        report_warning("%" PRId64 " of %" PRId64 " rows have results that are not finite", wrong, examples->count);
    return true;
}

int command_predict(const Manifest *manifest, const Options *options)
{
    const ExportInfo *export = find_export(manifest, options->export);
    bool once = export && options->file_count == 0 && !examples_needed(export);
    const DatasetInfo *dataset = export && !once ? examples_dataset(manifest, export) : NULL;
    if (!dataset && !once)
        return EXIT_FAILURE;
    char *found = options->weights || safetensors_inside() ? NULL : folder_newest_weights(manifest, "predict");
    const char *weights = options->weights ? options->weights : safetensors_inside() ? safetensors_inside() : found;
    if (!weights)
        return EXIT_FAILURE;
    parallel_set_threads(options->run.threads ? options->run.threads : 1);
    Program program = {0};
    Exported exported = {0};
    Examples examples = {.count = once};
    const Named named = {manifest, export->labels};
    bool fine = program_open(&program, manifest) && exported_open(&exported, &program, export) &&
                sweep_load_weights(weights, &program) && give_conditions(&program, &exported, weights, options) &&
                (once || examples_load(&examples, &program, dataset, &exported, weights, options->files,
                                       options->file_count));
    if (fine)
        exported_generate(&exported);
    fine = fine && !program_failed() && predict_rows(&examples, &named, &exported);
    examples_free(&examples);
    exported_close(&exported);
    program_close(&program);
    free(found);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
