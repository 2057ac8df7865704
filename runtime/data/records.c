/* Files of records: one after the other, each with all fields of an example in the order in which they are declared, without
 * padding. A number of a class is one byte, u8 as well, i32 and f32 are four bytes, little-endian. The binary versions of
 * CIFAR-10 (a label, and three planes of 32 x 32) and CIFAR-100 (two labels, and the same planes) are such files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/bytes.h"
#include "runtime/data/elements.h"
#include "runtime/data/files.h"
#include "runtime/data/format.h"

static const ElementType *type_in_file(const FieldInfo *field)
{
    ElementKind kind = field->classes || field->tensor.dtype == DTYPE_U8 ? ELEMENT_U8
                       : field->tensor.dtype == DTYPE_I32                ? ELEMENT_I32
                                                                         : ELEMENT_F32;
    return &element_types[kind];
}

/* Bytes of a record. */
static size_t record_size(const DataSource *source)
{
    size_t size = 0;
    for (size_t i = 0; i < source->dataset->field_count; i++) {
        const FieldInfo *field = &source->fields[source->dataset->fields[i]];
        if (!field->index)
            size += (size_t)field->tensor.elements * type_in_file(field)->size;
    }
    return size;
}

/* Stores record number `at` of the file, behind the `first` rows of the files before; a table that is NULL is left out. */
static bool store_record(const DataSource *source, const unsigned char *record, void *const *tables, int64_t first, int64_t at,
                         const char *path)
{
    for (size_t i = 0; i < source->dataset->field_count; i++) {
        size_t number = source->dataset->fields[i];
        const FieldInfo *field = &source->fields[number];
        const ElementType *type = type_in_file(field);
        int64_t elements = field->index ? 0 : field->tensor.elements;
        unsigned char *rows = tables[number] ? (unsigned char *)tables[number] + (size_t)first * field->tensor.bytes : NULL;
        for (int64_t k = 0; k < elements; k++, record += type->size)
            if (rows && !element_store(field, rows, at * elements + k, element_read(type, false, record), path))
                return false;
    }
    return true;
}

/* Whether the file ends where a record does, and has as many as it had when it was opened. */
static bool check_end(const DataSource *source, const ByteStream *stream, int64_t rows, size_t left)
{
    if (left > 0)
        return report_error("%s: ends within a record: behind %" PRId64 " records of %zu bytes are %zu more", stream->path, rows,
                            record_size(source), left);
    return rows > 0 || report_error("%s: holds no records", stream->path);
}

static bool open_file(const DataSource *source, const char *name, ByteStream *stream)
{
    const FileUse use = {source->folder, "data set", source->dataset->name};
    char *path = path_join(source->folder, name);
    bool fine = path && bytes_open_either(stream, path, &use);
    free(path);
    return fine;
}

/* Counts the records of a file; with tables, reads them into rows from `first` on. -1: something is wrong, which was reported. */
static int64_t visit_file(const DataSource *source, const char *name, void *const *tables, int64_t first)
{
    ByteStream stream = {0};
    size_t size = record_size(source), got = 0;
    unsigned char *record = malloc(size + 1);
    int64_t rows = 0, most = tables ? source->main_rows + source->test_rows - first : INT32_MAX;
    bool fine = (record || report_error("out of memory")) && open_file(source, name, &stream);
    while (fine && (fine = bytes_some(&stream, record, size, &got)) && got == size) {
        if (rows == most)
            fine = report_error(tables ? "%s: has changed while it was read" : "%s: holds too many records", stream.path);
        else
            fine = !tables || store_record(source, record, tables, first, rows, stream.path);
        rows++;
    }
    fine = fine && check_end(source, &stream, rows, got);
    bytes_close(&stream);
    free(record);
    return fine ? rows : -1;
}

/* The main files of all members, then their test files. */
static bool visit_files(DataSource *source, const char *const *names, size_t count, void *const *tables, int64_t *first,
                        bool test)
{
    size_t per_member = count / source->member_count;
    for (size_t i = 0; i < count; i++) {
        int64_t rows = visit_file(source, names[i], tables, *first);
        int64_t *of_member = test ? &source->members[i / per_member].test : &source->members[i / per_member].main;
        if (rows < 0)
            return false;
        if (!tables)
            *of_member += rows;
        *first += rows;
    }
    return true;
}

static bool visit_all(DataSource *source, void *const *tables)
{
    int64_t rows = 0;
    return visit_files(source, source->dataset->files, source->dataset->file_count, tables, &rows, false) &&
           visit_files(source, source->dataset->test_files, source->dataset->test_file_count, tables, &rows, true) &&
           (!tables || rows == source->main_rows + source->test_rows ||
            report_error("the files of %s have changed while they were read", source->dataset->name));
}

static bool records_open(DataSource *source)
{
    return visit_all(source, NULL);
}

static bool records_read(DataSource *source, void *const *tables)
{
    return visit_all(source, tables);
}

/* Reads the labels alone. */
static int64_t records_classes(DataSource *source, size_t field, const char *const **names)
{
    size_t rows = (size_t)(source->main_rows + source->test_rows), last = 0;
    for (size_t i = 0; i < source->dataset->field_count; i++)
        last = source->dataset->fields[i] > last ? source->dataset->fields[i] : last;
    void **tables = calloc(last + 1, sizeof *tables);
    int32_t *labels = malloc(rows * sizeof *labels);
    bool fine = (tables && labels) || report_error("out of memory");
    int64_t classes = 0;
    if (fine)
        tables[field] = labels;
    fine = fine && visit_all(source, tables);
    for (size_t row = 0; fine && row < rows; row++)
        classes = labels[row] >= classes ? labels[row] + (int64_t)1 : classes;
    free(labels);
    free(tables);
    *names = NULL;
    return fine ? classes : -1;
}

const Format records_format = {.open = records_open, .read = records_read, .count_classes = records_classes};
