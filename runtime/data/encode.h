/* Tables that are filled only when the states of the program are known. */
#ifndef HN_DATA_ENCODE_H
#define HN_DATA_ENCODE_H

#include "runtime/data/dataset.h"

/* Fills the tables of formats that encode, as the program's states of role encoder say, and those of computed rows. `fit`: the
 * states are fitted first, on the split called train, or on the first one of the data set; of a family, on that of all members
 * together. Problems are reported. */
bool data_encode(Data *data, const Program *program, bool fit);

#endif
