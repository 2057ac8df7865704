/* From the cells of a table to the rows of a data set's fields, by the rules of a schema. */
#ifndef HN_TABULAR_ENCODE_H
#define HN_TABULAR_ENCODE_H

#include "tabular/schema.h"
#include "tabular/table.h"

/* The columns of a schema, read: one entry per column of the schema. */
typedef struct Decoded {
    const Table *table; /* not owned; must not change */
    uint32_t *places;   /* the table's columns */
    double **numbers;   /* of columns that are read as numbers: one per row, NAN where it is missing */
    int32_t **codes;    /* of columns with categories: one per row, -1 where it is none of them */
    int64_t *others;    /* per column: how many rows hold a value that is none of its categories */
    uint32_t column_count;
} Decoded;

/* Reads the columns of the schema that are not skipped and checks them: numbers are numbers and missing only where the schema
 * allows it, categories are known. Rows to be dropped are dropped before (decode_drop). decoded_free in any case. */
bool decode(Decoded *decoded, const Table *table, const Schema *schema, char error[static TABULAR_ERROR]);
void decoded_free(Decoded *decoded);
/* Under MISSING_DROP, removes from the table the rows that miss a value in any column of the schema; returns how many, -1 without
 * memory. */
int64_t decode_drop(Table *table, const Schema *schema);

/* What the numbers of a field are encoded with: value -> (value - mean) / scale, with `fill` for a missing value. Arrays of
 * schema_numbers() and schema_fills() elements: what the runtime keeps in its states. They are doubles whatever the rows are: the
 * mean of time stamps has more digits than a float. */
typedef struct Encoder {
    bool is_f64;          /* the rows: doubles, or floats */
    double *mean, *scale; /* NULL: no part is scaled */
    double *fill;         /* NULL: nothing is filled in */
} Encoder;

/* Fits a field's encoder on the rows that order[0 .. count) names. standardize: mean and deviation (of the population) of the
 * values that are there; normalize: least value and range. Where all values are one number, this number and 1. Refuses a column
 * without any value there. */
bool encoder_fit(const Decoded *decoded, const Schema *schema, uint32_t field, const int32_t *order, int64_t count,
                 Encoder *encoder, char error[static TABULAR_ERROR]);
/* Writes the field of the rows that order[0 .. count) names: floats or doubles as the encoder says, i32 for classes, one byte for
 * conditions. A field of numbers of rows is left to the caller. Refuses numbers that leave the range of the type. */
bool encode_field(const Decoded *decoded, const Schema *schema, uint32_t field, const int32_t *order, int64_t count,
                  const Encoder *encoder, void *rows, char error[static TABULAR_ERROR]);

#endif
