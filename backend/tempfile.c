#include "backend/tempfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/arena.h"

static void explain(char why[static 256], const char *path)
{
    snprintf(why, 256, "cannot write '%.160s': %s", path, strerror(errno));
}

char *tempfile_create(const char *path, char why[static 256])
{
    static const char suffix[] = ".XXXXXX";
    struct stat present;
    if (stat(path, &present) == 0 && !S_ISREG(present.st_mode)) { /* renaming would replace a device such as /dev/null */
        snprintf(why, 256, "cannot write '%.160s': it is not a regular file", path);
        return NULL;
    }
    size_t length = strlen(path);
    char *temp = support_malloc(length + sizeof suffix);
    memcpy(temp, path, length);
    memcpy(temp + length, suffix, sizeof suffix);
    int file = mkstemp(temp);
    if (file < 0) {
        explain(why, path);
        support_free(temp);
        return NULL;
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(file, 0666 & ~mask); /* mkstemp makes it private */
    close(file);
    return temp;
}

bool tempfile_commit(char *temp, const char *path, char why[static 256])
{
    bool renamed = rename(temp, path) == 0;
    if (!renamed) {
        explain(why, path);
        unlink(temp);
    }
    support_free(temp);
    return renamed;
}

void tempfile_discard(char *temp)
{
    unlink(temp);
    support_free(temp);
}

bool tempfile_write(const char *path, const char *bytes, size_t size, char why[static 256])
{
    char *temp = tempfile_create(path, why);
    if (!temp)
        return false;
    FILE *file = fopen(temp, "wb");
    bool written = file && fwrite(bytes, 1, size, file) == size;
    if (file && fclose(file) != 0) /* writing the last bytes may fail here */
        written = false;
    if (!written) {
        explain(why, path);
        tempfile_discard(temp);
        return false;
    }
    return tempfile_commit(temp, path, why);
}
