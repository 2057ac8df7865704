/* What the files that read the manifest share. Reading goes on after a mistake, with a harmless value in its place; the first one
 * is reported, and `broken` ends it all. */
#ifndef HN_RUNTIME_MANIFEST_READER_H
#define HN_RUNTIME_MANIFEST_READER_H

#include "runtime/manifest.h"

typedef struct Reader {
    Manifest *manifest;
    bool broken;
} Reader;

void reader_fail(Reader *reader, const char *key, const char *problem);
const char *read_text(Reader *reader, const json_t *object, const char *key);
int64_t read_integer(Reader *reader, const json_t *object, const char *key, int64_t least, int64_t most);
/* Whether it is there and true. */
bool read_flag(const json_t *object, const char *key);
/* The position of the text object[key] among `count` names. */
unsigned read_choice(Reader *reader, const json_t *object, const char *key, const char *const *names, unsigned count);
/* An index into a table of `count` entries. */
size_t read_index(Reader *reader, const json_t *object, const char *key, size_t count);

typedef void ElementReader(Reader *reader, const json_t *json, void *element);
/* The array object[key]: `size` bytes an element, zeroed, each filled by `read`; for free(). NULL with *count 0 if it is empty or
 * wrong. */
void *read_array(Reader *reader, const json_t *object, const char *key, size_t size, ElementReader *read, size_t *count);
ElementReader read_string_element;

/* The object `table` of a data set of CSV files (manifest_table.c); NULL after a mistake. Its texts are the JSON's. */
Schema *read_schema(Reader *reader, const json_t *json, const DatasetInfo *dataset);
void schema_free(Schema *schema);

#endif
