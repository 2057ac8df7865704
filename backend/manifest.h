/* What a built binary tells the runtime about itself, as JSON. Its content is specified in docs/runtime.md. */
#ifndef HNC_BACKEND_MANIFEST_H
#define HNC_BACKEND_MANIFEST_H

#include "ir/model.h"
#include "ir/target.h"
#include "passes/schedule.h"
#include "runtime/abi/manifest.h"

/* A field, and a data set without its fields and their states, as the runtime knows them. What they point at lies in the arena or
 * is the model's. */
FieldInfo field_info(const Field *field);
DatasetInfo dataset_info(const Dataset *dataset, Arena *arena);

/* All of it. The model holds its step functions and at most one train. What it points at lies in the arena or is the model's. */
Manifest manifest_of(const Model *model, const Plan *plan, const Target *target, Arena *arena);

/* The text of hn_manifest, in the arena: keys in a fixed order, numbers in full precision, no spaces. The model holds its step
 * functions and at most one train. NULL if a name in the model is not UTF-8. The processor's name and the features of "native"
 * are written out, so that the binary can refuse to run where it cannot. */
char *manifest_json(const Model *model, const Plan *plan, const Target *target, Arena *arena);

#endif
