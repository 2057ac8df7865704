/* Names and signs of other languages, and what to write here (foreign.def). */
#ifndef HNC_FRONTEND_FOREIGN_H
#define HNC_FRONTEND_FOREIGN_H

#include <stddef.h>

/* What a foreign word is used as. */
typedef enum {
    FOREIGN_NOTHING,
    FOREIGN_OPERATOR,
    FOREIGN_CHARACTER,
    FOREIGN_TOKEN,
    FOREIGN_WORD, /* at the beginning of a statement or a declaration */
    FOREIGN_LABEL,
    FOREIGN_CALL, /* by its name, or behind a dot */
    FOREIGN_VALUE,
    FOREIGN_MODULE, /* before a dot */
    FOREIGN_TYPE,
    FOREIGN_OPTIMIZER,
    FOREIGN_SCHEDULE,
    FOREIGN_SETTING, /* a line of a train */
    FOREIGN_TABLE,   /* a line of a data set */
    FOREIGN_INIT,    /* how weights begin */
    FOREIGN_USAGE,   /* a primitive of the language, called as other libraries call theirs */
    FOREIGN_LATER,   /* a word of the language that is not supported yet: what to use meanwhile */
} ForeignKind;

/* What to write instead of a word of `length` bytes that is used so; NULL: no row of the kind has the word. */
const char *foreign_answer(ForeignKind kind, const char *word, size_t length);

#endif
