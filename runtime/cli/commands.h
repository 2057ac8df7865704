/* The commands of a built program: command_NAME for each row of commands.def, in NAME.c, which says what it does. Each returns
 * the exit status. */
#ifndef HN_RUNTIME_COMMANDS_H
#define HN_RUNTIME_COMMANDS_H

#include "runtime/cli/options.h"

#define COMMAND(name, ...) int command_##name(const Manifest *manifest, const Options *options);
#include "runtime/cli/commands.def"
#undef COMMAND

#endif
