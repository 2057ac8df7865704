/* Conditions as models declare them: one file per row of ir/conditions.def. */
#ifndef HNC_FRONTEND_CONDITIONS_H
#define HNC_FRONTEND_CONDITIONS_H

#include "frontend/lower/kit.h"

typedef struct ConditionReader {
    const char *noun, *example; /* "a preference", "preference r[3]" */
    /* Reads the declaration: how many elements its value has, or how many values an index has; 0 after an error. */
    int64_t (*read)(Session *s, Symbol *symbol);
} ConditionReader;

extern const ConditionReader *const condition_readers[CONDITION_COUNT];

/* NAME[n] embed d: reads the declaration of an index, whose values `noun` ("task") names; adds its embedding, a weight without a
 * net of one row per value with N(0, 1) as first values. For a ConditionReader. */
int64_t read_index(Session *s, Symbol *symbol, const char *noun);

/* Reads every condition of the file and adds it to the module. */
void lower_conditions(Session *s);

#endif
