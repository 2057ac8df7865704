#include "runtime/run/exported.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

/* The names of the arguments, and of what the compiler adds; NULL-terminated, for free(). */
static const char **known_inputs(const ExportInfo *info)
{
    const char **names = calloc(info->argument_count + 2, sizeof *names);
    if (!names) {
        report_error("out of memory");
        return NULL;
    }
    for (size_t i = 0; i < info->argument_count; i++)
        names[i] = info->arguments[i].tensor.name;
    names[info->argument_count] = "row.number";
    return names;
}

bool exported_open(Exported *exported, const Program *program, const ExportInfo *info)
{
    const char **names = known_inputs(info);
    *exported = (Exported){.info = info, .rows = info->rows ? info->rows : 1};
    bool fine = names && call_open(&exported->generate, program, info->generate, NULL, names) &&
                call_open(&exported->compute, program, info->function, NULL, names);
    free(names);
    return fine;
}

void exported_close(Exported *exported)
{
    call_close(&exported->generate);
    call_close(&exported->compute);
}

void *exported_condition(const Exported *exported, size_t condition)
{
    for (size_t i = 0; i < exported->info->argument_count; i++)
        if (exported->info->arguments[i].condition == (int)condition)
            return call_input(&exported->generate, exported->info->arguments[i].tensor.name);
    return NULL;
}

void exported_generate(Exported *exported)
{
    if (exported->generate.info)
        call_run(&exported->generate);
}

void *exported_argument(const Exported *exported, size_t argument, int64_t row)
{
    const TensorInfo *tensor = &exported->info->arguments[argument].tensor;
    return (unsigned char *)call_input(&exported->compute, tensor->name) + (size_t)row * tensor->bytes;
}

void exported_compute(Exported *exported, int64_t first)
{
    call_set(&exported->compute, "row.number", (double)first);
    call_run(&exported->compute);
}

TensorInfo exported_type(const Exported *exported)
{
    TensorInfo type = exported->compute.info->outputs[0];
    if (!exported->info->rows)
        return type;
    type.rank--;
    memmove(type.dims, type.dims + 1, type.rank * sizeof *type.dims);
    type.elements /= exported->rows;
    type.bytes /= (size_t)exported->rows;
    return type;
}

double exported_result(const Exported *exported, int64_t row, int64_t index)
{
    return call_result(&exported->compute, 0, row * (exported->compute.info->outputs[0].elements / exported->rows) + index);
}
