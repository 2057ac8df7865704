/* Conditions as models declare them: one file per row of ir/conditions.def. */
#ifndef HNC_FRONTEND_CONDITIONS_H
#define HNC_FRONTEND_CONDITIONS_H

#include "frontend/lower/kit.h"

typedef struct ConditionReader {
    const char *noun, *example; /* "a preference", "preference r[3]" */
    /* Reads the declaration: the length of the vector, or 0 after an error. */
    int64_t (*read)(Session *s, const Symbol *symbol);
} ConditionReader;

extern const ConditionReader *const condition_readers[CONDITION_COUNT];

/* Reads every condition of the file and adds it to the module. */
void lower_conditions(Session *s);

#endif
