#include "runtime/run/folder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"

static const char runs[] = "runs";

static char *numbered(const Manifest *manifest, int64_t number)
{
    char *path = NULL;
    int length = number > 0 ? asprintf(&path, "%s/%s-%s-%" PRId64, runs, manifest->model, manifest->train->name, number)
                            : asprintf(&path, "%s/%s-%s", runs, manifest->model, manifest->train->name);
    if (length >= 0)
        return path;
    report_error("out of memory");
    return NULL;
}

char *folder_stem(const Manifest *manifest)
{
    return numbered(manifest, 0);
}

/* Whether this is a folder and, if `of_a_run`, holds a checkpoint. */
static bool is_folder(const char *path, bool of_a_run)
{
    struct stat status;
    if (!path || stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return false;
    char *last = of_a_run ? path_join(path, "last.safetensors") : NULL;
    bool fine = !of_a_run || (last && path_exists(last));
    free(last);
    return fine;
}

/* The largest N of such a folder STEM-N; 0: STEM alone; -1: there is none. */
static int64_t largest_number(const Manifest *manifest, bool of_a_run)
{
    char *stem = folder_stem(manifest);
    const char *name = stem ? stem + sizeof runs : "";
    size_t length = strlen(name);
    int64_t largest = is_folder(stem, of_a_run) ? 0 : -1;
    DIR *folder = stem ? opendir(runs) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *digits = entry->d_name + length + 1;
        if (strncmp(entry->d_name, name, length) || entry->d_name[length] != '-' || !*digits || *digits == '0' ||
            strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 9)
            continue;
        int64_t number = strtoll(digits, NULL, 10);
        char *path = path_join(runs, entry->d_name);
        if (number > largest && is_folder(path, of_a_run))
            largest = number;
        free(path);
    }
    if (folder)
        closedir(folder);
    free(stem);
    return largest;
}

char *folder_newest(const Manifest *manifest)
{
    int64_t number = largest_number(manifest, true);
    return number < 0 ? NULL : numbered(manifest, number);
}

char *folder_claim(const Manifest *manifest)
{
    if (!folder_create(runs))
        return NULL;
    int64_t largest = largest_number(manifest, false);
    for (int64_t number = largest < 1 ? 1 : largest + 1;; number++) {
        char *path = numbered(manifest, number);
        if (!path || mkdir(path, 0777) == 0)
            return path;
        bool taken = errno == EEXIST;
        if (!taken)
            report_error("cannot create the folder %s: %s", path, strerror(errno));
        free(path);
        if (!taken)
            return NULL;
    }
}

char *folder_newest_weights(const Manifest *manifest, const char *command)
{
    char *folder = manifest->train ? folder_newest(manifest) : NULL;
    char *best = folder ? path_join(folder, "best.safetensors") : NULL;
    if (best && !path_exists(best)) {
        free(best);
        best = path_join(folder, "last.safetensors");
    }
    free(folder);
    if (best && path_exists(best)) {
        report_note("the weights are those of the newest run: %s", best);
        return best;
    }
    free(best);
    report_error("%s needs --weights FILE: in %s/ there is no run of this model whose weights it could take", command, runs);
    return NULL;
}
