/* The commands of a built program, one file per row of commands.def. Each returns the exit status. */
#ifndef HN_RUNTIME_COMMANDS_H
#define HN_RUNTIME_COMMANDS_H

#include "runtime/cli/options.h"

/* `OUT train`: runtime/run/train.h. */
int command_train(const Manifest *manifest, const Options *options);
/* `OUT eval` prints the metrics of the train with the weights of a file. */
int command_eval(const Manifest *manifest, const Options *options);
/* `OUT predict` prints, as CSV, one line per row of the data: its place (the line in a table, the number of an example in files
 * of another format) and the elements of the export's result. An argument of the export is the field of a data set that has its
 * name and type, or the preference. A table needs only the columns of these fields; they are encoded as the file of the weights
 * says. */
int command_predict(const Manifest *manifest, const Options *options);
/* `OUT plot` draws curves.svg from the folder's metrics.jsonl and a picture of the sweep from its file, as far as these files
 * exist, and prints what it wrote. Exit status: 1 (reported) if there is nothing to draw, or if a file is damaged or cannot be
 * drawn; the other picture is drawn all the same. */
int command_plot(const Manifest *manifest, const Options *options);
/* `OUT info` prints what the binary holds: model, train, hyperparameters, states, parameter counts, memory, processor and data
 * files. */
int command_info(const Manifest *manifest, const Options *options);

#endif
