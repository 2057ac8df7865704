/* The commands of a built program, one file per row of commands.def. Each returns the exit status. */
#ifndef HN_RUNTIME_COMMANDS_H
#define HN_RUNTIME_COMMANDS_H

#include "runtime/cli/options.h"

/* `OUT train`: runtime/run/train.h. */
int command_train(const Manifest *manifest, const Options *options);
/* `OUT eval` prints the metrics of the train with the weights of a file. */
int command_eval(const Manifest *manifest, const Options *options);
/* `OUT predict` prints, as CSV, a line for each row of the data: where it stands (the line of a table, the number of
 * an example of files of another format) and the elements of what the export gives. An argument of the export is the field of a
 * data set that has its name and type, or the preference. Of a table only the columns of these fields need be there; they are
 * encoded as the weights' file says. */
int command_predict(const Manifest *manifest, const Options *options);
/* `OUT plot` draws curves.svg from the folder's metrics.jsonl and a picture of the sweep from its file, as far as they are there,
 * and prints what it wrote. Exit status: 1 (reported) if there is nothing to draw, or if a file is damaged or cannot be drawn;
 * the other picture is drawn all the same. */
int command_plot(const Manifest *manifest, const Options *options);
/* `OUT info` prints what the binary holds: model, train, hyperparameters, states, parameter counts, memory, processor and data
 * files. */
int command_info(const Manifest *manifest, const Options *options);

#endif
