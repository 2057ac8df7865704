/* The functions of a program, ready to be called. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/cpu.h"
#include "runtime/core/program.h"
#include "runtime/core/report.h"

static bool is_known(const char *name, const char *const *known)
{
    while (*known && strcmp(*known, name))
        known++;
    return *known != NULL;
}

/* One zeroed buffer per tensor. */
static void **allocate_buffers(const TensorInfo *tensors, size_t count)
{
    void **buffers = calloc(count + 1, sizeof *buffers);
    if (!buffers) {
        report_error("out of memory");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        buffers[i] = aligned_memory(tensors[i].bytes, tensors[i].name);
        if (!buffers[i])
            break;
        memset(buffers[i], 0, tensors[i].bytes);
    }
    return buffers;
}

static bool buffers_are_complete(void *const *buffers, size_t count)
{
    return buffers && (count == 0 || buffers[count - 1]);
}

static void free_buffers(void **buffers, size_t count)
{
    for (size_t i = 0; buffers && i < count; i++)
        free(buffers[i]);
    free(buffers);
}

bool call_open(Call *call, const Program *program, int function, const void *const *rows, const char *const *known)
{
    *call = (Call){0};
    if (function == NONE)
        return true;
    const FunctionInfo *info = &program->manifest->functions[function];
    for (size_t i = 0; i < info->input_count; i++)
        if (!is_known(info->inputs[i].name, known))
            return report_internal("the function %s has an input '%s' that the runtime does not know", info->name,
                                   info->inputs[i].name);
    call->info = info;
    call->states = program->manifest->states;
    call->function = cpu_functions()[function];
    call->inputs = allocate_buffers(info->inputs, info->input_count);
    call->outputs = allocate_buffers(info->outputs, info->output_count);
    call->frame = (hn_frame){.state = program->state,
                             .scratch = program->scratch,
                             .rows = rows,
                             .inputs = (const void *const *)call->inputs,
                             .outputs = call->outputs};
    if (buffers_are_complete(call->inputs, info->input_count) && buffers_are_complete(call->outputs, info->output_count))
        return true;
    call_close(call);
    return false;
}

void call_close(Call *call)
{
    if (call->info) {
        free_buffers(call->inputs, call->info->input_count);
        free_buffers(call->outputs, call->info->output_count);
    }
    *call = (Call){0};
}

static bool failed;

/* Reports the indices that the function had to clamp. */
static void check_bounds(const Call *call)
{
    for (size_t i = 0; i < call->info->bound_count && !failed; i++) {
        const BoundInfo *bound = &call->info->bounds[i];
        int32_t found[2];
        memcpy(found, call->frame.state + call->states[bound->state].offset + i * sizeof found, sizeof found);
        failed = found[0] &&
                 !report_error("line %" PRId64 " of the model: an index is %" PRId32 ", but the table has the rows 0 to %" PRId64,
                               bound->line, found[1], bound->rows - 1);
    }
}

void call_run(Call *call)
{
    call->function(&call->frame);
    check_bounds(call);
}

bool program_failed(void)
{
    return failed;
}

const TensorInfo *call_input_type(const Call *call, const char *name)
{
    return call->info ? function_input(call->info, name) : NULL;
}

void *call_input(const Call *call, const char *name)
{
    const TensorInfo *input = call_input_type(call, name);
    return input ? call->inputs[input - call->info->inputs] : NULL;
}

void call_set(const Call *call, const char *name, double value)
{
    call_set_element(call, name, 0, value);
}

void call_set_element(const Call *call, const char *name, int64_t place, double value)
{
    const TensorInfo *type = call_input_type(call, name);
    if (!type || place >= type->elements)
        return;
    void *input = call_input(call, name);
    switch (type->dtype) {
    case DTYPE_F32:
        ((float *)input)[place] = (float)value;
        break;
    case DTYPE_F64:
        ((double *)input)[place] = value;
        break;
    case DTYPE_I32:
        ((int32_t *)input)[place] = (int32_t)value;
        break;
    default:
        ((unsigned char *)input)[place] = value != 0;
    }
}

double call_result(const Call *call, size_t output, int64_t index)
{
    const void *values = call->outputs[output];
    switch (call->info->outputs[output].dtype) {
    case DTYPE_F32:
        return (double)((const float *)values)[index];
    case DTYPE_F64:
        return ((const double *)values)[index];
    case DTYPE_I32:
        return ((const int32_t *)values)[index];
    default:
        return ((const unsigned char *)values)[index];
    }
}
