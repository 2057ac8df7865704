#include "ir/ir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir/internal.h"

_Noreturn void internal_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("hnc: internal error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

/* ---- types ---- */

const char *dtype_name(DType dtype)
{
    return dtype_names[dtype];
}

size_t dtype_size(DType dtype)
{
    return dtype_sizes[dtype];
}

bool dtype_is_float(DType dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F64;
}

Type type_scalar(DType dtype)
{
    return (Type){.dtype = dtype};
}

Type type_of(DType dtype, unsigned rank, const int64_t *dims)
{
    if (rank > MAX_RANK)
        internal_error("type_of: rank %u (limit is %d)", rank, MAX_RANK);
    Type type = {.dtype = dtype, .rank = (uint8_t)rank};
    for (unsigned i = 0; i < rank; i++)
        type.dims[i] = dims[i];
    return type;
}

Type type_of_many(int64_t count, Type type)
{
    if (type.rank == MAX_RANK)
        internal_error("type_of_many: no axis is left (limit is %d)", MAX_RANK);
    Type many = {.dtype = type.dtype, .rank = (uint8_t)(type.rank + 1), .dims = {count}};
    memcpy(many.dims + 1, type.dims, type.rank * sizeof *type.dims);
    return many;
}

Type type_with_dtype(Type type, DType dtype)
{
    type.dtype = dtype;
    return type;
}

bool type_equal(Type a, Type b)
{
    return a.dtype == b.dtype && a.rank == b.rank && memcmp(a.dims, b.dims, a.rank * sizeof a.dims[0]) == 0;
}

/* An overflowing product saturates, so that type_valid may ask. */
int64_t type_elements(Type type)
{
    int64_t elements = 1;
    for (unsigned i = 0; i < type.rank; i++)
        if (__builtin_mul_overflow(elements, type.dims[i], &elements))
            return INT64_MAX;
    return elements;
}

int64_t type_bytes(Type type)
{
    return type_elements(type) * (int64_t)dtype_size(type.dtype);
}

bool type_valid(Type type)
{
    if ((unsigned)type.dtype >= DTYPE_COUNT || type.rank > MAX_RANK)
        return false;
    for (unsigned i = 0; i < type.rank; i++)
        if (type.dims[i] < 1)
            return false;
    return type_elements(type) <= MAX_ELEMENTS;
}

const char *type_text(Type type)
{
    enum { RING = 8, LONGEST = 16 + MAX_RANK * 24 };
    static _Thread_local char ring[RING][LONGEST];
    static _Thread_local unsigned turn;
    char *text = ring[turn++ % RING];
    int len = snprintf(text, LONGEST, "%s[", dtype_name(type.dtype));
    for (unsigned i = 0; i < type.rank; i++)
        len += snprintf(text + len, (size_t)(LONGEST - len), i ? ", %lld" : "%lld", (long long)type.dims[i]);
    snprintf(text + len, (size_t)(LONGEST - len), "]");
    return text;
}

Dims dims_of(unsigned n, ...)
{
    if (n > MAX_RANK)
        internal_error("dims_of: %u extents (limit is %d)", n, MAX_RANK);
    Dims dims = {.n = (uint8_t)n};
    va_list args;
    va_start(args, n);
    for (unsigned i = 0; i < n; i++)
        dims.v[i] = va_arg(args, int);
    va_end(args);
    return dims;
}

bool dims_contain(Dims dims, int64_t value)
{
    for (unsigned i = 0; i < dims.n; i++)
        if (dims.v[i] == value)
            return true;
    return false;
}

Dims all_axes(unsigned rank)
{
    Dims axes = {.n = (uint8_t)rank};
    for (unsigned axis = 0; axis < rank; axis++)
        axes.v[axis] = axis;
    return axes;
}

Dims other_axes(unsigned rank, Dims a, Dims b)
{
    Dims axes = {0};
    for (unsigned axis = 0; axis < rank; axis++)
        if (!dims_contain(a, axis) && !dims_contain(b, axis))
            axes.v[axes.n++] = axis;
    return axes;
}

bool dims_equal(Dims a, Dims b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.v, b.v, a.n * sizeof a.v[0]) == 0);
}

static bool bodies_equal(const Function *f, const Function *g)
{
    return f == g || (f && g && function_equal(f, g));
}

bool op_equal(const Op *x, const Op *y)
{
    return x->code == y->code && type_equal(x->type, y->type) && x->nargs == y->nargs &&
           (x->nargs == 0 || memcmp(x->args, y->args, x->nargs * sizeof *x->args) == 0) &&
           memcmp(&x->number, &y->number, sizeof x->number) == 0 && x->symbol == y->symbol && x->flags == y->flags &&
           bodies_equal(x->body, y->body) && dims_equal(x->a, y->a) && dims_equal(x->b, y->b) && dims_equal(x->c, y->c) &&
           dims_equal(x->d, y->d);
}

/* ---- ops ---- */

