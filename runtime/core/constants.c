#include "runtime/core/constants.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

/* The place of the constant whose name these bytes are; constant_count: there is none. */
static size_t find_constant(const Manifest *manifest, const char *name, size_t length)
{
    size_t place = 0;
    while (place < manifest->constant_count &&
           (strlen(manifest->constants[place].name) != length || strncmp(manifest->constants[place].name, name, length)))
        place++;
    return place;
}

/* "it can change rate and clip", or that there are none. */
static const char *changeable(const Manifest *manifest)
{
    static char text[512];
    size_t length = (size_t)snprintf(text, sizeof text, "it can change none");
    bool first = true;
    for (size_t i = 0; i < manifest->constant_count && length < sizeof text; i++) {
        if (manifest->constants[i].state == NONE)
            continue;
        length = first ? 0 : length;
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", first ? "it can change " : ", ",
                                   manifest->constants[i].name);
        first = false;
    }
    return text;
}

bool constant_parse(const Manifest *manifest, const char *text, size_t *place, double *value)
{
    size_t length = strcspn(text, "=");
    const char *number = text + length + (text[length] == '=');
    char *end;
    *value = strtod(number, &end);
    if (text[length] != '=' || length == 0)
        return report_error("--set expects NAME=NUMBER, not '%s'", text);
    *place = find_constant(manifest, text, length);
    if (*place == manifest->constant_count)
        return report_error("--set: '%.*s' is not a constant of the model; %s", (int)length, text, changeable(manifest));
    const ConstantInfo *constant = &manifest->constants[*place];
    if (constant->state == NONE)
        return report_error("--set: the constant %s is chosen when the model is built: hnc build -D %s", constant->name, text);
    double kept = manifest->real == DTYPE_F64 ? *value : (double)(float)*value;
    if (end == number || *end || !isfinite(kept) || (constant->positive && kept <= 0))
        return report_error("--set: the constant %s is %s, not '%s'", constant->name,
                            constant->positive ? "the rate or the clip of an optimizer, a number above 0" : "a finite number",
                            number);
    return true;
}
