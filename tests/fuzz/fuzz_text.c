/* Any bytes, read as a text whose cut the first three bytes choose: refused with a message, or windows of tokens of its
 * vocabulary, whose next tokens are the tokens of the windows behind them. */
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

enum { TOKENS, NEXT, FIELDS, CUT = 3 };

static void check_rows(const int32_t *const *tables, int64_t rows, int64_t length, int64_t parts, int64_t words)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < length; i++) {
            int32_t next = tables[NEXT][row * length + i];
            int64_t behind = i + 1 < length ? row * length + i + 1 : (row + parts) * length;
            if (next < 0 || next >= words || (behind < rows * length && tables[TOKENS][behind] != next))
                abort();
        }
}

static void read_rows(DataSource *source, const FieldInfo *fields)
{
    const char *const *names;
    int64_t length = source->dataset->text->length, streams = source->dataset->splits[0].streams, parts = streams ? streams : 1;
    int32_t *tables[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) /* no byte beyond these may be written */
        tables[i] = malloc((size_t)(source->main_rows + source->test_rows) * fields[i].tensor.bytes);
    int64_t words = source->format->count_classes(source, TOKENS, &names);
    if (!source->format->read(source, (void *const *)tables))
        abort();
    check_rows((const int32_t *const *)tables, source->main_rows, length, parts, words);
    for (size_t i = 0; i < FIELDS; i++)
        free(tables[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const size_t numbers[FIELDS] = {TOKENS, NEXT};
    char path[64];
    if (size < CUT)
        return 0;
    int64_t length = 1 + bytes[1] % 16, streams = bytes[2] % 8;
    size_t width = (size_t)length * sizeof(int32_t);
    int file = memfd_create("fuzz.txt", 0);
    if (file < 0 || write(file, bytes + CUT, size - CUT) != (ssize_t)(size - CUT))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const char *files[] = {path};
    const FieldInfo fields[FIELDS] = {
        {.tensor = {.name = "d.tokens", .dtype = DTYPE_I32, .rank = 1, .dims = {length}, .bytes = width}},
        {.tensor = {.name = "d.next", .dtype = DTYPE_I32, .rank = 1, .dims = {length}, .bytes = width}}};
    TextInfo text = {.unit = bytes[0] & 1 ? UNIT_WORD : UNIT_CHARACTER,
                     .length = length,
                     .end = bytes[0] & 2 ? "<eos>" : NULL,
                     .unknown = bytes[0] & 4 ? "<unk>" : NULL};
    SplitInfo splits[] = {{.name = "train", .fraction = 1, .streams = streams},
                          {.name = "test", .from_test = true, .fraction = 1, .own_files = 1, .streams = streams}};
    DatasetInfo dataset = {.name = "d",
                           .format = FORMAT_TEXT,
                           .fields = (size_t *)numbers,
                           .field_count = FIELDS,
                           .files = files,
                           .file_count = 1,
                           .test_files = files,
                           .test_file_count = 1,
                           .splits = splits,
                           .split_count = 2,
                           .text = &text};
    DataSource source = {.format = formats[FORMAT_TEXT],
                         .dataset = &dataset,
                         .fields = fields,
                         .member_count = 1,
                         .members = calloc(1, sizeof(MemberRows))};
    if (data_source_open(&source))
        read_rows(&source, fields);
    data_source_close(&source);
    close(file);
    return 0;
}
