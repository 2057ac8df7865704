/* Names and texts of a model as Python has them. */
#include <inttypes.h>
#include <string.h>

#include "backend/aot/python.h"

static bool is_one_of(const char *name, uint32_t count, const char *const *names)
{
    for (uint32_t i = 0; i < count; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* What no function and no argument may be called: what Python reserves, and what the module or Python itself gives. */
static bool is_reserved(const char *name)
{
    static const char *const keywords[] = {
        "False",  "None",     "True", "and",    "as",      "assert", "async",  "await",  "break", "class",  "continue", "def",
        "del",    "elif",     "else", "except", "finally", "for",    "from",   "global", "if",    "import", "in",       "is",
        "lambda", "nonlocal", "not",  "or",     "pass",    "raise",  "return", "try",    "while", "with",   "yield",
    };
    return is_one_of(name, COUNT_OF(keywords), keywords) || strncmp(name, "__", 2) == 0 || strncmp(name, "_hnc_", 5) == 0;
}

void python_names(Arena *arena, uint32_t count, const char *const *names, uint32_t taken_count, const char *const *taken,
                  const char **out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = is_reserved(names[i]) || is_one_of(names[i], taken_count, taken) ? NULL : names[i];
    for (uint32_t i = 0; i < count; i++) {
        if (out[i])
            continue;
        const char *name = arena_printf(arena, "%s_", names[i]);
        while (is_one_of(name, count, names) || is_one_of(name, count, out))
            name = arena_printf(arena, "%s_", name);
        out[i] = name;
    }
}

/* The length of the character that begins here, if it is UTF-8 of more than one byte; 0 otherwise. */
static size_t character_length(const unsigned char *c)
{
    size_t length = c[0] < 0xC2 || c[0] > 0xF4 ? 0 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
    for (size_t i = 1; i < length; i++)
        if ((c[i] & 0xC0) != 0x80)
            return 0;
    bool too_long = (c[0] == 0xE0 && c[1] < 0xA0) || (c[0] == 0xF0 && c[1] < 0x90);
    bool no_character = (c[0] == 0xED && c[1] >= 0xA0) || (c[0] == 0xF4 && c[1] >= 0x90);
    return too_long || no_character ? 0 : length;
}

void print_python_text(const char *text, Text *out)
{
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        size_t length = *c < 0x80 ? 1 : character_length(c);
        if (length == 0)
            text_printf(out, "\\udc%02x", *c);
        else if (*c == '"' || *c == '\\' || *c < ' ' || *c == 0x7F)
            text_printf(out, "\\x%02x", *c);
        else
            text_append(out, (const char *)c, length);
        c += length ? length : 1;
    }
}

const char *numpy_type(DType dtype)
{
    static const char *const types[DTYPE_COUNT] = {
        [DTYPE_F32] = "float32", [DTYPE_F64] = "float64", [DTYPE_I32] = "int32", [DTYPE_BOOL] = "bool", [DTYPE_U8] = "uint8"};
    return types[dtype];
}

void print_python_shape(Type type, unsigned skipped, Text *out)
{
    text_printf(out, "(");
    for (unsigned i = skipped; i < type.rank; i++)
        text_printf(out, "%s%" PRId64 "%s", i > skipped ? ", " : "", type.dims[i], type.rank == skipped + 1 ? "," : "");
    text_printf(out, ")");
}
