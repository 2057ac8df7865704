/* The manifest of this binary: reads it from its text, checks it, and answers what several parts ask of it. Its structs:
 * abi/manifest.def. */
#ifndef HN_RUNTIME_MANIFEST_H
#define HN_RUNTIME_MANIFEST_H

#include "runtime/abi/manifest.h"

enum { MAX_OUTPUTS = 16, MAX_POINTS = 256, MAX_INDEX_POINTS = 4096, MAX_ROWS = 100000, MAX_PHASES = 3, MAX_ACTS = 64 };

/* Reads and checks the manifest: the ABI's version, types, offsets within the arena, and that all parts fit together. What is
 * wrong is reported (as an internal error: only a defect of the compiler or a mixed-up build can cause it). */
bool manifest_read(Manifest *manifest, const char *text);
void manifest_free(Manifest *manifest);
/* "u8[28, 28]" into `text`. */
enum { TENSOR_TEXT_SIZE = 224 };
const char *tensor_text(const TensorInfo *tensor, char text[TENSOR_TEXT_SIZE]);
const StateInfo *manifest_state(const Manifest *manifest, const char *name); /* or NULL */
/* The state FIELD/what that encodes a field's numbers ("mean", "scale", "fill"), or NULL. */
const StateInfo *manifest_encoder(const Manifest *manifest, const FieldInfo *field, const char *what);
/* What the files call class number `k` of a field (of the manifest): a category of a table, or a number, which is written into
 * `text`. */
enum { CLASS_TEXT_SIZE = 24 };
const char *manifest_class(const Manifest *manifest, size_t field, int64_t k, char text[CLASS_TEXT_SIZE]);
/* The members of a data set that have rows of their own: 1 of a data set that is no family, 0 of a family with a base. */
size_t own_members(const DatasetInfo *dataset);
/* The name of such a member: that of the data set, or of a family "sites[2]". */
enum { MEMBER_NAME_SIZE = 224 };
const char *member_name(const DatasetInfo *dataset, size_t member, char text[MEMBER_NAME_SIZE]);
/* The function's input of that name, or NULL. */
const TensorInfo *function_input(const FunctionInfo *function, const char *name);
const SweepInfo *manifest_sweep(const Manifest *manifest); /* of its train, or NULL */
/* Elements of all states of that role. */
int64_t manifest_elements(const Manifest *manifest, StateRole role);

/* How many numbers a hyperparameter is. */
size_t hyper_elements(const HyperInfo *hyper);
/* How an event of the log calls an output of a phase's step: "OUTPUT.PHASE". One whose name ends in that of the next phase, of
 * which the step reads a batch, has its own name. */
void manifest_figure(const TrainInfo *train, size_t phase, const char *output, char *key, size_t size);

#endif
