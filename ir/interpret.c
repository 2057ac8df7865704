/* The interpreter: sources, state and the loop over a function's ops. */
#include "ir/interpret.h"
#include "pareto/externs.h"

#include <string.h>

static Tensor tensor_new(Type type)
{
    return (Tensor){type, support_malloc((size_t)type_bytes(type))};
}

static void tensor_free(Tensor *tensor)
{
    support_free(tensor->data);
    tensor->data = NULL;
}

/* ---- sources and state ---- */

static bool eval_input(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *input = &run->inputs[op->symbol];
    if (!input->data || !type_equal(input->type, op->type))
        return run_error(run, "input '%.60s' is %s, given is %s", run->function->input_names.data[op->symbol],
                         type_text(op->type), input->data ? type_text(input->type) : "nothing");
    memcpy(out->data, input->data, (size_t)type_bytes(op->type));
    return true;
}

static bool eval_const(const Run *run, const Op *op, Tensor *out)
{
    (void)run;
    int64_t n = type_elements(out->type);
    for (int64_t i = 0; i < n; i++)
        tensor_set(out, i, op->number);
    return true;
}

static bool eval_iota(const Run *run, const Op *op, Tensor *out)
{
    (void)run;
    int64_t n = type_elements(out->type), axis = op->axis.v[0], stride = 1;
    for (int64_t i = axis + 1; i < out->type.rank; i++)
        stride *= out->type.dims[i];
    for (int64_t i = 0; i < n; i++)
        tensor_set(out, i, (double)(i / stride % out->type.dims[axis]));
    return true;
}

static bool eval_random(const Run *run, const Op *op, Tensor *out)
{
    const uint32_t *seed = operand_tensor(run, op, 0)->data, *step = operand_tensor(run, op, 1)->data;
    int64_t n = type_elements(out->type);
    for (int64_t i = 0; i < n; i++)
        tensor_set(out, i, random_element(seed, *step, op->symbol, (uint64_t)i));
    return true;
}

static bool eval_extern(const Run *run, const Op *op, Tensor *out)
{
    const void *operands[EXTERN_MOST_OPERANDS];
    for (uint32_t i = 0; i < op->nargs; i++)
        operands[i] = operand_tensor(run, op, i)->data;
    Type last = operand_tensor(run, op, op->nargs - 1)->type;
    uint32_t m = (uint32_t)last.dims[last.rank - 1], n = last.rank == 2 ? (uint32_t)last.dims[0] : 1;
    pareto_extern(op->symbol, m, n, out->type.dtype == DTYPE_F64, operands, out->data);
    return true;
}

static bool eval_state_read(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *state = run->world->states ? &run->world->states[op->symbol] : NULL;
    if (!state || !state->data || !type_equal(state->type, op->type))
        return run_error(run, "state '%.60s' was not given as %s", run->module->states.data[op->symbol].name,
                         type_text(op->type));
    memcpy(out->data, state->data, (size_t)type_bytes(op->type));
    return true;
}

/* The value is kept aside until the function has ended, as reads see the values at entry. */
static bool eval_state_write(const Run *run, const Op *op, Tensor *out)
{
    Tensor *write = &run->writes[op->symbol];
    memcpy(out->data, operand_tensor(run, op, 0)->data, (size_t)type_bytes(op->type));
    *write = *out;
    out->data = NULL;
    return true;
}

static Eval *const source_evals[OP_COUNT] = {
    [OP_INPUT] = eval_input,   [OP_CONST] = eval_const,           [OP_IOTA] = eval_iota,
    [OP_RANDOM] = eval_random, [OP_STATE_READ] = eval_state_read, [OP_STATE_WRITE] = eval_state_write,
    [OP_EXTERN] = eval_extern,
};

/* ---- execution ---- */

static Eval *find_eval(OpCode code)
{
    Eval *const *const tables[] = {source_evals, elementwise_evals, scan_evals};
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        if (tables[i][code])
            return tables[i][code];
    return structure_evals[code];
}

