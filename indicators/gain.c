#include "indicators/indicators.h"

double gain(const Swept *swept, double from, double to)
{
    return swept->larger ? to - from : from - to;
}

double result_at(const Swept *swept, unsigned round, unsigned point)
{
    return swept->matrix[((size_t)round * swept->count + point) * swept->stride];
}

double result_now(const Swept *swept, unsigned point)
{
    return result_at(swept, swept->learned - 1, point);
}

double result_learned(const Swept *swept, unsigned point)
{
    return result_at(swept, point, point);
}
