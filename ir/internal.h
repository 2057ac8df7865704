/* What the files of ir/ share among themselves. */
#ifndef HNC_IR_INTERNAL_H
#define HNC_IR_INTERNAL_H

#include "ir/ir.h"

/* A bug of the compiler: says so and aborts. Never reached by user input. */
_Noreturn void internal_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number that names a value in text, "%12": inputs count first, then every other op in order. It equals the value itself
 * where the inputs are the function's first ops, and survives printing and parsing where they are not. */
uint32_t value_number(const Function *function, Value value);

/* How the text of an op reads: MNEMONIC [subject] [operands] [attributes] [: type]. */
typedef enum {
    SUBJECT_NONE,
    SUBJECT_STATE,
    SUBJECT_FIELD,
    SUBJECT_WEIGHT,
    SUBJECT_CONDITION,
    SUBJECT_EXTERN,
    SUBJECT_BODY,
    SUBJECT_NUMBER
} OpSubject;
typedef enum {
    ATTRIBUTES_NONE,
    ATTRIBUTES_LIST,   /* WORD [a...] */
    ATTRIBUTES_INDEX,  /* WORD a.v[0] */
    ATTRIBUTES_DOT,    /* contract [a...] [b...], then batch [c...] [d...] where there are any */
    ATTRIBUTES_WINDOW, /* axes [a...] extents [b...] steps [c...] dilations [d...] */
    ATTRIBUTES_RANDOM, /* stream SYMBOL, then `shared` where it is */
    ATTRIBUTES_FETCH,  /* `neighbours` where rows are */
    ATTRIBUTES_SCAN,   /* loop [STEPS, CARRIES, SCANNED], then `reversed` where it is */
    ATTRIBUTES_GIVEN,  /* given CONDITION..., one per operand; nothing where there are none */
} OpAttributes;

typedef struct OpText {
    OpSubject subject;
    OpAttributes attributes;
    const char *word;
} OpText;
extern const OpText op_text[OP_COUNT]; /* print.c */

extern const char *const init_kind_names[]; /* in the order of InitKind */
enum { INIT_KIND_COUNT = 4 };

/* Whether `name` stands in text as it is; any other name is written in quotes. */
bool is_plain_name(const char *name);

#endif
