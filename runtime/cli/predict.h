/* Exports of the model on data that the user names. */
#ifndef HN_RUNTIME_PREDICT_H
#define HN_RUNTIME_PREDICT_H

#include "runtime/cli/options.h"
#include "runtime/core/manifest.h"

/* `OUT predict`: exit status. Prints, as CSV, a line for each row of the data: where it stands (the line of a table, the number of
 * an example of files of another format) and the elements of what the export gives. An argument of the export is the field of a data set that has
 * its name and type, or the preference. Of a table only the columns of these fields need be there; they are encoded as the weights'
 * file says. */
int predict_command(const Manifest *manifest, const Options *options);

#endif
