/* What tests of trains share: a table of numbers, and a small model of it. */
#ifndef HNC_TESTS_SMALL_TABLE_H
#define HNC_TESTS_SMALL_TABLE_H

#include "tests/runtime/run_command.h"

/* The declarations up to the train; `trunk` is what the trunk makes of x. */
#define SMALL_MODEL(trunk)                                                                                                       \
    "data d = csv(\"table.csv\") {\n  fields x = numbers(a, b, c), y = y\n  split train 48, valid 16\n}\n"                       \
    "net trunk(x: f32[3]) -> f32[8] { return " trunk " }\n"                                                                      \
    "net head(h: f32[8]) -> f32[1] { return linear(h, 1) }\n"                                                                    \
    "objective loss(e) = mean(square(head(trunk(e.x)) - e.y))\n"

/* A folder of the test's own, with the table. */
static inline int small_table_set_up(void **state)
{
    folder_set_up(state);
    write_numbers("table.csv", "a,b,c,y", 64);
    return 0;
}

#endif
