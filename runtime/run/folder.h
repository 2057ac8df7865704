/* The folders that runs have where nobody names one: runs/MODEL-TRAIN-1, -2, and so on, one per run. */
#ifndef HN_RUNTIME_FOLDER_H
#define HN_RUNTIME_FOLDER_H

#include "runtime/abi/manifest.h"

/* "runs/MODEL-TRAIN", what the numbers follow. For free(); NULL (reported) without memory. */
char *folder_stem(const Manifest *manifest);
/* Of the folders that hold a checkpoint the one with the largest number, or else the one without a number that older versions
 * made; NULL if there is none. For free(). */
char *folder_newest(const Manifest *manifest);
/* Creates the folder with the next number. No two processes get the same one. For free(); NULL (reported) if that fails. */
char *folder_claim(const Manifest *manifest);
/* The weights of the newest run, the best ones if it has any, which a note names. For free(); NULL (reported, with `command`,
 * which needs them) if there is no run. */
char *folder_newest_weights(const Manifest *manifest, const char *command);

#endif
