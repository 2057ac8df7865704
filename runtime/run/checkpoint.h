/* Checkpoints: every state except scratch under its own name in a safetensors file, and where the run stands in the file's
 * metadata. */
#ifndef HN_RUNTIME_CHECKPOINT_H
#define HN_RUNTIME_CHECKPOINT_H

#include "runtime/core/program.h"
#include "runtime/data/safetensors.h"
#include "runtime/run/position.h"

/* What must be equal for a run to be continued. */
typedef struct Identity {
    uint64_t seed;
    int64_t batch;
    int64_t total_steps, epoch_steps;
    int64_t rounds; /* plan_budgets(): tasks may be added to a run */
    int64_t threads;
    const uint64_t *data; /* Data.fingerprints, or NULL: not known. Not set by checkpoint_identify */
} Identity;

/* Replaces `path` atomically. Refuses (reported, naming the state) to write a weight, hyperparameter, scale or encoder that is
 * not finite. `finished`: see position_store. */
bool checkpoint_write(const char *path, const Program *program, const Identity *identity, const Position *position,
                      bool finished);
/* Reads who wrote a checkpoint and where the run stood. Refuses files of another model or train. Problems are reported. */
bool checkpoint_identify(const char *path, const Manifest *manifest, Identity *identity, Position *position);
/* Refuses (reported, naming the data set) a checkpoint of a run on data with other fingerprints. A checkpoint without
 * fingerprints is taken. */
bool checkpoint_check_data(const char *path, const Manifest *manifest, const uint64_t *fingerprints);
/* Whether some state has a row per value of an index, so that a run may go on with more of them than it began with. */
bool checkpoint_may_grow(const Manifest *manifest);
/* Reads all states but scratch. Of a state that grows, the file may hold the first part; the rest keeps what it has. *grown:
 * whether there was such a state. */
bool checkpoint_restore(const char *path, const Program *program, bool *grown);
/* Reads the seed of the run that wrote a checkpoint from its metadata. Problems are reported. */
bool checkpoint_seed(const char *path, uint64_t *seed);
/* Reads weights, hyperparameters, scales and encoders, from any safetensors file that has them with the right types and shapes,
 * and counters where the file has them. `part`: the file may hold the first part of a state that grows. */
bool checkpoint_load_weights(const char *path, const Program *program, bool part);
/* Whether all numbers at `data`, of the state's type, are finite. */
bool checkpoint_is_finite(const StateInfo *state, const void *data);
/* What makes the weight of that name in the model that wrote the file, where the tensor is only a part of it; or NULL. */
const char *checkpoint_part_of(const SafeFile *file, const char *name);
/* Reads one state of any role, if the file has it: *found. */
bool checkpoint_load_state(const char *path, const Program *program, const StateInfo *state, bool *found);

#endif
