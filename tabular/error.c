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

/* The bytes of a character that nobody sees, or 0; its number. */
static size_t invisible(const char *text, unsigned *code)
{
    const unsigned char *c = (const unsigned char *)text;
    if ((c[0] & 0xE0) == 0xC0 && c[1])
        *code = (c[0] & 0x1Fu) << 6 | (c[1] & 0x3Fu);
    else if ((c[0] & 0xF0) == 0xE0 && c[1] && c[2])
        *code = (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
    else
        return 0;
    bool is = *code == 0xA0 || *code == 0xAD || (*code >= 0x2000 && *code <= 0x200F) || *code == 0x202F || *code == 0x2060 ||
              *code == 0x3000 || *code == 0xFEFF;
    return !is ? 0 : *code < 0x800 ? 2 : 3;
}

const char *excerpt(const char *text, char out[static EXCERPT])
{
    enum { SHOWN = 48, WIDEST = sizeof "<U+FEFF>" - 1 };
    size_t length = 0;
    unsigned code = 0;
    while (*text) {
        size_t hidden = invisible(text, &code), bytes = hidden ? hidden : 1;
        while (!hidden && ((unsigned char)text[bytes] & 0xC0) == 0x80)
            bytes++;
        if (length + (hidden ? WIDEST : bytes) > SHOWN)
            return strcpy(out + length, "..."), out;
        if (hidden)
            length += (size_t)sprintf(out + length, "<U+%04X>", code);
        for (size_t i = 0; !hidden && i < bytes; i++)
            out[length++] = (unsigned char)text[i] < ' ' || text[i] == 0x7F ? ' ' : text[i];
        text += bytes;
    }
    out[length] = 0;
    return out;
}
