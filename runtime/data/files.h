/* Whole files and folders. A file replaced through ReplacedFile is at any moment either the old one or the complete new one. */
#ifndef HN_RUNTIME_FILES_H
#define HN_RUNTIME_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* FOLDER/NAME, or NAME where it is absolute or the folder is NULL; to be freed by the caller. NULL (reported) without memory. */
char *path_join(const char *folder, const char *name);
bool path_exists(const char *path);

/* What reads a file, for messages. */
typedef struct FileUse {
    const char *folder;      /* that the user can choose; NULL: the names of files are paths */
    const char *kind, *name; /* "field", "mnist.image" */
} FileUse;
/* Reports, and returns false, that there is no such file, as errno says; `other` says what would have been read instead, or "".
 */
bool path_missing(const char *path, const FileUse *use, const char *other);
/* Refuses (reported) what exists but is no regular file: opening a pipe waits for a writer, and reading a device need not end. */
bool path_is_file(const char *path);
bool path_is_folder(const char *path);

/* Names of what is in a folder, in the order of their bytes. */
typedef struct FolderList {
    char **names;
    size_t count;
} FolderList;
/* Lists a folder, without names that begin with a dot. Problems are reported; folder_list_free in any case. */
bool folder_list(FolderList *list, const char *path);
void folder_list_free(FolderList *list);

/* Creates the folder and those above it. */
bool folder_create(const char *path);

typedef struct ReplacedFile {
    char *path, *temporary; /* the data goes to PATH.tmp until it is complete; owned */
    int descriptor;
} ReplacedFile;

/* Begins to replace `path`. After an error (reported; a full disk too) the previous file is as it was, and the ReplacedFile must
 * not be used again: replace_begin and replace_write have cleaned up when they return false. */
bool replace_begin(ReplacedFile *file, const char *path);
bool replace_write(ReplacedFile *file, const void *data, size_t size);
/* Syncs the data, renames it into place and syncs the folder. */
bool replace_finish(ReplacedFile *file);

#endif
