/* The functions of an interface as LLVM IR: each checks its addresses, puts what a compiled function works on in a frame on its
 * stack, and calls it. */
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Target.h>

#include "backend/aot/aot.h"
#include "backend/aot/columns.h"
#include "backend/aot/metadata.h"
#include "backend/emit.h"
#include "backend/object.h"
#include "backend/tempfile.h"

typedef struct AotEmitter {
    Emitter e;
    const Interface *interface;
    LLVMValueRef *compiled; /* per schedule: hn_fn_<i>(frame) */
    LLVMValueRef numbers;   /* where the trained numbers are, in the function at hand */
    LLVMValueRef constants; /* the object's own; NULL: they are external */
    LLVMTypeRef size;       /* of size_t */
    /* of the function at hand: */
    const AotFunction *function;
    LLVMValueRef values[64]; /* of its parameters */
    LLVMValueRef first;      /* the number of the example at hand among those of the call; NULL: there is one call for all */
} AotEmitter;

static void emit_constants(AotEmitter *a)
{
    unsigned char *numbers = aot_parameters(a->interface->plan);
    LLVMValueRef bytes = LLVMConstStringInContext2(a->e.context, (const char *)numbers,
                                                   (size_t)plan_state_bytes(a->interface->plan), true);
    free(numbers);
    a->constants = LLVMAddGlobal(a->e.module, LLVMTypeOf(bytes), "parameters");
    LLVMSetInitializer(a->constants, bytes);
    LLVMSetGlobalConstant(a->constants, true);
    LLVMSetLinkage(a->constants, LLVMPrivateLinkage);
    LLVMSetAlignment(a->constants, ARENA_ALIGNMENT);
}

/* ---- one function ---- */

static LLVMTypeRef parameter_type(const AotEmitter *a, const Parameter *parameter)
{
    if (parameter->kind == PARAMETER_COUNT)
        return a->size;
    bool number = parameter->kind == PARAMETER_ROW || (parameter->kind == PARAMETER_CONDITION && parameter->type.rank == 0);
    return number ? a->e.i32 : a->e.pointer;
}

static LLVMValueRef value_of(const AotEmitter *a, ParameterKind kind)
{
    for (uint32_t i = 0; i < a->function->parameters.len; i++)
        if (a->function->parameters.data[i].kind == kind)
            return a->values[i];
    return NULL;
}

static void return_status(AotEmitter *a, int status)
{
    LLVMBuildRet(a->e.builder, const_i32(&a->e, status));
}

/* Returns the status unless the condition holds. */
static void require(AotEmitter *a, LLVMValueRef condition, LLVMValueRef status)
{
    LLVMBuilderRef builder = a->e.builder;
    LLVMBasicBlockRef failed = LLVMAppendBasicBlockInContext(a->e.context, a->e.function, "failed"),
                      next = LLVMAppendBasicBlockInContext(a->e.context, a->e.function, "");
    LLVMBuildCondBr(builder, condition, next, failed);
    LLVMPositionBuilderAtEnd(builder, failed);
    LLVMBuildRet(builder, status);
    LLVMPositionBuilderAtEnd(builder, next);
}

/* Addresses are there; blocks of memory are aligned. A workspace of no bytes may be NULL. */
static void check_addresses(AotEmitter *a)
{
    Emitter *e = &a->e;
    LLVMValueRef fine = LLVMConstInt(e->i1, 1, false), zero = const_i64(e, 0);
    for (uint32_t i = 0; i < a->function->parameters.len; i++) {
        ParameterKind kind = a->function->parameters.data[i].kind;
        if (LLVMTypeOf(a->values[i]) != e->pointer || (kind == PARAMETER_WORKSPACE && a->function->workspace == 0))
            continue;
        LLVMValueRef address = LLVMBuildPtrToInt(e->builder, a->values[i], e->i64, "");
        LLVMValueRef good = LLVMBuildICmp(e->builder, LLVMIntNE, address, zero, "");
        fine = LLVMBuildAnd(e->builder, fine, good, "");
        if (kind != PARAMETER_WORKSPACE && kind != PARAMETER_WEIGHTS && kind != PARAMETER_PARAMETERS)
            continue;
        LLVMValueRef rest = LLVMBuildAnd(e->builder, address, const_i64(e, AOT_ALIGNMENT - 1), "");
        fine = LLVMBuildAnd(e->builder, fine, LLVMBuildICmp(e->builder, LLVMIntEQ, rest, zero, ""), "");
    }
    require(a, fine, const_i32(e, AOT_POINTER));
}

/* Memory on the stack; before any branch of the function's code. */
static LLVMValueRef on_stack(AotEmitter *a, LLVMTypeRef type)
{
    return make_variable(&a->e, type);
}

/* A list of addresses on the stack. */
static LLVMValueRef make_list(AotEmitter *a, unsigned count)
{
    return on_stack(a, LLVMArrayType2(a->e.pointer, count ? count : 1));
}

