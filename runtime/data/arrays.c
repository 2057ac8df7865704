#include "runtime/data/arrays.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

enum { CHUNK = 1 << 13 }; /* elements */

/* ---- finding a file ---- */

/* Where the member's name begins in ARCHIVE.npz/NAME; NULL: this is no member of an archive. */
static char *find_member(const Format *format, char *path)
{
    size_t length = format->archive ? strlen(format->archive) : 0;
    for (char *at = path; format->archive && (at = strstr(at, format->archive)); at++) {
        if (at[length] != '/')
            continue;
        at[length] = '\0';
        bool folder = path_is_folder(path);
        at[length] = '/';
        if (!folder)
            return at + length + 1;
    }
    return NULL;
}

static bool open_stream(ByteStream *stream, const Format *format, const char *name, const FileUse *use)
{
    char *path = path_join(use->folder, name), *member = path ? find_member(format, path) : NULL;
    bool fine;
    if (!path)
        return false;
    if (!member) {
        fine = bytes_open_either(stream, path, use);
    } else {
        member[-1] = '\0';
        fine = path_exists(path) ? bytes_open_member(stream, path, member, format->member) : path_missing(path, use, "");
    }
    free(path);
    return fine;
}

/* ---- checking the header ---- */

/* "u8[60000, 28, 28]" as the header has it. */
static void describe_header(const ArrayHeader *header, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "%s[", header->type->name);
    for (unsigned i = 0; i < header->rank && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%" PRId64, i ? ", " : "", header->extents[i]);
    if (length < size)
        snprintf(text + length, size - length, "]");
}

static bool check_shape(const ArrayFile *file)
{
    const ArrayHeader *header = &file->header;
    const TensorInfo *tensor = &file->field->tensor;
    bool matches = header->rank == tensor->rank + 1;
    for (unsigned i = 1; matches && i < header->rank; i++)
        matches = header->extents[i] == tensor->dims[i - 1];
    if (!matches) {
        char found[256], expected[TENSOR_TEXT_SIZE];
        describe_header(header, found, sizeof found);
        return report_error("%s: holds %s, but examples of the field %s are %s", file->stream.path, found, tensor->name,
                            file->field->classes ? "single labels" : tensor_text(tensor, expected));
    }
    return file->rows > 0 || report_error("%s: holds no examples", file->stream.path);
}

/* Refuses a header that promises more than the file can hold, before memory is allocated for it. */
static bool check_length(const ArrayFile *file)
{
    const ByteStream *stream = &file->stream;
    int64_t promised;
    if (__builtin_mul_overflow(file->rows, file->field->tensor.elements * (int64_t)file->header.type->size, &promised) ||
        __builtin_add_overflow(promised, file->header.bytes, &promised))
        promised = INT64_MAX;
    return promised <= stream->most ||
           report_error("%s: truncated: the header promises %" PRId64 " examples in %" PRId64 " bytes, the file has %s%" PRId64
                        " bytes",
                        stream->path, file->rows, promised, stream->compressed ? "at most " : "", stream->most);
}

bool array_begin(ArrayFile *file, const Format *format, ByteStream stream, const FieldInfo *field)
{
    *file = (ArrayFile){.stream = stream, .field = field};
    if (!format->read_header(&file->stream, &file->header))
        return false;
    file->rows = file->header.rank ? file->header.extents[0] : 0;
    return check_shape(file) && check_length(file);
}

bool array_open(ArrayFile *file, const Format *format, const char *folder, const char *name, const FieldInfo *field)
{
    *file = (ArrayFile){.field = field};
    if (field->tensor.dtype == DTYPE_BOOL)
        return report_internal("the field %s is bool, which no file of an array fills", field->tensor.name);
    const FileUse use = {folder, "field", field->tensor.name};
    return open_stream(&file->stream, format, name, &use) && array_begin(file, format, file->stream, field);
}

void array_close(ArrayFile *file)
{
    bytes_close(&file->stream);
    *file = (ArrayFile){0};
}

/* ---- reading the elements ---- */

/* Which element of the rows, row-major, the file's next element is. */
typedef struct Cursor {
    const ArrayFile *file;
    int64_t next; /* in the order of the rows */
    int64_t row, inner,
        within; /* with the first axis the fastest: element `inner` of the example, in that order, is element `within` */
} Cursor;

/* Takes the number of an example's element with the first axis the fastest; gives its number with the last axis the fastest. */
static int64_t reorder(const TensorInfo *tensor, int64_t inner)
{
    int64_t at = 0;
    for (unsigned i = 0; i < tensor->rank; i++) {
        at = at * tensor->dims[i] + inner % tensor->dims[i];
        inner /= tensor->dims[i];
    }
    return at;
}

static int64_t cursor_next(Cursor *cursor)
{
    if (!cursor->file->header.first_axis_fastest)
        return cursor->next++;
    const TensorInfo *tensor = &cursor->file->field->tensor;
    int64_t at = cursor->row * tensor->elements + cursor->within;
    if (++cursor->row == cursor->file->rows) {
        cursor->row = 0;
        cursor->within = reorder(tensor, ++cursor->inner);
    }
    return at;
}

/* Element by element, whatever the types. */
static bool read_converted(ArrayFile *file, void *rows)
{
    unsigned char bytes[CHUNK * sizeof(double)];
    const ArrayHeader *header = &file->header;
    int64_t total = file->rows * file->field->tensor.elements;
    Cursor cursor = {.file = file};
    for (int64_t done = 0; done < total;) {
        size_t part = total - done < CHUNK ? (size_t)(total - done) : CHUNK;
        if (!bytes_read(&file->stream, bytes, part * header->type->size))
            return false;
        for (size_t i = 0; i < part; i++, done++) {
            double number = element_read(header->type, header->big_endian, bytes + i * header->type->size);
            if (!element_store(file->field, rows, cursor_next(&cursor), number, file->stream.path))
                return false;
        }
    }
    return true;
}

