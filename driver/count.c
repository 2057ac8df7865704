/* The sizes that a model takes from its data: counted by what reads the data when the model runs. */
#include "backend/manifest.h"
#include "driver/driver.h"
#include "runtime/core/report.h"
#include "runtime/data/dataset.h"

/* The compiler's data set as the runtime knows one. */
typedef struct Counting {
    Arena arena;
    DatasetInfo dataset;
    RowRange *ranges;
    DataSource source;
} Counting;

/* A label may have any number where its classes are counted. */
static FieldInfo uncounted(const Field *field)
{
    FieldInfo info = field_info(field);
    if (field->classes == ANY_CLASSES)
        info.classes = INT32_MAX;
    return info;
}

static void describe(Counting *c, const Dataset *data, const Field *fields, uint32_t field_count, const char *folder)
{
    FieldInfo *infos = ARENA_ARRAY(&c->arena, FieldInfo, field_count);
    c->dataset = dataset_info(data, &c->arena);
    c->dataset.fields = ARENA_ARRAY(&c->arena, size_t, field_count);
    c->dataset.field_count = field_count;
    for (uint32_t i = 0; i < field_count; i++) {
        infos[i] = uncounted(&fields[i]);
        c->dataset.fields[i] = i;
    }
    size_t members = own_members(&c->dataset);
    c->ranges = ARENA_ARRAY(&c->arena, RowRange, members * data->splits.len);
    c->source = (DataSource){.format = formats[data->format],
                             .dataset = &c->dataset,
                             .fields = infos,
                             .folder = folder,
                             .member_count = members,
                             .members = ARENA_ARRAY(&c->arena, MemberRows, members)};
}

static bool count_classes(Counting *c, const Field *fields, uint32_t field_count, DataCounts *counts)
{
    bool fine = true, folders = format_traits[c->dataset.format].files == FILES_FOLDERS;
    for (uint32_t i = 0; fine && i < field_count; i++) {
        const char *const *names = NULL;
        if (fields[i].index || !fields[i].classes || (fields[i].classes != ANY_CLASSES && !folders))
            continue;
        counts->labels[i] = c->source.format->count_classes(&c->source, i, &names);
        fine = counts->labels[i] >= 0;
        if (fine)
            counts->names[i] = arena_copies(counts->arena, names, (size_t)counts->labels[i]);
    }
    return fine;
}

/* The rows of each member of a table, which the frontend has read. */
static void take_rows(Counting *c, const Dataset *data)
{
    for (size_t m = 0; m < c->source.member_count; m++)
        c->source.members[m] = data->member_rows
                                   ? (MemberRows){data->member_rows[m], data->member_rows[c->source.member_count + m]}
                                   : (MemberRows){data->main_rows, data->test_rows};
    c->source.main_rows = data->main_rows;
    c->source.test_rows = data->test_rows;
}

bool count_data(const Dataset *data, const Field *fields, uint32_t field_count, const char *folder, DataCounts *counts,
                char *reason, size_t size)
{
    Counting c = {0};
    describe(&c, data, fields, field_count, folder);
    bool table = format_traits[data->format].files == FILES_COLUMNS;
    if (table)
        take_rows(&c, data);
    report_capture(reason, size);
    bool fine = table || (data_source_open(&c.source) && count_classes(&c, fields, field_count, counts));
    fine = fine && split_members(&c.source, c.ranges);
    for (size_t i = 0; fine && i < c.source.member_count * data->splits.len; i++) {
        counts->splits[i] = c.ranges[i].count;
        counts->firsts[i] = c.ranges[i].first;
    }
    for (size_t m = 0; m < c.source.member_count; m++)
        counts->members[m] = c.source.members[m].main + c.source.members[m].test;
    if (!table && c.source.format->close)
        c.source.format->close(&c.source);
    report_capture(NULL, 0);
    arena_free(&c.arena);
    return fine;
}
