/* Conditions as models declare them: one file for each row of ir/conditions.def. */
#ifndef HNC_FRONTEND_CONDITIONS_H
#define HNC_FRONTEND_CONDITIONS_H

#include "frontend/kit.h"

typedef struct ConditionReader {
    const char *noun, *example; /* "a preference", "preference r[3]" */
    DeclKind decl;
    /* Reads the declaration: the length of the vector, or 0 after an error. */
    int64_t (*read)(Session *s, const Symbol *symbol);
    Val (*value)(Session *s, Symbol *symbol, Span span); /* what its name means in an expression */
} ConditionReader;

extern const ConditionReader *const condition_readers[CONDITION_COUNT];

/* Its row; CONDITION_NOTHING where the declaration is no condition. */
ConditionKind condition_kind(DeclKind decl);
/* All of them, as a set of 1 << DeclKind. */
unsigned condition_declarations(void);
/* "a hyper declaration or a preference" */
const char *condition_nouns(Session *s);
/* Reads every condition of the file and adds it to the module. */
void lower_conditions(Session *s);
/* The symbol of a condition of the module. */
const Symbol *condition_symbol(const Session *s, uint32_t condition);

#endif