bool array_read(ArrayFile *file, void *rows)
{
    bool as_they_are = file->field->tensor.dtype == DTYPE_U8 && file->header.type == &element_types[ELEMENT_U8] &&
                       !file->header.first_axis_fastest;
    bool fine = as_they_are ? bytes_read(&file->stream, rows, (size_t)file->rows * file->field->tensor.bytes)
                            : read_converted(file, rows);
    return fine && bytes_end(&file->stream, file->rows);
}

/* ---- data sets ---- */

/* The files of one kind of rows of one member, in the order of the fields that files hold. */
typedef struct Group {
    size_t count;
    ArrayFile files[];
} Group;

/* The field, of the manifest, that the files number `file` hold. */
static size_t field_of_file(const DataSource *source, size_t file)
{
    const DatasetInfo *dataset = source->dataset;
    for (size_t i = 0;; i++)
        if (!source->fields[dataset->fields[i]].index && file-- == 0)
            return dataset->fields[i];
}

/* Opens one file per field; all must hold the same number of examples, *rows. */
static bool open_files(const DataSource *source, Group *group, const char *const *names, int64_t *rows)
{
    ArrayFile *files = group->files;
    for (size_t i = 0; i < group->count; i++) {
        if (!array_open(&files[i], source->format, source->folder, names[i], &source->fields[field_of_file(source, i)]))
            return false;
        if (files[i].rows != files[0].rows)
            return report_error("the data set %s is inconsistent: %s holds %" PRId64 " examples, but %s holds %" PRId64,
                                source->dataset->name, files[0].stream.path, files[0].rows, files[i].stream.path, files[i].rows);
    }
    *rows = files[0].rows;
    return true;
}

static void close_files(Group *group)
{
    for (size_t i = 0; i < group->count; i++)
        array_close(&group->files[i]);
}

/* Reads the files into the tables from row `first` on. */
static bool read_files(const DataSource *source, Group *group, void *const *tables, int64_t first)
{
    for (size_t i = 0; i < group->count; i++) {
        size_t field = field_of_file(source, i);
        unsigned char *rows = tables[field];
        if (!array_read(&group->files[i], rows + (size_t)first * source->fields[field].tensor.bytes))
            return false;
    }
    return true;
}

/* Finds out how many rows the files have, into *rows; with tables, reads the *rows that they must have from row `first` on. Files
 * are open no longer than that: a family may have more of them than a process can open. */
static bool visit(const DataSource *source, const char *const *names, int64_t *rows, void *const *tables, int64_t first)
{
    size_t count = source->dataset->file_count / source->member_count;
    Group *group = calloc(1, sizeof *group + count * sizeof *group->files);
    int64_t found = 0;
    if (!group)
        return report_error("out of memory");
    group->count = count;
    bool fine = open_files(source, group, names, &found);
    if (fine && tables)
        fine = found == *rows ? read_files(source, group, tables, first)
                              : report_error("%s: has changed while it was read", group->files[0].stream.path);
    if (fine)
        *rows = found;
    close_files(group);
    free(group);
    return fine;
}

/* Visits the files of all members: the main ones, then the test files. */
static bool visit_all(const DataSource *source, void *const *tables)
{
    const DatasetInfo *dataset = source->dataset;
    size_t per_member = dataset->file_count / source->member_count;
    int64_t first = 0;
    for (size_t m = 0; m < source->member_count; first += source->members[m++].main)
        if (!visit(source, dataset->files + m * per_member, &source->members[m].main, tables, first))
            return false;
    for (size_t m = 0; dataset->test_file_count && m < source->member_count; first += source->members[m++].test)
        if (!visit(source, dataset->test_files + m * per_member, &source->members[m].test, tables, first))
            return false;
    return true;
}

bool arrays_open(DataSource *source)
{
    return visit_all(source, NULL);
}

bool arrays_read(DataSource *source, void *const *tables)
{
    return visit_all(source, tables);
}

/* ---- classes ---- */

/* Raises *classes to one more than the largest label of the file. */
static bool count_labels(const DataSource *source, const char *name, const FieldInfo *field, int64_t *classes)
{
    ArrayFile array;
    bool fine = array_open(&array, source->format, source->folder, name, field);
    int32_t *labels = fine ? malloc((size_t)array.rows * sizeof *labels) : NULL;
    fine = fine && (labels || report_error("out of memory")) && array_read(&array, labels);
    for (int64_t i = 0; fine && i < array.rows; i++)
        *classes = labels[i] >= *classes ? labels[i] + (int64_t)1 : *classes;
    free(labels);
    array_close(&array);
    return fine;
}

int64_t arrays_classes(DataSource *source, size_t field, const char *const **names)
{
    const DatasetInfo *dataset = source->dataset;
    size_t per_member = dataset->file_count / source->member_count;
    int64_t classes = 0;
    bool fine = true;
    *names = NULL;
    for (size_t i = 0; fine && i < dataset->file_count; i++)
        if (field_of_file(source, i % per_member) == field)
            fine = count_labels(source, dataset->files[i], &source->fields[field], &classes) &&
                   (!dataset->test_file_count || count_labels(source, dataset->test_files[i], &source->fields[field], &classes));
    return fine ? classes : -1;
}
