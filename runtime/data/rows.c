/* rows(n): examples that the program computes (compute.h), or without content, for objectives of weights alone. */
#include "runtime/data/format.h"

static bool count_rows(DataSource *source)
{
    for (size_t m = 0; m < source->member_count; m++)
        source->members[m] = (MemberRows){source->dataset->rows, source->dataset->test_rows};
    source->main_rows = source->dataset->rows * (int64_t)source->member_count;
    source->test_rows = source->dataset->test_rows * (int64_t)source->member_count;
    return true;
}

const Format rows_format = {.open = count_rows};
