/* Weights whose first numbers come from files: those that the model freezes, and those of `train --from FILE`. */
#ifndef HN_RUNTIME_FIRST_WEIGHTS_H
#define HN_RUNTIME_FIRST_WEIGHTS_H

#include "runtime/core/program.h"

/* Reads every frozen weight from its file, a safetensors file in the folder `data` (an absolute path stays as it is) that must
 * hold it under the weight's name with its type and shape. Problems are reported. */
bool first_weights_frozen(const Program *program, const char *data);
/* Gives the trained weights that the file holds its numbers, and says how many begin as the model says. Refuses (reported) a file
 * that holds none, or one with another shape, and a train that begins nets anew. NULL: does nothing. */
bool first_weights_from(const Program *program, const char *path);

#endif
