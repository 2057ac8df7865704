/* What a data set makes of the columns of its files: settled by the compiler, carried by the manifest, obeyed by the runtime.
 * Plain data that points at memory of whoever made it. */
#ifndef HN_TABULAR_SCHEMA_H
#define HN_TABULAR_SCHEMA_H

#include "tabular/dialect.h"

/* What a missing value in a column of numbers is. In a column of categories a missing value is a category of its own, unless its
 * row is dropped. */
typedef enum { MISSING_ERROR, MISSING_MEAN, MISSING_DROP } MissingPolicy;
enum { MISSING_POLICIES = 3 };
extern const char *const missing_policy_names[MISSING_POLICIES]; /* "error" "mean" "drop" */

/* What a value of a column of categories is that the compiler's files do not hold: an error, what a missing value is (or, if they
 * hold no missing value either, none of the categories), or the most frequent category. */
typedef enum { UNKNOWN_ERROR, UNKNOWN_MISSING, UNKNOWN_FREQUENT } UnknownPolicy;
enum { UNKNOWN_POLICIES = 3 };
extern const char *const unknown_policy_names[UNKNOWN_POLICIES]; /* "error" "missing" "frequent" */

typedef struct SchemaColumn {
    const char *name;
    bool number;                   /* some field reads it as a number */
    const char *time;              /* the format of parse_time, where the number is a time; NULL: it is none */
    bool label;                    /* some field makes classes of it, where no value may be missing */
    bool skipped;                  /* no field at hand needs it: the files need not have it */
    const char *const *categories; /* in order of their bytes; NULL: no field needs them */
    uint32_t category_count;
    uint32_t frequent; /* the most frequent category in the compiler's files, the first of several */
} SchemaColumn;

/* How columns become elements of a vector. */
typedef enum { PART_NUMBERS, PART_STANDARDIZE, PART_NORMALIZE, PART_ONEHOT } PartKind;
enum { PART_KINDS = 4 };
extern const char *const part_kind_names[PART_KINDS]; /* "numbers" "standardize" "normalize" "onehot" */

typedef struct SchemaPart {
    PartKind kind;
    uint32_t *columns; /* indices into Schema.columns */
    uint32_t column_count;
} SchemaPart;

/* A condition in postfix order: comparisons of a column push a truth value, the others combine what was pushed. */
typedef enum { TEST_EQ, TEST_NE, TEST_LT, TEST_LE, TEST_GT, TEST_GE, TEST_NOT, TEST_AND, TEST_OR } TestKind;
enum { TEST_KINDS = 9, TEST_MAX_DEPTH = 256 };
extern const char *const test_kind_names[TEST_KINDS]; /* "==" "!=" "<" "<=" ">" ">=" "!" "&&" "||" */

typedef struct SchemaTest {
    TestKind kind;
    uint32_t column;  /* of a comparison */
    const char *text; /* compared with; NULL: `number` is. Only == and != compare texts */
    double number;
} SchemaTest;

typedef enum {
    SCHEMA_VECTOR,    /* real[width]: its parts, joined */
    SCHEMA_NUMBER,    /* real: the only column of its only part, as it is */
    SCHEMA_CLASS,     /* i32: the position of the column's value among its categories */
    SCHEMA_CONDITION, /* bool: tests */
    SCHEMA_INDEX,     /* i32: the number of the row */
} SchemaFieldKind;
enum { SCHEMA_FIELD_KINDS = 5 };
extern const char *const schema_field_kind_names[SCHEMA_FIELD_KINDS]; /* "vector" "number" "class" "condition" "index" */

typedef struct SchemaField {
    SchemaFieldKind kind;
    SchemaPart *parts; /* vector, number */
    uint32_t part_count;
    uint32_t column; /* class */
    SchemaTest *tests;
    uint32_t test_count;
} SchemaField;

typedef struct Schema {
    const char *const *markers; /* what stands for a missing value, beside the empty field */
    uint32_t marker_count;
    MissingPolicy missing;
    UnknownPolicy unknown;
    Dialect dialect;
    SchemaColumn *columns; /* those that fields use */
    SchemaField *fields;   /* in the order of the data set's fields */
    uint32_t column_count, field_count;
} Schema;

/* Elements of an example of a vector or a number. */
int64_t schema_width(const Schema *schema, const SchemaField *field);
/* Numbers in an example that have an encoder: every column of the parts that are no onehot, in order. A field with `scaled` parts
 * (standardize, normalize) has for each what is subtracted and what it is then divided by. */
uint32_t schema_numbers(const SchemaField *field, bool *scaled);
/* Comparisons of a condition with numbers. */
uint32_t schema_comparisons(const SchemaField *field);
/* How many values a field fills in where numbers are missing: under MISSING_MEAN one per number or comparison. */
uint32_t schema_fills(const Schema *schema, const SchemaField *field);

/* The codes of a column's values that are missing, and of those that are none of its categories: the number of a category, -1 for
 * none of them, or NO_CODE where such a value is an error or leaves its row out. */
enum { NO_CODE = -2 };
int32_t schema_missing_code(const Schema *schema, const SchemaColumn *column);
int32_t schema_unknown_code(const Schema *schema, const SchemaColumn *column);

#endif
