#include "tests/backend/probe.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/object.h"

MathContext probe_new(const char *name)
{
    LLVMContextRef context = LLVMContextCreate();
    MathContext m = {context, LLVMModuleCreateWithNameInContext(name, context), LLVMCreateBuilderInContext(context), false};
    char why[256];
    Target target = target_for(DEFAULT_CPU);
    if (!object_prepare(m.module, &target, why))
        fail_msg("%s", why);
    return m;
}

void probe_free(MathContext *m)
{
    LLVMDisposeBuilder(m->builder);
    LLVMDisposeModule(m->module);
    LLVMContextDispose(m->context);
}

LLVMValueRef probe_function(MathContext *m, const char *name, unsigned pointers)
{
    LLVMTypeRef parameters[4];
    for (unsigned i = 0; i < pointers; i++)
        parameters[i] = LLVMPointerTypeInContext(m->context, 0);
    parameters[pointers] = LLVMInt64TypeInContext(m->context);
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(m->context), parameters, pointers + 1, false);
    LLVMValueRef function = LLVMAddFunction(m->module, name, type);
    LLVMPositionBuilderAtEnd(m->builder, LLVMAppendBasicBlockInContext(m->context, function, "entry"));
    return function;
}

void probe_map(MathContext *m, const char *name, OpCode code, unsigned arity, unsigned lanes, bool wide)
{
    LLVMBuilderRef b = m->builder;
    LLVMTypeRef element = wide ? LLVMDoubleTypeInContext(m->context) : LLVMFloatTypeInContext(m->context);
    LLVMTypeRef value = lanes ? LLVMVectorType(element, lanes) : element, i64 = LLVMInt64TypeInContext(m->context);
    char full[64]; /* libm has functions of the plain names */
    snprintf(full, sizeof full, "map_%s", name);
    LLVMValueRef function = probe_function(m, full, arity + 1), n = LLVMGetParam(function, arity + 1);
    LLVMBasicBlockRef entry = LLVMGetInsertBlock(b), loop = LLVMAppendBasicBlockInContext(m->context, function, "loop");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(m->context, function, "done");
    LLVMBuildBr(b, loop);

    LLVMPositionBuilderAtEnd(b, loop);
    LLVMValueRef index = LLVMBuildPhi(b, i64, "i"), operands[2];
    for (unsigned i = 0; i < arity; i++) {
        LLVMValueRef place = LLVMBuildGEP2(b, element, LLVMGetParam(function, i), &index, 1, "");
        operands[i] = LLVMBuildLoad2(b, value, place, "");
        LLVMSetAlignment(operands[i], wide ? 8 : 4);
    }
    LLVMValueRef result = arity == 1 ? math_emit(m, code, operands[0]) : math_emit2(m, code, operands[0], operands[1]);
    LLVMValueRef place = LLVMBuildGEP2(b, element, LLVMGetParam(function, arity), &index, 1, "");
    LLVMSetAlignment(LLVMBuildStore(b, result, place), wide ? 8 : 4);
    LLVMValueRef next = LLVMBuildAdd(b, index, LLVMConstInt(i64, lanes ? lanes : 1, false), "");
    LLVMAddIncoming(index, (LLVMValueRef[]){LLVMConstNull(i64), next}, (LLVMBasicBlockRef[]){entry, loop}, 2);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntULT, next, n, ""), loop, done);

    LLVMPositionBuilderAtEnd(b, done);
    LLVMBuildRetVoid(b);
}

void *probe_load(MathContext *m, const char *cpu, int opt_level)
{
    char folder[] = "/tmp/hnc-probe-XXXXXX", object[64], library[64], command[256], why[256];
    assert_non_null(mkdtemp(folder));
    snprintf(object, sizeof object, "%s/probe.o", folder);
    snprintf(library, sizeof library, "%s/probe.so", folder);
    snprintf(command, sizeof command, "cc -shared %s -o %s -lm", object, library);
    Target target = target_for(cpu);
    if (!object_emit(m->module, &target, opt_level, EMIT_OBJ, object, why))
        fail_msg("%s", why);
    assert_int_equal(system(command), 0);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        fail_msg("%s", dlerror());
    unlink(object);
    unlink(library);
    rmdir(folder);
    return handle;
}
