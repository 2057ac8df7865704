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
#include "runtime/run/checkpoint.h"
#include "runtime/run/examples.h"
#include "runtime/run/folder.h"

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
static void print_header(const Examples *examples, const Named *named, const TensorInfo *output)
{
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

/* Returns whether all numbers are finite. */
static bool print_row(const Examples *examples, const Named *named, const Call *call, int64_t row)
{
    const TensorInfo *output = &call->info->outputs[0];
    bool finite = true, label = named->field >= 0 && output->rank == 0;
    char number[CLASS_TEXT_SIZE];
    printf("%" PRId64, examples_place(examples, row));
    if (label)
        print_text(manifest_class(named->manifest, (size_t)named->field, (int64_t)call_result(call, 0, 0), number));
    for (int64_t i = 0; !label && i < output->elements; i++) {
        double value = call_result(call, 0, i);
        finite &= (bool)isfinite(value);
        printf(",%.*g", output->dtype == DTYPE_F64 ? 17 : 9, value);
    }
    putchar('\n');
    return finite;
}

static bool predict_rows(const Examples *examples, const Named *named, Call *call)
{
    int64_t wrong = 0;
    print_header(examples, named, &call->info->outputs[0]);
    for (int64_t row = 0; row < examples->count; row++) {
        examples_give(examples, call, row);
        call_run(call);
        if (program_failed())
            return report_error("this happened at row %" PRId64 " of the file; nothing after it was predicted",
                                examples_place(examples, row));
        wrong += !print_row(examples, named, call, row);
    }
    if (wrong)
        report_warning("%" PRId64 " of %" PRId64 " rows have results that are not finite", wrong, examples->count);
    return true;
}

static bool open_call(Call *call, const Program *program, const ExportInfo *export)
{
    const FunctionInfo *function = &program->manifest->functions[export->function];
    const char **names = calloc(function->input_count + 1, sizeof *names);
    if (!names)
        return report_error("out of memory");
    for (size_t i = 0; i < function->input_count; i++)
        names[i] = function->inputs[i].name;
    bool fine = call_open(call, program, export->function, NULL, names);
    free(names);
    if (fine && function->output_count != 1)
        return report_internal("the function %s does not have one output", function->name);
    return fine;
}

int command_predict(const Manifest *manifest, const Options *options)
{
    const ExportInfo *export = find_export(manifest, options->export);
    bool once = export && options->file_count == 0 && !examples_needed(manifest, export);
    const DatasetInfo *dataset = export && !once ? examples_dataset(manifest, export) : NULL;
    if (!dataset && !once)
        return EXIT_FAILURE;
    char *weights = options->weights ? strdup(options->weights) : folder_newest_weights(manifest, "predict");
    if (!weights)
        return EXIT_FAILURE;
    parallel_set_threads(options->run.threads ? options->run.threads : 1);
    Program program = {0};
    Call call = {0};
    Examples examples = {.count = once};
    const Named named = {manifest, export->labels};
    bool fine = program_open(&program, manifest) && open_call(&call, &program, export) &&
                checkpoint_load_weights(weights, &program) && give_conditions(&program, &call, export->name, weights, options) &&
                (once || examples_load(&examples, &program, dataset, call.info, options->files, options->file_count));
    fine = fine && predict_rows(&examples, &named, &call);
    examples_free(&examples);
    call_close(&call);
    program_close(&program);
    free(weights);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
