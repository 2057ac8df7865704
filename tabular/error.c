#include "tabular/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool tabular_error(char error[static TABULAR_ERROR], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, TABULAR_ERROR, format, args);
    va_end(args);
    return false;
}

const char *excerpt(const char *text, char out[static EXCERPT])
{
    enum { SHOWN = 48 };
    size_t length = strnlen(text, SHOWN + 1);
    bool cut = length > SHOWN;
    if (cut)
        for (length = SHOWN; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80; length--)
            ;
    for (size_t i = 0; i < length; i++)
        out[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7F ? ' ' : text[i];
    strcpy(out + length, cut ? "..." : "");
    return out;
}
