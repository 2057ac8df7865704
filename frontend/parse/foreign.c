#include "frontend/parse/foreign.h"

#include <stdbool.h>
#include <string.h>

#include "support/arena.h"

static const struct {
    ForeignKind kind;
    const char *words, *answer;
} rows[] = {
#define FOREIGN(KIND, words, answer) {FOREIGN_##KIND, words, answer},
#include "frontend/parse/foreign.def"
#undef FOREIGN
};

/* Whether the text, words with blanks between them, holds the word. */
static bool holds(const char *text, const char *word, size_t length)
{
    for (; *text; text += strspn(text, " ")) {
        size_t here = strcspn(text, " ");
        if (here == length && strncmp(text, word, length) == 0)
            return true;
        text += here;
    }
    return false;
}

const char *foreign_answer(ForeignKind kind, const char *word, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].kind == kind && holds(rows[i].words, word, length))
            return rows[i].answer;
    return NULL;
}
