/* rows(n): examples that the program computes (compute.h), or without content, for objectives of weights alone. */
#include "runtime/data/format.h"

static bool count_rows(DataSource *source)
{
    for (size_t m = 0; m < source->member_count; m++)
        source->members[m] = (MemberRows){source->dataset->rows, source->dataset->test_rows};
    return true;
}

const Format rows_format = {.open = count_rows};
