#include "runtime/data/elements.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runtime/core/report.h"

static double decode_bool(uint64_t bits)
{
    return bits != 0;
}

static double decode_unsigned(uint64_t bits)
{
    return (double)bits;
}

static double decode_i8(uint64_t bits)
{
    return (int8_t)bits;
}

static double decode_i16(uint64_t bits)
{
    return (int16_t)bits;
}

static double decode_i32(uint64_t bits)
{
    return (int32_t)bits;
}

static double decode_i64(uint64_t bits)
{
    return (double)(int64_t)bits;
}

/* 1 bit of sign, 5 of exponent, 10 of mantissa (IEEE 754, binary16). */
static double decode_f16(uint64_t bits)
{
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double size = exponent == 31  ? mantissa ? (double)NAN : (double)INFINITY
                  : exponent == 0 ? ldexp(mantissa, -24)
                                  : ldexp(mantissa + 1024, exponent - 25);
    return bits >> 15 ? -size : size;
}

static double decode_f32(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float number;
    memcpy(&number, &narrow, sizeof number);
    return (double)number;
}

static double decode_f64(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

const ElementType element_types[ELEMENT_COUNT] = {
    [ELEMENT_BOOL] = {"bool", 1, decode_bool}, [ELEMENT_U8] = {"u8", 1, decode_unsigned},
    [ELEMENT_I8] = {"i8", 1, decode_i8},       [ELEMENT_U16] = {"u16", 2, decode_unsigned},
    [ELEMENT_I16] = {"i16", 2, decode_i16},    [ELEMENT_U32] = {"u32", 4, decode_unsigned},
    [ELEMENT_I32] = {"i32", 4, decode_i32},    [ELEMENT_U64] = {"u64", 8, decode_unsigned},
    [ELEMENT_I64] = {"i64", 8, decode_i64},    [ELEMENT_F16] = {"f16", 2, decode_f16},
    [ELEMENT_F32] = {"f32", 4, decode_f32},    [ELEMENT_F64] = {"f64", 8, decode_f64},
};

double element_read(const ElementType *type, bool big_endian, const unsigned char *bytes)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < type->size; i++)
        bits = bits << 8 | bytes[big_endian ? i : type->size - 1 - i];
    return type->decode(bits);
}

/* Whether the field can hold the number. */
static bool check_element(const FieldInfo *field, int64_t at, double number, const char *path)
{
    long long example = at / field->tensor.elements;
    double low = field->tensor.dtype == DTYPE_I32 ? INT32_MIN : 0,
           high = field->tensor.dtype == DTYPE_I32 ? INT32_MAX : UINT8_MAX;
    if (!isfinite(number))
        return report_error("%s: example %lld holds a value that is not finite", path, example);
    if (field->tensor.dtype == DTYPE_F32 && fabs(number) > (double)FLT_MAX)
        return report_error("%s: example %lld holds %.9g, which is beyond f32", path, example, number);
    if (field->tensor.dtype == DTYPE_F32 || field->tensor.dtype == DTYPE_F64)
        return true;
    if (field->classes && !(number >= 0 && number < (double)field->classes))
        return report_error("%s: the label of example %lld is %.9g, but %s has only the classes %" PRId64 " to %" PRId64 "%s",
                            path, example, number + (double)field->first, field->tensor.name, field->first,
                            field->first + field->classes - 1,
                            number == (double)field->classes ? "; labels from 1 to n are declared as class[1..n]" : "");
    if (number == floor(number) && number >= low && number <= high)
        return true;
    return report_error("%s: example %lld holds %.9g, but the field %s is %s: declare it as f32", path, example, number,
                        field->tensor.name, dtype_names[field->tensor.dtype]);
}

bool element_store(const FieldInfo *field, void *rows, int64_t at, double number, const char *path)
{
    number -= (double)field->first;
    if (!check_element(field, at, number, path))
        return false;
    switch (field->tensor.dtype) {
    case DTYPE_F32:
        ((float *)rows)[at] = (float)number;
        break;
    case DTYPE_F64:
        ((double *)rows)[at] = number;
        break;
    case DTYPE_I32:
        ((int32_t *)rows)[at] = (int32_t)number;
        break;
    default:
        ((unsigned char *)rows)[at] = (unsigned char)number;
    }
    return true;
}
