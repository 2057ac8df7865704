/* Trials that end early because they promise little: rows of runtime/abi/pruners.def. */
#ifndef HN_RUNTIME_PRUNERS_H
#define HN_RUNTIME_PRUNERS_H

#include "runtime/core/manifest.h"

/* Whether the train's pruner looks at a trial after so many evaluations of it. */
bool pruner_looks(const TrialsInfo *info, size_t evaluations);
/* Whether it then ends a trial whose least value so far is `own`, where `count` others had these least values at that evaluation; their
 * order changes. */
bool pruner_ends(const TrialsInfo *info, double own, double *others, size_t count);

#endif
