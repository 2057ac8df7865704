#include "ir/rules.h"

#include <stdio.h>

bool rule_fail(const Rule *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = snprintf(r->why, WHY_BYTES, "%s: ", op_info[r->op->code].name);
    vsnprintf(r->why + len, (size_t)(WHY_BYTES - len), format, args);
    va_end(args);
    return false;
}

Type rule_operand(const Rule *r, uint32_t i)
{
    return r->function->ops.data[r->op->args[i]].type;
}

bool rule_result(const Rule *r, Type type)
{
    r->op->type = type;
    return true;
}

static bool is_number(DType dtype)
{
    return dtype_is_float(dtype) || dtype == DTYPE_I32;
}

bool rule_needs_number(const Rule *r, Type type)
{
    return is_number(type.dtype) || rule_fail(r, "needs a float or i32 operand, not %s (cast it first)", type_text(type));
}

bool rule_needs_axis(const Rule *r, int64_t axis, Type type)
{
    return (axis >= 0 && axis < type.rank) || rule_fail(r, "axis %lld is not one of %s", (long long)axis, type_text(type));
}

bool rule_needs_count(const Rule *r, const char *what, unsigned n, unsigned expected)
{
    return n == expected || rule_fail(r, "%u %s given, %u needed", n, what, expected);
}

bool rule_needs_increasing_axes(const Rule *r, Dims axes, Type type)
{
    for (unsigned i = 0; i < axes.n; i++) {
        if (!rule_needs_axis(r, axes.v[i], type))
            return false;
        if (i && axes.v[i] <= axes.v[i - 1])
            return rule_fail(r, "axes must increase");
    }
    return true;
}

bool rule_add_axis(const Rule *r, Type *type, int64_t extent)
{
    if (type->rank == MAX_RANK)
        return rule_fail(r, "the result has too many axes (limit is %d)", MAX_RANK);
    type->dims[type->rank++] = extent;
    return true;
}
