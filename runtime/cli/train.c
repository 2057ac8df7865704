/* `OUT train`. */
#include "runtime/run/train.h"

#include "runtime/cli/commands.h"

int command_train(const Manifest *manifest, const Options *options)
{
    return train_command(manifest, &options->run);
}
