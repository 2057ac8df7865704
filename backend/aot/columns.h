/* Columns of a table as an export takes them: from the values that files have to the encoded row, by the encoders of the training
 * run. An object has for such an export
 *
 *     typedef struct NAME_EXPORT_columns { double age; const char *workclass; ... } NAME_EXPORT_columns;
 *     int NAME_EXPORT_encode(const NAME_EXPORT_columns *columns, float *x, ...);
 *
 * A missing number is NAN, a missing category NULL or "". */
#ifndef HNC_BACKEND_AOT_COLUMNS_H
#define HNC_BACKEND_AOT_COLUMNS_H

#include "backend/aot/interface.h"
#include "backend/emit.h"

/* Status codes beside those of serve.h and interface.h. */
enum { AOT_CATEGORY = 4, AOT_NUMBER = 5 }; /* a value that the column does not have; a missing number, or one that is too large */

typedef struct RawColumn {
    const char *name; /* as C has it */
    const char *text; /* as the table has it */
    uint32_t column;  /* of the schema */
    bool number;      /* otherwise a category */
} RawColumn;

typedef struct RawField {
    const char *name; /* of the argument, as C has it */
    const SchemaField *field;
    Type type;
    const double *mean, *scale, *fill; /* of its numbers; NULL: they are not scaled, not filled in */
} RawField;

/* How the arguments of an export come from the columns of a table. */
typedef struct RawRow {
    const char *type, *function; /* "adult_score_columns", "adult_score_encode" */
    const Schema *schema;
    VEC(RawColumn) columns;
    VEC(RawField) fields;
} RawRow;

/* Of the export of that number. False: its arguments are not fields of one table, or some are truth values. Free it with
 * raw_row_free; texts are the interface's. */
bool raw_row_of(const Interface *interface, uint32_t served, RawRow *row);
void raw_row_free(RawRow *row);

/* Emits the function of each such export. */
void aot_emit_encoders(Emitter *e, const Interface *interface);

#endif
