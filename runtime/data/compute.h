/* Rows that functions of the program compute. */
#ifndef HN_DATA_COMPUTE_H
#define HN_DATA_COMPUTE_H

#include "runtime/data/format.h"

/* Fills the tables: row order[i] is computed as row i. They depend on the seed and on the program's code alone. Reports numbers
 * that are not finite, and labels that are no class. */
bool compute_rows(const DataSource *source, const Program *program, const int32_t *order, void *const *tables);

#endif
