/* Fine-tuning: nothing protects earlier tasks. */
#include "passes/methods/methods.h"

const Protection protection_nothing = {0};
