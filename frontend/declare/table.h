/* What the files that lower data sets of CSV files share. */
#ifndef HNC_FRONTEND_TABLE_H
#define HNC_FRONTEND_TABLE_H

#include <string.h>

#include "frontend/lower/kit.h"
#include "tabular/encode.h"
#include "tabular/reader.h"

/* A place where a field uses a column. */
typedef struct Use {
    uint32_t column; /* of the schema */
    Span span;
    enum { AS_NUMBER, AS_CATEGORY, AS_LABEL, AS_TEXT } kind;
    bool plain;       /* AS_NUMBER: neither standardized nor normalized, but rounded to a real number of the model as it is */
    bool wildcard;    /* among the columns that `numeric` or `categorical` stands for */
    const char *text; /* AS_TEXT: what it is compared with */
    const char *time; /* AS_NUMBER: the format of parse_time, where it is a time; NULL: it is none */
} Use;

typedef VEC(const char *) Names;
typedef VEC(uint32_t) Columns; /* of the table */

typedef struct TableLowering {
    Session *s;
    const Symbol *symbol;
    Table *table;
    Schema *schema;
    bool no_header;        /* or no columns, which was reported */
    const char *advice;    /* of the last message about how the files are written; NULL: none yet */
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

static inline bool is_range(const Expr *expr)
{
    return expr->kind == EXPR_BINARY && expr->operator== OPERATOR_RANGE;
}

/* ---- table_names.c ---- */

/* The name of a column that an expression spells, or NULL. */
const char *column_name(Session *s, const Expr *expr);
/* The table's column that an expression names, or -1 (reported). */
int64_t find_column(TableLowering *l, const Expr *expr);
/* Appends the columns that an expression names: one, or a range. x0..x9 are the columns x0, x1, ..., x9; a..f are those from a to
 * f in the order of the files. False: not all are there (reported). */
bool find_columns(TableLowering *l, const Expr *expr, Columns *columns);
/* Appends the names, of columns that need not exist, that an expression spells: one, or x0..x9. False: none (reported). */
bool column_names(Session *s, const Expr *expr, Names *names);

/* ---- table_settings.c ---- */

/* Whether it is a setting of tables; if not, that is reported. */
bool check_table_setting(Session *s, const DataItem *item);
/* Reads the settings of the data set into the schema: those that say how files are read, or, once the files are open, those that
 * name their columns. */
void read_table_settings(TableLowering *l, bool of_columns);
/* Whether each character has one meaning in the files; otherwise that is reported. */
bool check_dialect(TableLowering *l);

/* ---- table_columns.c ---- */

/* The data set's table: read in the first walk, the same later. False, with an error reported, if it cannot be read. */
bool open_table(TableLowering *l, const Dataset *data);
/* Completes the schema's columns by what the files hold, once all uses are known: leaves out rows of missing values, finds the
 * categories; in the first walk also checks every use and reports errors at its place. */
bool read_columns(TableLowering *l);

/* ---- table.c ---- */

/* The fields and the schema of a data set of CSV files, whose files are in `data`. Adds the fields and their encoders' states to
 * the module, all of them or, with errors, none or some. */
void lower_table(Session *s, const Symbol *symbol, Dataset *data);

#endif
