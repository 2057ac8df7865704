/* The interpreter's access to elements and operands. */
#include "ir/interpret.h"

#include <math.h>

double tensor_get(const Tensor *tensor, int64_t index)
{
    switch (tensor->type.dtype) {
    case DTYPE_F32:
        return (double)((const float *)tensor->data)[index];
    case DTYPE_F64:
        return ((const double *)tensor->data)[index];
    case DTYPE_I32:
        return ((const int32_t *)tensor->data)[index];
    default:
        return ((const uint8_t *)tensor->data)[index];
    }
}

/* Truncates toward zero and saturates; NaN becomes 0. */
static int32_t to_integer(double value, int32_t least, int32_t most)
{
    return isnan(value) ? 0 : value <= least ? least : value >= most ? most : (int32_t)value;
}

void tensor_set(Tensor *tensor, int64_t index, double value)
{
    switch (tensor->type.dtype) {
    case DTYPE_F32:
        ((float *)tensor->data)[index] = (float)value;
        break;
    case DTYPE_F64:
        ((double *)tensor->data)[index] = value;
        break;
    case DTYPE_I32:
        ((int32_t *)tensor->data)[index] = to_integer(value, INT32_MIN, INT32_MAX);
        break;
    case DTYPE_U8:
        ((uint8_t *)tensor->data)[index] = (uint8_t)to_integer(value, 0, UINT8_MAX);
        break;
    case DTYPE_BOOL:
        ((uint8_t *)tensor->data)[index] = value != 0;
        break;
    }
}

const Tensor *operand_tensor(const Run *run, const Op *op, uint32_t i)
{
    return &run->values[op->args[i]];
}

bool run_error(const Run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(run->why, 256, format, args);
    va_end(args);
    return false;
}
