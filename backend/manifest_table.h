/* Data sets of CSV files in the manifest (docs/runtime.md). */
#ifndef HNC_BACKEND_MANIFEST_TABLE_H
#define HNC_BACKEND_MANIFEST_TABLE_H

#include <jansson.h>

#include "tabular/schema.h"

/* The object `table` of a data set; a new reference. */
json_t *manifest_table(const Schema *schema);

#endif
