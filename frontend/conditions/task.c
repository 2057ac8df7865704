/* task t[10] embed 24: tasks that are learned one after the other, or that the examples belong to. */
#include "frontend/conditions/conditions.h"

static int64_t read_task(Session *s, Symbol *symbol)
{
    return read_index(s, symbol, "task");
}

const ConditionReader reader_task = {"a task", "task t[10] embed 24", read_task};
