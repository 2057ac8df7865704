/* Loops: a kernel that calls the code of its body once per step, on the places of this step. Carries alternate between two
 * places, so that no step writes what it reads; the last step writes the result. */
#include "backend/emit.h"

typedef struct Steps {
    Emitter *e;
    const ScanKernel *scan;
    LLVMValueRef lists[2];      /* of the places of inputs and outputs, as a frame has them */
    LLVMValueRef number, entry; /* of the step: how many came before it; which entry it works on */
} Steps;

static LLVMValueRef listed(Steps *s, unsigned list, uint32_t position)
{
    LLVMValueRef index = const_i64(s->e, position);
    return LLVMBuildInBoundsGEP2(s->e->builder, s->e->pointer, s->lists[list], &index, 1, "");
}

static Type input_type(const ScanKernel *scan, uint32_t i)
{
    const Function *body = scan->body->function;
    return OP_AT(body, body->inputs.data[i])->type;
}

static Type output_type(const ScanKernel *scan, uint32_t i)
{
    const Function *body = scan->body->function;
    return OP_AT(body, body->outputs.data[i].value)->type;
}

static LLVMValueRef operand_place(Steps *s, uint32_t i)
{
    const View *view = &s->scan->operands[i];
    return advance_const(s->e, input_type(s->scan, i).dtype, s->e->bases[view->buffer], view->offset);
}

static LLVMValueRef entry_place(Steps *s, LLVMValueRef all, Type type)
{
    return advance_by(s->e, type.dtype, all, s->entry, type_elements(type));
}

/* Where carry i is written by the step before which `number` steps came: the last one writes the result. */
static LLVMValueRef carry_place(Steps *s, uint32_t i, LLVMValueRef number)
{
    Emitter *e = s->e;
    LLVMValueRef rest = LLVMBuildSub(e->builder, const_i64(e, s->scan->steps - 1), number, "");
    LLVMValueRef odd = LLVMBuildTrunc(e->builder, rest, e->i1, "");
    return LLVMBuildSelect(e->builder, odd, e->bases[s->scan->others[i]], e->bases[s->scan->results[i]], "");
}

static void set_inputs(Steps *s)
{
    Emitter *e = s->e;
    const ScanKernel *scan = s->scan;
    LLVMValueRef first = LLVMBuildICmp(e->builder, LLVMIntEQ, s->number, const_i64(e, 0), "");
    LLVMValueRef before = LLVMBuildSub(e->builder, s->number, const_i64(e, 1), "");
    for (uint32_t i = 0; i < scan->carries; i++) {
        LLVMValueRef initial = operand_place(s, i), place = LLVMBuildSelect(e->builder, first, initial, carry_place(s, i, before), "");
        LLVMBuildStore(e->builder, place, listed(s, 0, i));
    }
    for (uint32_t i = scan->carries; i < scan->carries + scan->scanned; i++) {
        LLVMValueRef place = entry_place(s, operand_place(s, i), input_type(scan, i));
        LLVMBuildStore(e->builder, place, listed(s, 0, i));
    }
}

static void set_outputs(Steps *s)
{
    const ScanKernel *scan = s->scan;
    for (uint32_t i = 0; i < scan->body->function->outputs.len; i++) {
        LLVMValueRef place = i < scan->carries ? carry_place(s, i, s->number)
                                               : entry_place(s, s->e->bases[scan->results[i]], output_type(scan, i));
        LLVMBuildStore(s->e->builder, place, listed(s, 1, i));
    }
}

/* A frame of the body: it has no states and no rows. */
static LLVMValueRef make_frame(Steps *s)
{
    Emitter *e = s->e;
    LLVMValueRef frame = make_variable(e, e->frame), none = LLVMConstPointerNull(e->pointer);
    const LLVMValueRef fields[FRAME_FIELDS] = {none, e->bases[s->scan->scratch], none, s->lists[0], s->lists[1]};
    for (unsigned i = 0; i < FRAME_FIELDS; i++)
        LLVMBuildStore(e->builder, fields[i], LLVMBuildStructGEP2(e->builder, e->frame, frame, i, ""));
    return frame;
}

KernelSplit emit_scan(Emitter *e, const Kernel *kernel)
{
    LLVMValueRef body = e->scan_body;
    Steps s = {.e = e, .scan = kernel->scan};
    uint32_t inputs = s.scan->body->function->inputs.len, outputs = s.scan->body->function->outputs.len;
    s.lists[0] = make_variable(e, LLVMArrayType2(e->pointer, inputs + 1));
    s.lists[1] = make_variable(e, LLVMArrayType2(e->pointer, outputs + 1));
    LLVMValueRef frame = make_frame(&s);
    for (uint32_t i = s.scan->carries + s.scan->scanned; i < inputs; i++) {
        LLVMValueRef place = operand_place(&s, i);
        LLVMBuildStore(e->builder, place, listed(&s, 0, i));
    }
    Counter step = loop_begin(e, const_i64(e, 0), const_i64(e, s.scan->steps), 1);
    s.number = step.index;
    s.entry = s.scan->reversed ? LLVMBuildSub(e->builder, const_i64(e, s.scan->steps - 1), step.index, "") : step.index;
    set_inputs(&s);
    set_outputs(&s);
    LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(body), body, &frame, 1, "");
    loop_end(e, &step);
    return (KernelSplit){0};
}
