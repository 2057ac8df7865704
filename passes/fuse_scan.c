/* Loops as kernels: the body has a schedule of its own, which the kernel runs once per step on other places. */
#include "ir/scan.h"
#include "passes/fuse.h"

/* The place that holds result `place` of the scan, if another op takes it, too; NO_VALUE: none does. */
static Value taken_before(const Fuser *f, Value scan, int64_t place)
{
    for (Value v = scan + 1; v < f->function->ops.len; v++) {
        const Op *op = op_of(f, v);
        if (op->code == OP_RESULT && op->args[0] == scan && op->place.v[0] == place && f->info[v].in_memory)
            return v;
    }
    return NO_VALUE;
}

/* Where result `place` of the scan is; a new buffer is labelled with the value. */
static uint32_t result_buffer(Fuser *f, Value scan, uint32_t place, Value labelled)
{
    Value taken = taken_before(f, scan, place);
    if (taken != NO_VALUE)
        return f->info[taken].view.buffer;
    Type type = scan_result_type(op_of(f, scan), place);
    return new_buffer(f, BUFFER_SCRATCH, 0, type.dtype, type_elements(type), labelled);
}

void store_result(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    set_view(f, v, view_contiguous(result_buffer(f, op->args[0], (uint32_t)op->place.v[0], v), op->type));
}

static Schedule *plan_body(const Fuser *f, const Op *scan)
{
    Schedule *body = support_malloc(sizeof *body);
    f->plan->schedule(f->plan, scan->body, body);
    return body;
}

void place_scan(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    uint32_t index = new_group(f, KERNEL_SCAN, v), carries = scan_carries(op);
    ScanKernel *scan = support_malloc(sizeof *scan);
    *scan = (ScanKernel){.steps = scan_steps(op),
                         .carries = carries,
                         .scanned = scan_scanned(op),
                         .reversed = op->flags & OP_REVERSED,
                         .body = plan_body(f, op),
                         .operands = support_malloc((op->nargs + 1) * sizeof(View)),
                         .results = support_malloc((scan_results(op) + carries + 1) * sizeof(uint32_t))};
    scan->others = scan->results + scan_results(op);
    for (uint32_t i = 0; i < op->nargs; i++)
        scan->operands[i] = need_row_major(f, op->args[i], index);
    for (uint32_t i = 0; i < scan_results(op); i++)
        scan->results[i] = result_buffer(f, v, i, v);
    for (uint32_t i = 0; i < carries; i++) {
        Type type = scan_result_type(op, i);
        scan->others[i] = new_buffer(f, BUFFER_SCRATCH, 0, type.dtype, type_elements(type), v);
    }
    int64_t bytes = scan->body->scratch_bytes;
    scan->scratch = new_buffer(f, BUFFER_SCRATCH, 0, DTYPE_U8, bytes ? bytes : 1, v); /* no buffer is empty */
    Kernel *kernel = &f->groups.data[index].kernel;
    kernel->kind = KERNEL_SCAN;
    kernel->scan = scan;
    for (uint32_t i = 0; i < scan_results(op) + carries; i++)
        vec_add_once(&kernel->writes, scan->results[i]);
    vec_add_once(&kernel->writes, scan->scratch);
    kernel->flops = scan->steps * scan->body->flops;
    kernel->bytes = scan->steps * scan->body->bytes;
    f->info[v].group = index;
}

void place_result(Fuser *f, Value v)
{
    vec_add_once(&f->info[v].producers, f->info[op_of(f, v)->args[0]].group);
}
