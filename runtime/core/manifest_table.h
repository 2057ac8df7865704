#ifndef HN_RUNTIME_MANIFEST_TABLE_H
#define HN_RUNTIME_MANIFEST_TABLE_H

#include "runtime/core/manifest.h"

/* Whether a data set of CSV files has a schema that makes its fields, with the states that encode them. */
bool schema_fits(const Manifest *manifest, const DatasetInfo *dataset);

#endif
