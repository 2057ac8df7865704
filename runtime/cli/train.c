/* `OUT train`: a run of the train, new or resumed (runtime/run/train.h). */
#include "runtime/run/train.h"

#include "runtime/cli/commands.h"

int command_train(const Manifest *manifest, const Options *options)
{
    return train_command(manifest, &options->run);
}