const OpInfo op_info[OP_COUNT] = {
#define OP(NAME, mnemonic, arity, effect, infer, batch, vjp, jvp, lowering)                                                      \
    [OP_##NAME] = {mnemonic, arity, EFFECT_##effect, LOWER_##lowering},
#include "ir/ops.def"
#undef OP
};

OpCode op_by_name(const char *name)
{
    for (int code = 0; code < OP_COUNT; code++)
        if (strcmp(op_info[code].name, name) == 0)
            return (OpCode)code;
    return OP_COUNT;
}

const char *const init_kind_names[INIT_KIND_COUNT] = {
    [INIT_CONSTANT] = "constant",
    [INIT_UNIFORM] = "uniform",
    [INIT_NORMAL] = "normal",
    [INIT_SIGNS] = "signs",
};

double init_deviation(Init init)
{
    switch (init.kind) {
    case INIT_UNIFORM:
        return init.value / sqrt(3);
    case INIT_NORMAL:
    case INIT_SIGNS:
        return init.value;
    case INIT_CONSTANT:
        break;
    }
    return 0;
}

uint32_t value_number(const Function *function, Value value)
{
    uint32_t inputs = 0, others = 0;
    for (uint32_t v = 0; v < function->ops.len; v++) {
        inputs += function->ops.data[v].code == OP_INPUT;
        others += v < value && function->ops.data[v].code != OP_INPUT;
    }
    return inputs + others;
}

/* ---- modules and functions ---- */

/* Where states lie by name: a hash table of open addressing, which find_state brings up to date. */
typedef struct StateIndex {
    uint32_t *slots; /* 1 + the state's index; 0: free */
    uint32_t size;   /* a power of 2, at least twice `count` */
    uint32_t count;  /* states that it knows */
} StateIndex;

Module *module_new(const char *name, DType real)
{
    Module *module = support_malloc(sizeof *module);
    *module = (Module){.real = real, .target = target_usual(), .state_index = support_malloc(sizeof(StateIndex))};
    *module->state_index = (StateIndex){0};
    module->name = arena_copy(&module->arena, name);
    return module;
}

static void function_clear(Function *function)
{
    vec_free(&function->ops);
    vec_free(&function->inputs);
    vec_free(&function->input_names);
    vec_free(&function->outputs);
}

void module_free(Module *module)
{
    if (!module)
        return;
    for (uint32_t i = 0; i < module->functions.len; i++)
        function_clear(module->functions.data[i]);
    for (uint32_t i = 0; i < module->bodies.len; i++)
        function_clear(module->bodies.data[i]);
    vec_free(&module->functions);
    vec_free(&module->bodies);
    vec_free(&module->states);
    support_free(module->state_index->slots);
    support_free(module->state_index);
    vec_free(&module->weights);
    vec_free(&module->fields);
    vec_free(&module->conditions);
    vec_free(&module->bounds);
    arena_free(&module->arena);
    support_free(module);
}

bool function_has(const Function *function, OpCode code)
{
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == code)
            return true;
    return false;
}

Function *module_function(Module *module, const char *name)
{
    for (uint32_t i = 0; i < module->functions.len; i++)
        if (strcmp(module->functions.data[i]->name, name) == 0)
            return module->functions.data[i];
    return NULL;
}

Function *function_detached(Module *module, const char *name)
{
    Function *function = ARENA_NEW(&module->arena, Function);
    function->name = arena_copy(&module->arena, name);
    return function;
}

Function *function_new(Module *module, const char *name)
{
    if (module_function(module, name))
        internal_error("function '%s' exists already", name);
    Function *function = function_detached(module, name);
    vec_push(&module->functions, function);
    return function;
}

void function_replace(Function *function, Function *with)
{
    const char *name = function->name;
    function_clear(function);
    *function = *with;
    function->name = name;
    *with = (Function){.name = with->name};
}

bool function_equal(const Function *f, const Function *g)
{
    bool equal = f->ops.len == g->ops.len && f->inputs.len == g->inputs.len && f->outputs.len == g->outputs.len;
    for (uint32_t i = 0; equal && i < f->inputs.len; i++)
        equal = f->inputs.data[i] == g->inputs.data[i];
    for (uint32_t i = 0; equal && i < f->outputs.len; i++)
        equal = f->outputs.data[i].value == g->outputs.data[i].value;
    for (Value v = 0; equal && v < f->ops.len; v++)
        equal = op_equal(OP_AT(f, v), OP_AT(g, v));
    return equal;
}

void function_remove(Module *module, Function *function)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < module->functions.len; i++)
        if (module->functions.data[i] != function)
            module->functions.data[kept++] = module->functions.data[i];
    module->functions.len = kept;
    function_clear(function);
}

uint32_t module_state(Module *module, const char *name, Type type, StateRole role)
{
    if (find_state(module, name) >= 0)
        internal_error("state '%s' exists already", name);
    State state = {.name = arena_copy(&module->arena, name), .type = type, .role = role, .lifetime = LIFETIME_NET};
    vec_push(&module->states, state);
    return module->states.len - 1;
}

uint32_t find_or_add_state(Module *module, const char *name, Type type, StateRole role, Init init)
{
    int64_t known = find_state(module, name);
    if (known >= 0)
        return (uint32_t)known;
    uint32_t state = module_state(module, name, type, role);
    module->states.data[state].init = init;
    return state;
}

/* FNV-1a */
static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

/* The slot of the first state of that name, or the free one where it would be. */
static uint32_t *name_slot(const Module *module, const char *name)
{
    const StateIndex *index = module->state_index;
    uint32_t at = hash_name(name) & (index->size - 1);
    while (index->slots[at] && strcmp(module->states.data[index->slots[at] - 1].name, name) != 0)
        at = (at + 1) & (index->size - 1);
    return &index->slots[at];
}

static void update_index(const Module *module)
{
    StateIndex *index = module->state_index;
    if (index->size < 2 * (module->states.len + 1)) {
        uint32_t size = 64;
        while (size < 4 * (module->states.len + 1))
            size *= 2;
        support_free(index->slots);
        *index = (StateIndex){.slots = support_malloc(size * sizeof(uint32_t)), .size = size};
        memset(index->slots, 0, size * sizeof(uint32_t));
    }
    for (; index->count < module->states.len; index->count++) {
        uint32_t *slot = name_slot(module, module->states.data[index->count].name);
        if (!*slot)
            *slot = index->count + 1;
    }
}

int64_t find_state(const Module *module, const char *name)
{
    update_index(module);
    return (int64_t)*name_slot(module, name) - 1;
}
