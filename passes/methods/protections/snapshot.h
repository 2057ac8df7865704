/* What protections share that compare what a net makes now with what it made as the task at hand began. */
#ifndef HNC_PASSES_SNAPSHOT_H
#define HNC_PASSES_SNAPSHOT_H

#include "passes/methods/methods.h"

/* What a function is copied with: where a state is read, its value by the table (NO_VALUE: the state itself); the task; the index
 * of a batch, which is then no input (NO_VALUE: there is none). */
typedef struct Numbers {
    const Value *of_state;
    Value task, index;
} Numbers;

/* Appends what the function, after pass_weights, makes with these numbers: results[i] for its output i. Conditions other than the
 * task have their values at hand. */
void inline_at(Assembly *assembly, Builder *b, const Function *function, Numbers numbers, Value *results);

/* Whether a later task moves the trained numbers: those that tasks share, and the rows of earlier tasks if these are plastic. */
bool is_moved(const Train *train, const State *state);

/* Tables of values by state, for support_free(): none; those that the step trains, as they are; the snapshots of what the
 * function reads, of states that the step trains (that have a value in `trained`). */
Value *no_numbers(const Module *module);
Value *own_numbers(const WeightStep *step);
Value *snapshot_numbers(Assembly *assembly, Builder *b, const Function *function, const Value *trained);
/* snapshot <- the shared states, as they are, and the tables of a row per task if earlier rows move, too */
void snapshot_write(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared);

/* All tasks but the last, as i32[rows], and what each counts: 1 / n for each of n earlier tasks, 0 for a later one. */
Value earlier_tasks(Assembly *assembly, Builder *b, int64_t rows, Value *counts);
/* A scalar, and another scalar with the same derivatives, which is the one that is differentiated. */
typedef struct Regulariser {
    Value value, slope;
} Regulariser;
/* Adds strength * value, which is reported as "remember": its gradient with respect to numbers[] goes to the state's gradient.
 * Embeddings of tasks are left alone unless they are plastic. */
void add_regulariser(Assembly *assembly, WeightStep *step, Regulariser regulariser, const Value *numbers);

#endif
