/* Rows that functions of the program compute. */
#ifndef HN_DATA_COMPUTE_H
#define HN_DATA_COMPUTE_H

#include "runtime/data/dataset.h"

/* Fills the tables of a data set whose rows are computed, in its order. They depend on the seed, on the program's code, and on the
 * tables of the data sets of which they take examples, which are filled. Reports numbers that are not finite, labels that are no
 * class, and splits that have other rows here than in the code. */
bool compute_rows(const Data *data, size_t dataset, const Program *program);

#endif
