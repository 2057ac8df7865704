#include "runtime/run/events.h"

#include <stdio.h>
#include <string.h>

static const char *event_name(const StateInfo *state)
{
    const char *slash = strrchr(state->tensor.name, '/');
    return slash ? slash + 1 : state->tensor.name;
}

static int32_t event_times(const Program *program, const StateInfo *state)
{
    int32_t count;
    memcpy(&count, program_state(program, state), sizeof count);
    return count;
}

void events_add(const Program *program, json_t *object)
{
    const TrainInfo *train = program->manifest->train;
    for (size_t i = 0; i < train->event_count; i++) {
        const StateInfo *state = &program->manifest->states[train->events[i]];
        json_object_set_new(object, event_name(state), json_integer(event_times(program, state)));
    }
}

void events_list(const Program *program, char *text, size_t size)
{
    const TrainInfo *train = program->manifest->train;
    size_t length = 0;
    *text = '\0';
    for (size_t i = 0; i < train->event_count && length < size; i++) {
        const StateInfo *state = &program->manifest->states[train->events[i]];
        int32_t count = event_times(program, state);
        if (count)
            length += (size_t)snprintf(text + length, size - length, "%s%.60s %d", length ? ", " : "", event_name(state), count);
    }
}
