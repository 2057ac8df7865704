/* Tables of offsets: where the entries along several axes of a matrix lie, as constants of the module. */
#include "backend/blocks.h"
#include "support/arena.h"

enum {
    OFFSET, /* of an entry: an i32 */
    RUNS,   /* another: its run, and shifted by RUN_BITS the table's longest one */
    ENTRY,
    RUN_BITS = 15,
    LONGEST_RUN = (1 << RUN_BITS) - 1, /* longer ones are not told from it */
};

static LLVMValueRef part_of(Emitter *e, LLVMValueRef table, LLVMValueRef index, int part)
{
    LLVMValueRef at = LLVMBuildAdd(e->builder, LLVMBuildMul(e->builder, index, const_i64(e, ENTRY), ""), const_i64(e, part), "");
    LLVMValueRef place = LLVMBuildInBoundsGEP2(e->builder, e->i32, table, &at, 1, "");
    return LLVMBuildSExt(e->builder, LLVMBuildLoad2(e->builder, e->i32, place, ""), e->i64, "");
}

LLVMValueRef offset_along(Emitter *e, bool tables, LLVMValueRef along, LLVMValueRef index)
{
    return tables ? part_of(e, along, index, OFFSET) : LLVMBuildMul(e->builder, index, along, "");
}

void begin_along(Emitter *e, DType dtype, bool tables, LLVMValueRef *pointer, LLVMValueRef *along, LLVMValueRef index)
{
    if (!tables) {
        *pointer = emit_advance(e, dtype, *pointer, offset_along(e, false, *along, index));
        return;
    }
    LLVMTypeRef entry = LLVMArrayType2(e->i32, ENTRY);
    *along = LLVMBuildInBoundsGEP2(e->builder, entry, *along, &index, 1, "");
}

LLVMValueRef run_along(Emitter *e, LLVMValueRef along, LLVMValueRef index)
{
    return LLVMBuildAnd(e->builder, part_of(e, along, index, RUNS), const_i64(e, LONGEST_RUN), "");
}

LLVMValueRef longest_run(Emitter *e, LLVMValueRef along)
{
    return LLVMBuildLShr(e->builder, part_of(e, along, const_i64(e, 0), RUNS), const_i64(e, RUN_BITS), "");
}

LLVMValueRef runs_along(Emitter *e, LLVMValueRef along, LLVMValueRef index, LLVMValueRef count)
{
    return LLVMBuildICmp(e->builder, LLVMIntSGE, run_along(e, along, index), count, "");
}

int64_t table_offset(const AxisList *list, const int64_t *stride, int64_t entry)
{
    int64_t offset = 0;
    for (unsigned axis = list->n; axis-- > 0; entry /= list->extent[axis])
        offset += entry % list->extent[axis] * stride[axis];
    return offset;
}

/* Equal axes give equal names. */
static void name_table(const AxisList *list, const int64_t *stride, Text *name)
{
    text_printf(name, "hn_offsets");
    for (unsigned axis = 0; axis < list->n; axis++)
        text_printf(name, "_%" PRId64 "x%" PRId64, list->extent[axis], stride[axis]);
}

static LLVMValueRef table_data(Emitter *e, const AxisList *list, const int64_t *stride)
{
    int64_t entries = axes_elements(list), run = 0, longest = 0;
    LLVMValueRef *parts = support_malloc((size_t)entries * ENTRY * sizeof *parts);
    int64_t *runs = support_malloc((size_t)entries * sizeof *runs);
    for (int64_t entry = entries; entry-- > 0;) {
        int64_t offset = table_offset(list, stride, entry);
        bool more = entry + 1 < entries && offset + 1 == table_offset(list, stride, entry + 1);
        run = !more ? 1 : run < LONGEST_RUN ? run + 1 : run;
        runs[entry] = run;
        longest = run > longest ? run : longest;
        parts[entry * ENTRY + OFFSET] = LLVMConstInt(e->i32, (uint64_t)offset, true);
    }
    for (int64_t entry = 0; entry < entries; entry++)
        parts[entry * ENTRY + RUNS] = LLVMConstInt(e->i32, (uint64_t)(longest << RUN_BITS | runs[entry]), false);
    LLVMValueRef data = LLVMConstArray2(e->i32, parts, (uint64_t)(entries * ENTRY));
    support_free(parts);
    support_free(runs);
    return data;
}

LLVMValueRef make_table(Emitter *e, const AxisList *list, bool second)
{
    const int64_t *stride = second ? list->second : list->first;
    Text name = {0};
    name_table(list, stride, &name);
    LLVMValueRef table = LLVMGetNamedGlobal(e->module, name.data);
    if (!table) {
        LLVMValueRef data = table_data(e, list, stride);
        table = LLVMAddGlobal(e->module, LLVMTypeOf(data), name.data);
        LLVMSetInitializer(table, data);
        LLVMSetGlobalConstant(table, true);
        LLVMSetLinkage(table, LLVMPrivateLinkage);
        LLVMSetUnnamedAddress(table, LLVMGlobalUnnamedAddr);
        LLVMSetAlignment(table, 64);
    }
    text_free(&name);
    return table;
}