static void set_entry(AotEmitter *a, LLVMValueRef list, unsigned position, LLVMValueRef address)
{
    LLVMValueRef index = const_i64(&a->e, position);
    LLVMBuildStore(a->e.builder, address, LLVMBuildGEP2(a->e.builder, a->e.pointer, list, &index, 1, ""));
}

static LLVMValueRef at_offset(AotEmitter *a, LLVMValueRef base, int64_t offset)
{
    LLVMValueRef bytes = const_i64(&a->e, offset);
    return LLVMBuildGEP2(a->e.builder, a->e.i8, base, &bytes, 1, "");
}

/* Where the kept tensor of that name is; NULL: there is none of that name. */
static LLVMValueRef kept_place(AotEmitter *a, LLVMValueRef weights, const char *name)
{
    const Generator *generator =
        a->function->generator < 0 ? NULL : &a->interface->service->generators.data[a->function->generator];
    for (uint32_t i = 0; generator && i < generator->offsets.len; i++)
        if (strcmp(generator->generate->outputs.data[i].name, name) == 0)
            return at_offset(a, weights, generator->offsets.data[i]);
    return NULL;
}

/* Where the example at hand begins, of what the parameter has for all. */
static LLVMValueRef of_example(AotEmitter *a, const Parameter *parameter, LLVMValueRef address)
{
    bool many = a->first && (parameter->kind == PARAMETER_EXAMPLE || parameter->kind == PARAMETER_RESULT);
    if (!many)
        return address;
    LLVMValueRef bytes = LLVMBuildMul(a->e.builder, a->first, const_i64(&a->e, type_bytes(parameter->type)), "");
    return LLVMBuildGEP2(a->e.builder, a->e.i8, address, &bytes, 1, "");
}

static LLVMValueRef result_place(AotEmitter *a)
{
    for (uint32_t i = 0; i < a->function->parameters.len; i++)
        if (a->function->parameters.data[i].kind == PARAMETER_RESULT)
            return of_example(a, &a->function->parameters.data[i], a->values[i]);
    return NULL;
}

/* The address of what the compiled function calls `name`. */
static LLVMValueRef input_place(AotEmitter *a, LLVMValueRef weights, const char *name)
{
    for (uint32_t i = 0; i < a->function->parameters.len; i++) {
        const Parameter *parameter = &a->function->parameters.data[i];
        bool row = parameter->kind == PARAMETER_ROW && strcmp(name, "row.number") == 0;
        if (!row && (!parameter->argument || strcmp(parameter->argument, name) != 0))
            continue;
        if (LLVMTypeOf(a->values[i]) == a->e.pointer)
            return of_example(a, parameter, a->values[i]);
        LLVMValueRef place = on_stack(a, a->e.i32), value = a->values[i];
        if (row && a->first)
            value = LLVMBuildAdd(a->e.builder, value, LLVMBuildTrunc(a->e.builder, a->first, a->e.i32, ""), "");
        LLVMBuildStore(a->e.builder, value, place);
        return place;
    }
    return kept_place(a, weights, name);
}

/* Calls the compiled function and returns from the function at hand if its status is not fine. */
static void call_compiled(AotEmitter *a, const Function *function, LLVMValueRef weights, LLVMValueRef scratch)
{
    Emitter *e = &a->e;
    LLVMValueRef inputs = make_list(a, function->inputs.len), outputs = make_list(a, function->outputs.len), status = NULL;
    for (uint32_t i = 0; i < function->inputs.len; i++)
        set_entry(a, inputs, i, input_place(a, weights, function->input_names.data[i]));
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        const char *name = function->outputs.data[i].name;
        LLVMValueRef place = strcmp(name, SERVE_STATUS) == 0 ? (status = on_stack(a, e->i32)) : kept_place(a, weights, name);
        set_entry(a, outputs, i, place ? place : result_place(a));
    }
    LLVMValueRef frame = on_stack(a, e->frame), null = LLVMConstNull(e->pointer);
    LLVMValueRef fields[FRAME_FIELDS] = {a->numbers, scratch ? scratch : null, null, inputs, outputs};
    for (unsigned i = 0; i < FRAME_FIELDS; i++)
        LLVMBuildStore(e->builder, fields[i], LLVMBuildStructGEP2(e->builder, e->frame, frame, i, ""));
    LLVMValueRef compiled = a->compiled[schedule_of(a->interface->plan, function)];
    LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(compiled), compiled, &frame, 1, "");
    if (!status)
        return;
    LLVMValueRef code = LLVMBuildLoad2(e->builder, e->i32, status, "");
    require(a, LLVMBuildICmp(e->builder, LLVMIntEQ, code, const_i32(e, SERVE_FINE), ""), code);
}

