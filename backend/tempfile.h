/* Files that appear under their name only when complete. */
#ifndef HNC_BACKEND_TEMPFILE_H
#define HNC_BACKEND_TEMPFILE_H

#include <stdbool.h>
#include <stddef.h>

/* Creates an empty file beside `path` and returns its name (heap; give it to tempfile_commit or tempfile_discard), or NULL with
 * the reason, which names `path`. What stands under `path` must be a regular file, if there is anything. */
char *tempfile_create(const char *path, char why[static 256]);
/* Renames the file to `path`. On failure removes it. Frees `temp` either way. */
bool tempfile_commit(char *temp, const char *path, char why[static 256]);
/* Removes the file and frees its name. */
void tempfile_discard(char *temp);
/* All three in one: replaces `path` by these bytes. */
bool tempfile_write(const char *path, const char *bytes, size_t size, char why[static 256]);

#endif
