/* Faults in products, special kernels, lists and the plan of memory. */
#include "tests/passes/schedule_faults.h"

/* ---- products and special kernels ---- */

FAULT_IN(product_of_another_size, KERNEL_PRODUCT)
{
    (void)s;
    int64_t *sizes[] = {&kernel->product.m, &kernel->product.n, &kernel->product.k};
    if (*place >= 6) {
        *place -= 6;
        return false;
    }
    *sizes[*place / 2] += *place % 2 ? 1 : -1;
    return true;
}

FAULT_IN(product_steps_too_far, KERNEL_PRODUCT)
{
    (void)s;
    Product *p = &kernel->product;
    int64_t *steps[] = {&p->lhs.row, &p->lhs.column, &p->rhs.row, &p->rhs.column, &p->out.row, &p->out.column};
    if (*place >= COUNT_OF(steps)) {
        *place -= COUNT_OF(steps);
        return false;
    }
    *steps[*place] += 1;
    return true;
}

FAULT_IN(product_elsewhere, KERNEL_PRODUCT)
{
    (void)s;
    Matrix *matrices[] = {&kernel->product.lhs, &kernel->product.rhs, &kernel->product.out};
    if (*place >= 3) {
        *place -= 3;
        return false;
    }
    matrices[*place]->view.offset = -1;
    return true;
}

static bool change_special(Schedule *s, Kernel *kernel, unsigned *place)
{
    (void)s;
    Special *special = &kernel->special;
    Type *types[] = {&special->out_type, &special->in_type[0], &special->in_type[1]};
    for (uint32_t t = 0; t <= special->inputs && t < 3; t++)
        for (unsigned axis = 0; axis < types[t]->rank; axis++)
            if (is_place(place)) {
                types[t]->dims[axis]++;
                return true;
            }
    return false;
}

FAULT_IN(random_numbers_of_another_size, KERNEL_RANDOM)
{
    return change_special(s, kernel, place);
}

FAULT_IN(argmax_of_another_shape, KERNEL_ARGMAX)
{
    return change_special(s, kernel, place);
}

FAULT_IN(argmax_along_another_axis, KERNEL_ARGMAX)
{
    (void)s;
    if (!is_place(place))
        return false;
    kernel->special.axis--;
    return true;
}

FAULT_IN(sort_of_another_shape, KERNEL_SORT)
{
    return change_special(s, kernel, place);
}

FAULT_IN(sort_along_another_axis, KERNEL_SORT)
{
    (void)s;
    if (!is_place(place))
        return false;
    kernel->special.axis -= 2;
    return true;
}

FAULT_IN(scatter_of_another_shape, KERNEL_SCATTER)
{
    return change_special(s, kernel, place);
}

/* ---- lists, memory ---- */

FAULT_IN(read_not_listed, -1)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->reads.len; i++)
        if (buffer_at(s, kernel->reads.data[i])->kind != BUFFER_STATE && is_place(place)) {
            kernel->reads.data[i] = vec_last(&kernel->reads);
            kernel->reads.len--;
            return true;
        }
    return false;
}

FAULT_IN(write_not_listed, -1)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->writes.len; i++)
        if (is_place(place)) {
            kernel->writes.data[i] = vec_last(&kernel->writes);
            kernel->writes.len--;
            return true;
        }
    return false;
}

static bool live_together(const Buffer *a, const Buffer *b)
{
    return a->kind == BUFFER_SCRATCH && b->kind == BUFFER_SCRATCH && a->first != UINT32_MAX && b->first != UINT32_MAX &&
           a->first <= b->last && b->first <= a->last;
}

static bool memory_shared(Schedule *s, unsigned place)
{
    for (uint32_t a = 0; a < s->buffers.len; a++)
        for (uint32_t b = 0; b < s->buffers.len; b++)
            if (a != b && live_together(buffer_at(s, a), buffer_at(s, b)) && is_place(&place)) {
                buffer_at(s, a)->offset = buffer_at(s, b)->offset;
                return true;
            }
    return false;
}

static bool buffer_moved(Schedule *s, unsigned place)
{
    for (uint32_t b = 0; b < s->buffers.len; b++) {
        Buffer *buffer = buffer_at(s, b);
        bool planned = buffer->kind == BUFFER_STATE || (buffer->kind == BUFFER_SCRATCH && buffer->first != UINT32_MAX);
        if (planned && is_place(&place)) {
            buffer->offset += 4;
            return true;
        }
    }
    return false;
}

static bool life_too_short(Schedule *s, unsigned place)
{
    for (uint32_t b = 0; b < s->buffers.len; b++) {
        Buffer *buffer = buffer_at(s, b);
        if (buffer->kind == BUFFER_SCRATCH && buffer->first != UINT32_MAX && buffer->first < buffer->last && is_place(&place)) {
            buffer->last--;
            return true;
        }
    }
    return false;
}

static bool arena_too_small(Schedule *s, unsigned place)
{
    if (place)
        return false;
    s->scratch_bytes -= 64;
    return true;
}

static bool buffer_too_small(Schedule *s, unsigned place)
{
    for (uint32_t b = 0; b < s->buffers.len; b++) {
        Buffer *buffer = buffer_at(s, b);
        if ((buffer->kind != BUFFER_SCRATCH || buffer->first != UINT32_MAX) && buffer->kind != BUFFER_ROWS && is_place(&place)) {
            buffer->elements--;
            return true;
        }
    }
    return false;
}

static bool buffer_of_another_state(Schedule *s, unsigned place)
{
    for (uint32_t b = 0; b < s->buffers.len; b++)
        if (buffer_at(s, b)->kind == BUFFER_STATE && is_place(&place)) {
            buffer_at(s, b)->symbol = 4; /* @free */
            return true;
        }
    return false;
}

const Fault memory_faults[] = {
    {"product_of_another_size", product_of_another_size},
    {"product_steps_too_far", product_steps_too_far},
    {"product_elsewhere", product_elsewhere},
    {"random_numbers_of_another_size", random_numbers_of_another_size},
    {"sort_of_another_shape", sort_of_another_shape},
    {"sort_along_another_axis", sort_along_another_axis},
    {"argmax_of_another_shape", argmax_of_another_shape},
    {"argmax_along_another_axis", argmax_along_another_axis},
    {"scatter_of_another_shape", scatter_of_another_shape},
    {"read_not_listed", read_not_listed},
    {"write_not_listed", write_not_listed},
    {"memory_shared", memory_shared},
    {"buffer_moved", buffer_moved},
    {"life_too_short", life_too_short},
    {"arena_too_small", arena_too_small},
    {"buffer_too_small", buffer_too_small},
    {"buffer_of_another_state", buffer_of_another_state},
};
const unsigned memory_fault_count = COUNT_OF(memory_faults);
