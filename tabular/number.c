/* Numbers as tables write them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tabular/table.h"

bool parse_number(const char *text, double *number)
{
    const char *c = text + (*text == '+' || *text == '-');
    size_t digits = strspn(c, "0123456789");
    c += digits;
    if (*c == '.') {
        size_t more = strspn(c + 1, "0123456789");
        digits += more;
        c += 1 + more;
    }
    if (digits > 0 && (*c == 'e' || *c == 'E')) {
        c += 1 + (c[1] == '+' || c[1] == '-');
        size_t exponent = strspn(c, "0123456789");
        if (exponent == 0)
            return false;
        c += exponent;
    }
    if (digits == 0 || *c)
        return false;
    *number = strtod(text, NULL); /* the point is '.', as no locale is ever set */
    return isfinite(*number);
}
