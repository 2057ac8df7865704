/* Text for a terminal. This header includes nothing of the project and has nothing to link. */
#ifndef HN_SUPPORT_WRAP_H
#define HN_SUPPORT_WRAP_H

#include <stdio.h>
#include <string.h>

/* Prints a text of which the first line begins at column `margin`: broken at blanks, so that no line is longer than `width`, the
 * further lines from the margin on. A word that is longer than a line is not broken. Ends with a new line. */
static inline void print_wrapped(FILE *file, const char *text, int margin, int width)
{
    const size_t room = (size_t)(width - margin);
    while (strlen(text) > room) {
        size_t length = room;
        while (length > 0 && text[length] != ' ')
            length--;
        if (length == 0)
            break;
        fprintf(file, "%.*s\n%*s", (int)length, text, margin, "");
        text += length + 1;
    }
    fprintf(file, "%s\n", text);
}

#endif
