/* Folders of images: one folder per class, in a folder that the model names, or, of a data set without classes, images in that
 * folder. Examples stand in the order of the folders, then of the names of classes, then of files, each by their bytes. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"
#include "runtime/data/format.h"
#include "runtime/data/image.h"

typedef struct Images {
    size_t image, label; /* fields of the manifest; NO_FIELD: the data set at hand has none */
    char **paths;        /* of the examples; owned */
    int32_t *labels;
    size_t count, room;
    const char *const *names; /* of the classes, in the order of their bytes */
    size_t name_count;
    FolderList found; /* the names, where the model does not know them yet */
    int64_t left_out; /* files that are no images, and folders below those of classes */
    char *first_left_out;
} Images;

#define NO_FIELD SIZE_MAX

/* ---- examples ---- */

/* Takes over the path. */
static bool add_image(Images *images, char *path, int32_t label)
{
    if (images->count == images->room) {
        size_t room = images->room ? 2 * images->room : 1024;
        char **paths = realloc(images->paths, room * sizeof *paths);
        images->paths = paths ? paths : images->paths;
        int32_t *labels = paths ? realloc(images->labels, room * sizeof *labels) : NULL;
        images->labels = labels ? labels : images->labels;
        if (!labels) {
            free(path);
            return report_error("out of memory");
        }
        images->room = room;
    }
    images->paths[images->count] = path;
    images->labels[images->count++] = label;
    return true;
}

/* Takes over the path. */
static void leave_out(Images *images, char *path)
{
    if (images->left_out++ == 0)
        images->first_left_out = path;
    else
        free(path);
}

/* All images of a folder. */
static bool add_folder(Images *images, const char *folder, int32_t label)
{
    FolderList list;
    size_t before = images->count;
    bool fine = folder_list(&list, folder);
    for (size_t i = 0; fine && i < list.count; i++) {
        char *path = path_join(folder, list.names[i]);
        fine = path != NULL;
        if (fine && image_has_name(list.names[i]))
            fine = add_image(images, path, label);
        else if (fine)
            leave_out(images, path);
    }
    folder_list_free(&list);
    return fine &&
           (images->count > before || report_error("%s: holds no images: their names end in .png, .jpg or .jpeg", folder));
}

/* The number of the class, or -1 (reported). */
static int32_t find_class(const Images *images, const DataSource *source, const char *path, const char *name)
{
    NameList names = {""};
    for (size_t i = 0; i < images->name_count; i++) {
        if (!strcmp(images->names[i], name))
            return (int32_t)i;
        name_list_add(&names, images->names[i]);
    }
    report_error("%s: is no class of %s, whose classes are %s", path, source->fields[images->label].tensor.name, names.text);
    return -1;
}

/* The images of all folders in a folder, each of which is a class. */
static bool add_classes(Images *images, const DataSource *source, const char *folder)
{
    FolderList list;
    size_t before = images->count;
    bool fine = folder_list(&list, folder);
    for (size_t i = 0; fine && i < list.count; i++) {
        char *path = path_join(folder, list.names[i]);
        fine = path != NULL;
        if (fine && path_is_folder(path)) {
            int32_t label = find_class(images, source, path, list.names[i]);
            fine = label >= 0 && add_folder(images, path, label);
            free(path);
        } else if (fine && image_has_name(list.names[i])) {
            fine = report_error("%s: is an image outside of a folder that says its class", path);
            free(path);
        } else if (fine) {
            leave_out(images, path);
        }
    }
    folder_list_free(&list);
    return fine && (images->count > before || report_error("%s: holds no folders: one per class is needed", folder));
}

/* What a name of the model stands for. */
static bool add_source(Images *images, const DataSource *source, const char *name)
{
    char *path = path_join(source->folder, name);
    const FileUse use = {source->folder, "data set", source->dataset->name};
    if (!path)
        return false;
    bool there = path_exists(path) || path_missing(path, &use, ""), folder = there && path_is_folder(path);
    if (there && !folder && images->label == NO_FIELD)
        return add_image(images, path, 0);
    if (there && !folder)
        there = report_error("%s: is a file, but must be a folder that holds one folder per class", path);
    bool fine = there && (images->label == NO_FIELD ? add_folder(images, path, 0) : add_classes(images, source, path));
    free(path);
    return fine;
}

