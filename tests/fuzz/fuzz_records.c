/* Any bytes, read as a file of records, plain or compressed: refused with a message, or rows that lie in their range, and as many
 * classes as the labels need. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/abi/frame.h"
#include "runtime/data/dataset.h"

/* The runtime's library expects a model; this program has none. */
const char hn_manifest[] = "";
hn_function *const hn_functions[] = {NULL};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { LABEL, IMAGE, NUMBER, ROW, FIELDS };
static const FieldInfo fields[FIELDS] = {
    {.tensor = {.name = "d.label", .dtype = DTYPE_I32, .elements = 1, .bytes = 4}, .classes = 10},
    {.tensor = {.name = "d.image", .dtype = DTYPE_U8, .rank = 2, .dims = {2, 3}, .elements = 6, .bytes = 6}},
    {.tensor = {.name = "d.x", .dtype = DTYPE_F32, .rank = 1, .dims = {2}, .elements = 2, .bytes = 8}},
    {.tensor = {.name = "d.row", .dtype = DTYPE_I32, .elements = 1, .bytes = 4}, .index = true}};

static void read_rows(DataSource *source)
{
    const char *const *names;
    size_t count = (size_t)(source->main_rows + source->test_rows);
    void *tables[FIELDS] = {NULL};
    for (size_t i = 0; i < FIELDS; i++)
        tables[i] = malloc(count * fields[i].tensor.bytes); /* no byte beyond these may be written */
    int64_t classes = source->format->count_classes(source, LABEL, &names);
    bool fine = source->format->read(source, tables);
    for (size_t row = 0; fine && row < count; row++) {
        int64_t label = ((const int32_t *)tables[LABEL])[row];
        if (label < 0 || label >= classes || classes > 10 || !isfinite(((const float *)tables[NUMBER])[2 * row]))
            abort();
    }
    for (size_t i = 0; i < FIELDS; i++)
        free(tables[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const size_t numbers[FIELDS] = {LABEL, IMAGE, NUMBER, ROW};
    char path[64];
    int file = memfd_create("fuzz.bin", 0);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const char *files[] = {path, path};
    DatasetInfo dataset = {.name = "d",
                           .format = FORMAT_RECORDS,
                           .fields = (size_t *)numbers,
                           .field_count = FIELDS,
                           .files = files,
                           .file_count = 1 + size % 2,
                           .test_files = files,
                           .test_file_count = 1};
    DataSource source = {.format = formats[FORMAT_RECORDS],
                         .dataset = &dataset,
                         .fields = fields,
                         .member_count = 1,
                         .members = calloc(1, sizeof(MemberRows))};
    if (data_source_open(&source))
        read_rows(&source);
    data_source_close(&source);
    close(file);
    return 0;
}