/* All at once; or blocks of them while there are enough, and then one by one. */
static void compute_examples(AotEmitter *a, const Served *served, LLVMValueRef weights, LLVMValueRef workspace)
{
    Emitter *e = &a->e;
    a->first = NULL;
    if (!served->single) {
        call_compiled(a, served->compute, weights, workspace);
        return;
    }
    LLVMValueRef count = LLVMBuildIntCast2(e->builder, value_of(a, PARAMETER_COUNT), e->i64, false, ""), done = const_i64(e, 0);
    if (served->export->rows) {
        LLVMValueRef size = const_i64(e, served->export->rows);
        done = LLVMBuildMul(e->builder, LLVMBuildUDiv(e->builder, count, size, ""), size, "");
        Counter blocks = loop_begin(e, const_i64(e, 0), done, served->export->rows);
        a->first = blocks.index;
        call_compiled(a, served->compute, weights, workspace);
        loop_end(e, &blocks);
    }
    Counter singles = loop_begin(e, done, count, 1);
    a->first = singles.index;
    call_compiled(a, served->single, weights, workspace);
    loop_end(e, &singles);
    a->first = NULL;
}

static void emit_body(AotEmitter *a)
{
    const Service *service = a->interface->service;
    const AotFunction *function = a->function;
    const Generator *generator = function->generator < 0 ? NULL : &service->generators.data[function->generator];
    LLVMValueRef weights = value_of(a, PARAMETER_WEIGHTS), workspace = value_of(a, PARAMETER_WORKSPACE);
    if (function->kind == AOT_WHOLE && generator) { /* the weights lie in front of the rest */
        weights = workspace;
        workspace = at_offset(a, workspace, generator->bytes);
    }
    if (function->kind != AOT_WITH && generator)
        call_compiled(a, generator->check, weights, workspace);
    if (function->kind != AOT_WITH && generator && generator->generate)
        call_compiled(a, generator->generate, weights, workspace);
    if (function->kind != AOT_GENERATE)
        compute_examples(a, &service->served.data[function->served], weights, workspace);
    return_status(a, SERVE_FINE);
}

static void emit_aot_function(AotEmitter *a, const AotFunction *function)
{
    Emitter *e = &a->e;
    LLVMTypeRef types[COUNT_OF(a->values)];
    uint32_t count = function->parameters.len;
    a->function = function;
    for (uint32_t i = 0; i < count; i++)
        types[i] = parameter_type(a, &function->parameters.data[i]);
    e->function = LLVMAddFunction(e->module, function->name, LLVMFunctionType(e->i32, types, count, false));
    begin_code(e);
    for (uint32_t i = 0; i < count; i++)
        a->values[i] = LLVMGetParam(e->function, i);
    a->numbers = a->constants ? a->constants : value_of(a, PARAMETER_PARAMETERS);
    check_addresses(a);
    emit_body(a);
}

/* ---- the object ---- */

const char *const *aot_symbols(const Interface *interface, Arena *arena, uint32_t *count)
{
    const char **names = ARENA_ARRAY(arena, const char *, 1 + interface->functions.len + interface->service->served.len);
    *count = 0;
    names[(*count)++] = arena_printf(arena, "%s_model", interface->name);
    for (uint32_t i = 0; i < interface->functions.len; i++)
        names[(*count)++] = interface->functions.data[i].name;
    for (uint32_t i = 0; i < interface->service->served.len; i++) {
        RawRow row;
        if (!raw_row_of(interface, i, &row))
            continue;
        names[(*count)++] = row.function;
        raw_row_free(&row);
    }
    return names;
}

static bool parameters_fit(const Interface *interface, char why[static 256])
{
    for (uint32_t i = 0; i < interface->functions.len; i++)
        if (interface->functions.data[i].parameters.len > COUNT_OF(((AotEmitter *)0)->values)) {
            snprintf(why, 256, "%s has %u parameters; there may be %zu", interface->functions.data[i].name,
                     interface->functions.data[i].parameters.len, COUNT_OF(((AotEmitter *)0)->values));
            return false;
        }
    return true;
}

LLVMModuleRef aot_module(LLVMContextRef context, const Interface *interface, const BackendOptions *options, char why[static 256])
{
    AotEmitter a = {.interface = interface};
    const Plan *plan = interface->plan;
    if (!parameters_fit(interface, why) || !emitter_open(&a.e, context, plan, &options->target, options->target.cpu, why))
        return NULL;
    LLVMTargetDataRef layout = LLVMGetModuleDataLayout(a.e.module);
    a.size = LLVMIntPtrTypeInContext(context, layout);
    a.compiled = support_malloc((plan->schedules.len + 1) * sizeof *a.compiled);
    for (uint32_t i = 0; i < plan->schedules.len; i++)
        a.compiled[i] = emit_function(&a.e, i);
    if (!interface->external)
        emit_constants(&a);
    for (uint32_t i = 0; i < interface->functions.len; i++)
        emit_aot_function(&a, &interface->functions.data[i]);
    aot_emit_encoders(&a.e, interface);
    aot_emit_metadata(&a.e, interface);
    support_free(a.compiled);
    return emitter_close(&a.e);
}

bool aot_emit(const Interface *interface, const BackendOptions *options, EmitKind kind, const char *path, char why[static 256])
{
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = aot_module(context, interface, options, why);
    bool done = module && object_emit(module, &options->target, options->opt_level, kind, path, why);
    if (module)
        LLVMDisposeModule(module);
    LLVMContextDispose(context);
    return done;
}
