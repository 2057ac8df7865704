/* Each task from scratch: a net of its own, which begins with first values and knows no other task. */
#include "passes/methods/methods.h"

const Protection protection_separate = {.separate = true};