/* ---- classes ---- */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Moves the names of the folders in a folder into the list. */
static bool find_names(FolderList *found, const char *folder)
{
    FolderList list;
    bool fine = folder_list(&list, folder);
    char **names = fine ? realloc(found->names, (found->count + list.count + 1) * sizeof *names) : NULL;
    fine = fine && (names || report_error("out of memory"));
    found->names = names ? names : found->names;
    for (size_t i = 0; fine && i < list.count; i++) {
        char *path = path_join(folder, list.names[i]);
        json_t *text = json_string(list.names[i]); /* NULL: it is not UTF-8 */
        fine = path != NULL;
        if (fine && path_is_folder(path)) {
            fine = text || report_error("%s: the name of a class must be UTF-8 text", path);
            found->names[found->count++] = list.names[i];
            list.names[i] = NULL;
        }
        json_decref(text);
        free(path);
    }
    folder_list_free(&list);
    return fine;
}

/* The classes are the folders of the main files. */
static bool find_classes(Images *images, const DataSource *source)
{
    FolderList *found = &images->found;
    size_t kept = 0;
    for (size_t i = 0; i < source->dataset->file_count; i++) {
        char *path = path_join(source->folder, source->dataset->files[i]);
        bool fine = path && (!path_is_folder(path) || find_names(found, path)); /* add_source refuses what is no folder */
        free(path);
        if (!fine)
            return false;
    }
    if (found->count)
        qsort(found->names, found->count, sizeof *found->names, by_bytes);
    for (size_t i = 0; i < found->count; i++)
        if (kept && !strcmp(found->names[kept - 1], found->names[i]))
            free(found->names[i]);
        else
            found->names[kept++] = found->names[i];
    found->count = kept;
    images->names = (const char *const *)found->names;
    images->name_count = kept;
    return true;
}

static int64_t images_classes(DataSource *source, size_t field, const char *const **names)
{
    const Images *images = source->content;
    *names = images->names;
    return field == images->label ? (int64_t)images->name_count
                                  : report_internal("%s is not the class of the images", source->fields[field].tensor.name) - 1;
}

/* ---- the data set ---- */

/* Which fields are the image and its class. */
static bool find_fields(Images *images, const DataSource *source)
{
    images->image = images->label = NO_FIELD;
    bool fine = true;
    for (size_t i = 0; i < source->dataset->field_count; i++) {
        size_t number = source->dataset->fields[i];
        const FieldInfo *field = &source->fields[number];
        size_t *place = field->classes ? &images->label : &images->image;
        if (field->index)
            continue;
        fine = fine && *place == NO_FIELD && (field->classes || image_is_field(field));
        *place = number;
    }
    if (fine && images->label != NO_FIELD) {
        images->names = source->fields[images->label].names;
        images->name_count = source->fields[images->label].name_count;
    }
    return fine || report_internal("the fields of %s are no image and its class", source->dataset->name);
}

static bool add_sources(Images *images, DataSource *source, const char *const *files, size_t count, bool test)
{
    size_t per_member = count / source->member_count;
    for (size_t i = 0; i < count; i++) {
        size_t before = images->count;
        MemberRows *rows = &source->members[i / per_member];
        if (!add_source(images, source, files[i]))
            return false;
        *(test ? &rows->test : &rows->main) += (int64_t)(images->count - before);
    }
    return true;
}

static bool images_open(DataSource *source)
{
    const DatasetInfo *dataset = source->dataset;
    Images *images = source->content = calloc(1, sizeof *images);
    if (!images)
        return report_error("out of memory");
    if (!find_fields(images, source) || (images->label != NO_FIELD && !images->names && !find_classes(images, source)))
        return false;
    return add_sources(images, source, dataset->files, dataset->file_count, false) &&
           add_sources(images, source, dataset->test_files, dataset->test_file_count, true);
}

static bool images_read(DataSource *source, void *const *tables)
{
    const Images *images = source->content;
    const FieldInfo *field = images->image == NO_FIELD ? NULL : &source->fields[images->image];
    bool fine = true;
    if (images->left_out)
        report_note("of the folders of %s, %" PRId64
                    " file%s, such as %s, %s left out: names of images end in .png, .jpg or .jpeg",
                    source->dataset->name, images->left_out, images->left_out == 1 ? "" : "s", images->first_left_out,
                    images->left_out == 1 ? "is" : "are");
    for (size_t i = 0; fine && field && i < images->count; i++)
        fine = image_read(images->paths[i], field, source->dataset->resize,
                          (unsigned char *)tables[images->image] + i * (size_t)field->tensor.bytes);
    if (fine && images->label != NO_FIELD)
        memcpy(tables[images->label], images->labels, images->count * sizeof *images->labels);
    return fine;
}

static void images_close(DataSource *source)
{
    Images *images = source->content;
    if (!images)
        return;
    for (size_t i = 0; i < images->count; i++)
        free(images->paths[i]);
    free(images->paths);
    free(images->labels);
    free(images->first_left_out);
    folder_list_free(&images->found);
    free(images);
    source->content = NULL;
}

const Format images_format = {.open = images_open, .read = images_read, .count_classes = images_classes, .close = images_close};
