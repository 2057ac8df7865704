/* Schedules as text, for `hnc explain`. */
#include <inttypes.h>
#include <string.h>

#include "pareto/externs.h"
#include "passes/schedule.h"

static void print_bytes(Text *out, int64_t bytes)
{
    if (bytes < 10000)
        text_printf(out, "%" PRId64 " B", bytes);
    else if (bytes < 10000000)
        text_printf(out, "%.1f kB", (double)bytes / 1e3);
    else
        text_printf(out, "%.1f MB", (double)bytes / 1e6);
}

/* "state classifier.w", "scratch %12 add", "output loss" */
static void print_buffer(const Plan *plan, const Schedule *schedule, uint32_t index, Text *out)
{
    const Buffer *buffer = &schedule->buffers.data[index];
    const Function *function = schedule->function;
    switch (buffer->kind) {
    case BUFFER_STATE:
        text_printf(out, "%s", plan->module->states.data[buffer->symbol].name);
        break;
    case BUFFER_INPUT:
        text_printf(out, "input %s", function->input_names.data[buffer->symbol]);
        break;
    case BUFFER_OUTPUT:
        text_printf(out, "output %s", function->outputs.data[buffer->symbol].name);
        break;
    case BUFFER_ROWS:
        text_printf(out, "rows %s", plan->module->fields.data[buffer->symbol].name);
        break;
    case BUFFER_SCRATCH:
        if (buffer->value == NO_VALUE)
            text_printf(out, "partials");
        else
            text_printf(out, "%%%u %s", buffer->value, op_info[OP_AT(function, buffer->value)->code].name);
        break;
    }
}

static void print_list(const Plan *plan, const Schedule *schedule, const uint32_t *list, uint32_t n, Text *out)
{
    for (uint32_t i = 0; i < n; i++) {
        text_printf(out, i ? ", " : " ");
        print_buffer(plan, schedule, list[i], out);
    }
}

/* Rows x columns x steps of k; the axes that make one of them, in brackets. */
static void print_extents(const Product *p, Text *out)
{
    const AxisList *lists[] = {&p->rows, &p->columns, &p->inner};
    const int64_t innermost[] = {p->m, p->n, p->k};
    for (unsigned kind = 0; kind < COUNT_OF(lists); kind++) {
        text_printf(out, "%s%s", kind ? " x " : "", lists[kind]->n ? "(" : "");
        for (unsigned axis = 0; axis < lists[kind]->n; axis++)
            text_printf(out, "%" PRId64 " ", lists[kind]->extent[axis]);
        text_printf(out, "%" PRId64 "%s", innermost[kind], lists[kind]->n ? ")" : "");
    }
}

static void print_loop(const Kernel *kernel, Text *out)
{
    for (unsigned axis = 0; axis < kernel->loop.rank; axis++) {
        text_printf(out, "%s%" PRId64 "%s", axis ? " x " : "", kernel->loop.dims[axis], kernel->loop.reduced[axis] ? " reduced" : "");
        if (axis == 0 && kernel->loop.chunk)
            text_printf(out, " by %" PRId64, kernel->loop.chunk);
    }
    text_printf(out, kernel->loop.rank ? ", " : "");
    text_printf(out, "%u nodes", kernel->loop.nodes.len);
}

static void print_product(const Kernel *kernel, Text *out)
{
    for (unsigned i = 0; i < kernel->product.batch_rank; i++)
        text_printf(out, "%" PRId64 " of ", kernel->product.batch[i]);
    print_extents(&kernel->product, out);
}

static void print_random(const Kernel *kernel, Text *out)
{
    text_printf(out, "%s", type_text(kernel->special.out_type));
}

static void print_argmax(const Kernel *kernel, Text *out)
{
    text_printf(out, "%s", type_text(kernel->special.in_type[0]));
}

static void print_sort(const Kernel *kernel, Text *out)
{
    text_printf(out, "%s axis %" PRId64, type_text(kernel->special.in_type[0]), kernel->special.axis);
}

static void print_scatter(const Kernel *kernel, Text *out)
{
    text_printf(out, "%s", type_text(kernel->special.out_type));
}

static void print_extern(const Kernel *kernel, Text *out)
{
    text_printf(out, "%s", extern_info[kernel->special.symbol].name);
}

static void print_scan(const Kernel *kernel, Text *out)
{
    text_printf(out, "%" PRId64 " steps%s of %u kernels", kernel->scan->steps, kernel->scan->reversed ? " backwards" : "",
                kernel->scan->body->kernels.len);
}

typedef void PrintKernel(const Kernel *kernel, Text *out);
static PrintKernel *const printers[KERNEL_COUNT] = {
#define KERNEL(KIND, word, ...) print_##word,
#include "passes/kernels.def"
#undef KERNEL
};

static void print_kernels(const Plan *plan, const Schedule *schedule, unsigned indent, Text *out);

static void print_kernel(const Plan *plan, const Schedule *schedule, uint32_t k, unsigned indent, Text *out)
{
    const Kernel *kernel = &schedule->kernels.data[k];
    text_printf(out, "%*s%3u  ", indent, "", k);
    text_printf(out, "%-6s ", kernel_info[kernel->kind].word);
    printers[kernel->kind](kernel, out);
    text_printf(out, ", %.3g Mflop, ", (double)kernel->flops / 1e6);
    print_bytes(out, kernel->bytes);
    if (kernel->line)
        text_printf(out, ", line %u", kernel->line);
    text_printf(out, "\n%*sreads", indent + 7, "");
    print_list(plan, schedule, kernel->reads.data, kernel->reads.len, out);
    text_printf(out, "\n%*swrites", indent + 7, "");
    print_list(plan, schedule, kernel->writes.data, kernel->writes.len, out);
    text_printf(out, "\n");
    if (kernel->scan)
        print_kernels(plan, kernel->scan->body, indent + 9, out);
}

/* Those of a scan's body stand under it, further in. */
static void print_kernels(const Plan *plan, const Schedule *schedule, unsigned indent, Text *out)
{
    for (uint32_t k = 0; k < schedule->kernels.len; k++)
        print_kernel(plan, schedule, k, indent, out);
}

void schedule_print(const Plan *plan, const Schedule *schedule, Text *out)
{
    text_printf(out, "%s: %u kernels, %.3g Mflop, moves ", schedule->function->name, schedule->kernels.len,
                (double)schedule->flops / 1e6);
    print_bytes(out, schedule->bytes);
    text_printf(out, ", scratch ");
    print_bytes(out, schedule->scratch_bytes);
    text_printf(out, "\n");
    print_kernels(plan, schedule, 2, out);
    for (uint32_t i = 0; i < schedule->buffers.len; i++) {
        const Buffer *buffer = &schedule->buffers.data[i];
        if (buffer->kind != BUFFER_SCRATCH || buffer->first == UINT32_MAX)
            continue;
        text_printf(out, "  scratch %10" PRId64 "  ", buffer->offset);
        print_bytes(out, buffer->elements * (int64_t)dtype_size(buffer->dtype));
        text_printf(out, ", kernels %u to %u: ", buffer->first, buffer->last);
        print_buffer(plan, schedule, i, out);
        text_printf(out, "\n");
    }
}

void plan_print(const Plan *plan, Text *out)
{
    text_printf(out, "state ");
    print_bytes(out, plan->state_bytes);
    text_printf(out, ", scratch ");
    print_bytes(out, plan->scratch_bytes);
    text_printf(out, "\n");
    for (uint32_t i = 0; i < plan->schedules.len; i++)
        schedule_print(plan, &plan->schedules.data[i], out);
}
