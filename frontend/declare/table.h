/* What the files that lower data sets of CSV files share. */
#ifndef HNC_FRONTEND_TABLE_H
#define HNC_FRONTEND_TABLE_H

#include <string.h>

#include "frontend/lower/kit.h"
#include "tabular/encode.h"

/* A place where a field uses a column. */
typedef struct Use {
    uint32_t column; /* of the schema */
    Span span;
    enum { AS_NUMBER, AS_CATEGORY, AS_LABEL, AS_TEXT } kind;
    const char *text; /* AS_TEXT: what it is compared with */
} Use;

typedef struct TableLowering {
    Session *s;
    const Symbol *symbol;
    Table *table;
    Schema *schema;
    bool *named, *dropped; /* per column of the table: used by name in a field; listed by `drop` */
    uint32_t *places;      /* per column of the table: its place in the schema, from 1; 0: not used */
    VEC(const char *) markers;
    VEC(SchemaColumn) columns;
    VEC(SchemaField) fields;
    VEC(const DataItem *) items; /* of the fields */
    VEC(Use) uses;
} TableLowering;

/* A heap list as an array in the arena. */
#define KEEP(arena, list)                                                                                                        \
    ((list).len ? memcpy(arena_alloc((arena), (list).len * sizeof *(list).data), (list).data, (list).len * sizeof *(list).data)  \
                : NULL)

/* The data set's table: read in the first walk, the same later. False, with an error reported, if it cannot be read. */
bool open_table(TableLowering *l, const Dataset *data);
/* Completes the schema's columns by what the files hold, once all uses are known: leaves out rows of missing values, finds the
 * categories; in the first walk also checks every use and reports errors at its place. */
bool read_columns(TableLowering *l);

/* The fields and the schema of a data set of CSV files, whose files are in `data`. Adds the fields and their encoders' states to
 * the module, all of them or, with errors, none or some. */
void lower_table(Session *s, const Symbol *symbol, Dataset *data);

#endif
