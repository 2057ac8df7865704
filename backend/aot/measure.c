/* How large an object is, and how much stack its functions take. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Object.h>

#include "backend/aot/aot.h"
#include "backend/emit.h"
#include "backend/object.h"

typedef struct Call {
    uint32_t frame;
    uint32_t arguments;
} Call;

/* A function of the module, and what it calls. */
typedef struct Frame {
    const char *name;
    int64_t bytes; /* of its frame; 0 where all of it is in registers or inlined */
    VEC(Call) calls;
    int64_t total; /* with what it calls; -1: not known yet */
} Frame;

typedef struct Frames {
    Arena arena;
    VEC(Frame) all;
} Frames;

/* ---- which function calls which ---- */

static int64_t find_frame(const Frames *frames, const char *name)
{
    for (uint32_t i = 0; i < frames->all.len; i++)
        if (strcmp(frames->all.data[i].name, name) == 0)
            return i;
    return -1;
}

static void add_calls(Frames *frames, Frame *frame, LLVMBasicBlockRef block)
{
    for (LLVMValueRef i = LLVMGetFirstInstruction(block); i; i = LLVMGetNextInstruction(i)) {
        size_t length;
        LLVMValueRef called = LLVMGetInstructionOpcode(i) == LLVMCall ? LLVMGetCalledValue(i) : NULL;
        int64_t number = called ? find_frame(frames, LLVMGetValueName2(called, &length)) : -1;
        if (number >= 0)
            vec_push(&frame->calls, (Call){(uint32_t)number, LLVMGetNumArgOperands(i)});
    }
}

/* Before the module is optimised: then its calls are at least those of the object. LLVM is to report every frame. */
static void collect_frames(LLVMModuleRef module, Frames *frames)
{
    LLVMContextRef context = LLVMGetModuleContext(module);
    LLVMAttributeRef report = LLVMCreateStringAttribute(context, "warn-stack-size", 15, "0", 1);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        size_t length;
        const char *name = LLVMGetValueName2(f, &length);
        if (LLVMIsDeclaration(f))
            continue;
        LLVMAddAttributeAtIndex(f, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, report);
        vec_push(&frames->all, (Frame){.name = arena_text(&frames->arena, name, length), .total = -1});
    }
    for (uint32_t i = 0; i < frames->all.len; i++) {
        LLVMValueRef function = LLVMGetNamedFunction(module, frames->all.data[i].name);
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
            add_calls(frames, &frames->all.data[i], b);
    }
}

/* ---- what LLVM reports ---- */

/* "<unknown>:0:0: stack frame size (392) exceeds limit (0) in function 'name'" */
static void take_report(LLVMDiagnosticInfoRef info, void *context)
{
    Frames *frames = context;
    char *said = LLVMGetDiagInfoDescription(info), *open = strstr(said, "stack frame size ("), *name = strchr(said, '\'');
    if (open && name) {
        name[1 + strcspn(name + 1, "'")] = 0;
        int64_t number = find_frame(frames, name + 1);
        int64_t bytes = strtoll(strchr(open, '(') + 1, NULL, 10);
        if (number >= 0)
            frames->all.data[number].bytes = bytes;
    }
    LLVMDisposeMessage(said);
}

/* A call takes the return address, up to 15 bytes of alignment, and perhaps its arguments; code of x86-64 uses 128 bytes behind its last
 * frame. Functions of these modules do not call themselves. */
static int64_t total_of(Frames *frames, uint32_t number)
{
    enum { CALL = 8 + 15, ARGUMENT = 8, BEHIND = 128 };
    Frame *frame = &frames->all.data[number];
    if (frame->total >= 0)
        return frame->total;
    int64_t most = BEHIND;
    for (uint32_t i = 0; i < frame->calls.len; i++) {
        Call call = frame->calls.data[i];
        int64_t total = CALL + ARGUMENT * (int64_t)call.arguments + total_of(frames, call.frame); // NOLINT: as deep as calls are
        most = total > most ? total : most;
    }
    frame->total = frame->bytes + most;
    return frame->total;
}

static void free_frames(Frames *frames)
{
    for (uint32_t i = 0; i < frames->all.len; i++)
        vec_free(&frames->all.data[i].calls);
    vec_free(&frames->all);
    arena_free(&frames->arena);
}

/* ---- sections ---- */

/* The first section of ELF has no name. */
static bool begins(const char *name, const char *start)
{
    return name && strncmp(name, start, strlen(start)) == 0;
}

static void add_sections(LLVMBinaryRef binary, AotSizes *sizes)
{
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(binary);
    for (; !LLVMObjectFileIsSectionIteratorAtEnd(binary, section); LLVMMoveToNextSection(section)) {
        const char *name = LLVMGetSectionName(section);
        int64_t bytes = (int64_t)LLVMGetSectionSize(section);
        if (begins(name, ".text"))
            sizes->code += bytes;
        else if (begins(name, ".rodata") || begins(name, ".data") || begins(name, ".eh_frame"))
            sizes->rest += bytes;
    }
    LLVMDisposeSectionIterator(section);
}

static bool read_object(LLVMMemoryBufferRef object, LLVMContextRef context, AotSizes *sizes, char why[static 256])
{
    char *problem = NULL;
    LLVMBinaryRef binary = LLVMCreateBinary(object, context, &problem);
    if (!binary) {
        snprintf(why, 256, "the object cannot be read: %s", problem);
        LLVMDisposeMessage(problem);
        return false;
    }
    add_sections(binary, sizes);
    LLVMDisposeBinary(binary);
    return true;
}

bool aot_measure(const Interface *interface, const BackendOptions *options, AotSizes *sizes, char why[static 256])
{
    *sizes = (AotSizes){0};
    Frames frames = {0};
    LLVMContextRef context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(context, take_report, &frames);
    LLVMModuleRef module = aot_module(context, interface, options, why);
    LLVMMemoryBufferRef object = NULL;
    if (module) {
        collect_frames(module, &frames);
        object = object_bytes(module, &options->target, options->opt_level, EMIT_OBJ, why);
        LLVMDisposeModule(module);
    }
    bool fine = object && read_object(object, context, sizes, why);
    sizes->numbers = interface->external ? 0 : plan_state_bytes(interface->plan);
    sizes->rest -= sizes->numbers;
    for (uint32_t i = 0; fine && i < interface->functions.len; i++)
        vec_push(&sizes->stack, total_of(&frames, (uint32_t)find_frame(&frames, interface->functions.data[i].name)));
    if (object)
        LLVMDisposeMemoryBuffer(object);
    LLVMContextDispose(context);
    free_frames(&frames);
    return fine;
}
