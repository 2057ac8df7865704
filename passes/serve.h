/* Exports as functions of an object that stands alone (`hnc aot`): what is known when it is made is computed then, what depends on
 * conditions alone is generated once per value of them, and the rest computes examples.
 *
 *     check(conditions)                     -> status
 *     generate(conditions)                  -> kept tensors
 *     compute(example, ..., kept tensors)   -> result, status
 *
 * All are pure: the only states that they read have literal numbers. A status is an i32, a ServeStatus, by the name SERVE_STATUS. */
#ifndef HNC_PASSES_SERVE_H
#define HNC_PASSES_SERVE_H

#include "passes/passes.h"

typedef enum {
    SERVE_FINE = 0,
    SERVE_CONDITION = 1, /* a value of a condition outside its domain */
    SERVE_INDEX = 2,     /* an index outside its table */
} ServeStatus;

/* The name of a function's output that is its status: an export may be called `status`. */
#define SERVE_STATUS "/status"

/* Of examples per call: any number, SERVE_BLOCK at a time and then one by one. */
enum { SERVE_ANY = -1, SERVE_BLOCK = 32 };

/* What the values of some conditions generate, for all exports that take these conditions. */
typedef struct Generator {
    VEC(ExportArgument) conditions;
    Function *check, *generate; /* generate: its outputs are the kept tensors, named after states. NULL: there are none */
    VEC(int64_t) offsets;       /* of the kept tensors, in bytes, in one block of memory */
    int64_t bytes;              /* of this block; 0: nothing is kept */
} Generator;

typedef struct Served {
    const Export *export; /* its arguments are those that are left */
    int generator;        /* -1: the export takes no condition */
    Function *compute;    /* its inputs: those arguments that are no conditions, "row.number" where it draws, kept tensors by name */
    Function *single;     /* where calls have any number of examples, of which `compute` takes export->rows: one. NULL otherwise */
} Served;

typedef struct Service {
    Model *model;
    VEC(Generator) generators;
    VEC(Served) served;
} Service;

/* Per condition of the module its value, as a program has it (unconstrained numbers of hyperparameters, a preference of sum 1, an
 * index), where it is known when the object is made. NULL: it stays an argument where it is one. */
typedef const double *const *FixedConditions;

/* In this order, for a model whose exports method_assemble has left, and that has no other functions any more.
 *
 * serve_begin: conditions that are fixed are no arguments any more. `written`: the others take what a user writes; else what the
 * runtime gives.
 * serve_fold: per export, the function without inputs that computes what depends on no argument, into states that it adds from
 * number *first on; NULL where there is nothing. The caller runs them and sets the literals of these states.
 * serve_finish: splits the exports and finishes them; `rows` examples per call, 0: one without an axis, SERVE_ANY: calls say how
 * many. */
void serve_begin(Model *model, FixedConditions fixed, bool written);
Function *serve_fold(Model *model, Export *export, const PassTrace *trace);
void serve_finish(Model *model, int64_t rows, const PassTrace *trace, Service *service);
void service_free(Service *service);

#endif