/* The last op that uses each value; the value itself if none does, ops.len if it is an output. */
static Value *last_uses(const Function *function)
{
    Value *last = support_malloc(function->ops.len * sizeof *last);
    for (Value v = 0; v < function->ops.len; v++) {
        last[v] = v;
        for (uint32_t i = 0; i < OP_AT(function, v)->nargs; i++)
            last[OP_AT(function, v)->args[i]] = v;
    }
    for (uint32_t i = 0; i < function->outputs.len; i++)
        last[function->outputs.data[i].value] = function->ops.len;
    return last;
}

static bool run_op(Run *run, Value v)
{
    const Op *op = OP_AT(run->function, v);
    Eval *eval = find_eval(op->code);
    if (!eval)
        return run_error(run, "'%s' cannot be run: a pass must replace it first", op_info[op->code].name);
    run->values[v] = tensor_new(op->type);
    return eval(run, op, &run->values[v]);
}

static bool run_ops(Run *run)
{
    const Function *function = run->function;
    Value *last = last_uses(function);
    bool fine = true;
    for (Value v = 0; v < function->ops.len && fine; v++) {
        fine = run_op(run, v);
        if (last[v] == v)
            tensor_free(&run->values[v]);
        for (uint32_t i = 0; i < OP_AT(function, v)->nargs; i++)
            if (last[OP_AT(function, v)->args[i]] == v)
                tensor_free(&run->values[OP_AT(function, v)->args[i]]);
    }
    support_free(last);
    return fine;
}

static bool commit_writes(Run *run)
{
    for (uint32_t i = 0; i < run->module->states.len; i++) {
        const Tensor *state = run->world->states ? &run->world->states[i] : NULL;
        if (run->writes[i].data && (!state || !state->data || !type_equal(state->type, run->writes[i].type)))
            return run_error(run, "state '%.60s' was not given as %s", run->module->states.data[i].name,
                             type_text(run->writes[i].type));
    }
    for (uint32_t i = 0; i < run->module->states.len; i++)
        if (run->writes[i].data)
            memcpy(run->world->states[i].data, run->writes[i].data, (size_t)type_bytes(run->writes[i].type));
    return true;
}

static Tensor *copy_outputs(const Run *run)
{
    uint32_t count = run->function->outputs.len;
    Tensor *outputs = support_malloc(count * sizeof *outputs);
    for (uint32_t i = 0; i < count; i++) {
        const Tensor *value = &run->values[run->function->outputs.data[i].value];
        outputs[i] = tensor_new(value->type);
        memcpy(outputs[i].data, value->data, (size_t)type_bytes(value->type));
    }
    return outputs;
}

static Tensor *tensors_new(uint32_t count)
{
    Tensor *tensors = support_malloc(count * sizeof *tensors);
    memset(tensors, 0, count * sizeof *tensors);
    return tensors;
}

static void tensors_free(Tensor *tensors, uint32_t count)
{
    for (uint32_t i = 0; tensors && i < count; i++)
        tensor_free(&tensors[i]);
    support_free(tensors);
}

bool interpret(const Module *module, const Function *function, World *world, const Tensor *inputs, Tensor **outputs,
               char why[static 256])
{
    Run run = {.module = module, .function = function, .world = world, .inputs = inputs, .why = why, .run_body = interpret};
    run.values = tensors_new(function->ops.len);
    run.writes = tensors_new(module->states.len);
    why[0] = 0;
    bool fine = run_ops(&run) && commit_writes(&run);
    if (fine)
        *outputs = copy_outputs(&run);
    tensors_free(run.values, function->ops.len);
    tensors_free(run.writes, module->states.len);
    return fine;
}

void interpret_free_outputs(const Function *function, Tensor *outputs)
{
    tensors_free(outputs, function->outputs.len);
}

Tensor *world_states_new(const Module *module)
{
    Tensor *states = tensors_new(module->states.len);
    for (uint32_t i = 0; i < module->states.len; i++) {
        states[i] = tensor_new(module->states.data[i].type);
        memset(states[i].data, 0, (size_t)type_bytes(states[i].type));
    }
    return states;
}

void world_states_free(const Module *module, Tensor *states)
{
    tensors_free(states, module->states.len);
}
