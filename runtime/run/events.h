/* What a train counts along its way, such as steps in which a solver fell back: states of the program that a result tells. */
#ifndef HN_RUNTIME_EVENTS_H
#define HN_RUNTIME_EVENTS_H

#include <jansson.h>

#include "runtime/core/program.h"

/* How often each event happened, under the last part of its state's name, as members of the object. */
void events_add(const Program *program, json_t *object);
/* "unsolved 3, fallbacks 1": those that happened. The text, of at most `size` bytes with its end, is empty if none did. */
void events_list(const Program *program, char *text, size_t size);

#endif
