#include "runtime/data/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/core/report.h"

char *path_join(const char *folder, const char *name)
{
    char *path = NULL;
    int length = name[0] == '/' || !folder ? asprintf(&path, "%s", name) : asprintf(&path, "%s/%s", folder, name);
    if (length < 0) {
        report_error("out of memory");
        return NULL;
    }
    return path;
}

bool path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool path_missing(const char *path, const FileUse *use, const char *other)
{
    static const char where[] = ". Say with --data DIR or the environment variable HNC_DATA in which folder the data is";
    return report_error("%s: %s; the %s %s is read from it%s%s", path, strerror(errno), use->kind, use->name, other,
                        use->folder ? where : "");
}

bool path_is_file(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return report_error("%s: %s", path, strerror(errno));
    const char *kind = S_ISDIR(status.st_mode)                              ? "folder"
                       : S_ISFIFO(status.st_mode)                           ? "pipe"
                       : S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) ? "device"
                                                                            : "socket";
    return S_ISREG(status.st_mode) || report_error("%s: is a %s, but must be a file", path, kind);
}

bool path_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool folder_list(FolderList *list, const char *path)
{
    *list = (FolderList){0};
    DIR *folder = opendir(path);
    if (!folder)
        return report_error("%s: %s", path, strerror(errno));
    bool fine = true;
    size_t room = 0;
    errno = 0;
    for (const struct dirent *entry; fine && (entry = readdir(folder));) {
        if (*entry->d_name == '.')
            continue;
        if (list->count == room) {
            room = room ? 2 * room : 64;
            char **names = realloc(list->names, room * sizeof *names);
            fine = names || report_error("out of memory");
            list->names = fine ? names : list->names;
        }
        char *name = fine ? strdup(entry->d_name) : NULL;
        fine = fine && (name || report_error("out of memory"));
        if (fine)
            list->names[list->count++] = name;
        errno = 0;
    }
    if (fine && errno)
        fine = report_error("%s: %s", path, strerror(errno));
    closedir(folder);
    if (list->count)
        qsort(list->names, list->count, sizeof *list->names, by_bytes);
    return fine;
}

void folder_list_free(FolderList *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (FolderList){0};
}

bool folder_create(const char *path)
{
    char *part = path_join(path, "");
    if (!part)
        return false;
    bool fine = true;
    for (char *slash = strchr(part + 1, '/'); slash && fine; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        fine = mkdir(part, 0777) == 0 || errno == EEXIST;
        if (!fine)
            report_error("cannot create the folder %s: %s", part, strerror(errno));
        *slash = '/';
    }
    free(part);
    struct stat status;
    if (fine && (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)))
        fine = report_error("%s is not a folder", path);
    return fine;
}

static bool replace_fail(ReplacedFile *file, const char *what)
{
    const char *reason = strerror(errno); /* before path_exists() changes it */
    report_error("cannot %s %s: %s; %s", what, file->temporary, reason,
                 path_exists(file->path) ? "the previous file is kept" : "no file was written");
    if (file->descriptor >= 0)
        close(file->descriptor);
    unlink(file->temporary);
    free(file->path);
    free(file->temporary);
    *file = (ReplacedFile){.descriptor = -1};
    return false;
}

bool replace_begin(ReplacedFile *file, const char *path)
{
    *file = (ReplacedFile){.descriptor = -1};
    if (asprintf(&file->temporary, "%s.tmp", path) < 0)
        return report_error("out of memory");
    file->path = strdup(path);
    if (!file->path) {
        free(file->temporary);
        return report_error("out of memory");
    }
    unlink(file->temporary); /* a file that a killed run left, or a link that somebody else made */
    file->descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return file->descriptor >= 0 || replace_fail(file, "create");
}

bool replace_write(ReplacedFile *file, const void *data, size_t size)
{
    const char *rest = data;
    while (size > 0) {
        ssize_t written = write(file->descriptor, rest, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return replace_fail(file, "write");
        rest += written;
        size -= (size_t)written;
    }
    return true;
}

/* Makes a rename in the folder of `path` durable. File systems that cannot sync a folder need not. */
static bool sync_folder_of(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return false;
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    int descriptor = open(!slash ? "." : slash == folder ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (descriptor < 0)
        return false;
    bool fine = fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS;
    close(descriptor);
    return fine;
}

bool replace_finish(ReplacedFile *file)
{
    if (fsync(file->descriptor) != 0)
        return replace_fail(file, "write");
    int descriptor = file->descriptor;
    file->descriptor = -1;
    if (close(descriptor) != 0)
        return replace_fail(file, "close");
    if (rename(file->temporary, file->path) != 0)
        return replace_fail(file, "rename");
    bool fine = sync_folder_of(file->path);
    if (!fine)
        report_error("cannot sync the folder of %s: %s", file->path, strerror(errno));
    free(file->path);
    free(file->temporary);
    return fine;
}
