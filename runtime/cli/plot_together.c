/* What is learned together needs no picture of its own: its curves show it. */
#include "runtime/cli/plot.h"

const SweepPicture picture_together = {.one = NULL};
