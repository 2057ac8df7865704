#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir/parse.h"

/* ---- names ---- */

static struct NameEntry *names_slot(const Names *names, const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    uint32_t slot = hash & (names->cap - 1);
    while (names->entries[slot].name && strcmp(names->entries[slot].name, name) != 0)
        slot = (slot + 1) & (names->cap - 1);
    return &names->entries[slot];
}

static void names_grow(Names *names)
{
    Names grown = {.len = names->len, .cap = names->cap ? names->cap * 2 : 64};
    grown.entries = support_malloc(grown.cap * sizeof *grown.entries);
    memset(grown.entries, 0, grown.cap * sizeof *grown.entries);
    for (uint32_t i = 0; i < names->cap; i++)
        if (names->entries[i].name)
            *names_slot(&grown, names->entries[i].name) = names->entries[i];
    support_free(names->entries);
    *names = grown;
}

bool names_add(Names *names, const char *name, uint32_t number)
{
    if (names->len >= names->cap / 2)
        names_grow(names);
    struct NameEntry *slot = names_slot(names, name);
    if (slot->name)
        return false;
    *slot = (struct NameEntry){name, number};
    names->len++;
    return true;
}

bool names_find(const Names *names, const char *name, uint32_t *number)
{
    const struct NameEntry *slot = names->cap ? names_slot(names, name) : NULL;
    if (!slot || !slot->name)
        return false;
    *number = slot->number;
    return true;
}

void names_free(Names *names)
{
    support_free(names->entries);
    *names = (Names){0};
}

/* ---- tokens ---- */

void parser_advance(Parser *p)
{
    p->token = lex(&p->lexer);
}

bool error_here(Parser *p, const char *format, ...)
{
    if (p->token.kind == TOKEN_BAD)
        return false;
    va_list args;
    va_start(args, format);
    diag_error(p->diags, p->token.span, "%s", arena_vprintf(&p->module->arena, format, args));
    va_end(args);
    return false;
}

bool at_line_end(const Parser *p)
{
    return p->token.kind == TOKEN_NEWLINE || p->token.kind == TOKEN_END;
}

bool is_mark(const Parser *p, char mark)
{
    return p->token.kind == TOKEN_MARK && p->token.mark == mark;
}

bool accept_mark(Parser *p, char mark)
{
    bool there = is_mark(p, mark);
    if (there)
        parser_advance(p);
    return there;
}

bool expect_mark(Parser *p, char mark)
{
    return accept_mark(p, mark) || error_here(p, "expected '%s%c'", mark == '>' ? "-" : "", mark);
}

static bool is_word(const Parser *p, const char *word)
{
    return p->token.kind == TOKEN_WORD && !p->token.quoted && strcmp(p->token.text, word) == 0;
}

bool accept_word(Parser *p, const char *word)
{
    bool there = is_word(p, word);
    if (there)
        parser_advance(p);
    return there;
}

bool expect_word(Parser *p, const char *word)
{
    return accept_word(p, word) || error_here(p, "expected '%s'", word);
}

bool expect_line_end(Parser *p)
{
    return at_line_end(p) || error_here(p, "nothing more was expected on this line");
}

void skip_line(Parser *p)
{
    while (!at_line_end(p))
        parser_advance(p);
}

void skip_newlines(Parser *p)
{
    while (p->token.kind == TOKEN_NEWLINE)
        parser_advance(p);
}

bool expect_text(Parser *p, TokenKind kind, const char *what, const char **text)
{
    if (p->token.kind != kind)
        return error_here(p, "expected %s", what);
    *text = p->token.text;
    parser_advance(p);
    return true;
}

bool parse_integer(Parser *p, int64_t least, int64_t most, int64_t *number)
{
    if (p->token.kind != TOKEN_NUMBER)
        return error_here(p, "expected an integer");
    char *end;
    errno = 0;
    long long value = strtoll(p->token.text, &end, 10);
    if (*end)
        return error_here(p, "expected an integer");
    if (errno == ERANGE || value < least || value > most)
        return error_here(p, "expected an integer from %lld to %lld", (long long)least, (long long)most);
    *number = value;
    parser_advance(p);
    return true;
}

bool parse_u32(Parser *p, uint32_t *number)
{
    int64_t value = 0;
    if (!parse_integer(p, 0, UINT32_MAX, &value))
        return false;
    *number = (uint32_t)value;
    return true;
}

/* number := decimal | inf | -inf | nan */
bool parse_real(Parser *p, double *number)
{
    static const char decimal[] = "+-.0123456789eE";
    if (is_word(p, "inf") || is_word(p, "nan") || (p->token.kind == TOKEN_NUMBER && strcmp(p->token.text, "-inf") == 0)) {
        *number = p->token.text[0] == 'n' ? (double)NAN : p->token.text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
        parser_advance(p);
        return true;
    }
    if (p->token.kind != TOKEN_NUMBER)
        return error_here(p, "expected a number");
    char *end;
    *number = strtod(p->token.text, &end);
    if (*end || p->token.text[strspn(p->token.text, decimal)] || isinf(*number))
        return error_here(p, "not a number of double precision");
    parser_advance(p);
    return true;
}

/* list := '[' [integer {',' integer}] ']' */
static bool parse_list(Parser *p, int64_t least, const char *what, uint8_t *n, int64_t v[MAX_RANK])
{
    *n = 0;
    if (!expect_mark(p, '['))
        return false;
    if (accept_mark(p, ']'))
        return true;
    do {
        if (*n == MAX_RANK)
            return error_here(p, "too many %s (limit is %d)", what, MAX_RANK);
        if (!parse_integer(p, least, MAX_ELEMENTS, &v[*n]))
            return false;
        ++*n;
    } while (accept_mark(p, ','));
    return expect_mark(p, ']');
}

bool parse_dims(Parser *p, Dims *dims)
{
    return parse_list(p, 0, "indices", &dims->n, dims->v);
}

bool parse_signed_dims(Parser *p, Dims *dims)
{
    return parse_list(p, -MAX_ELEMENTS, "indices", &dims->n, dims->v);
}

static bool parse_dtype(Parser *p, DType *dtype)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (accept_word(p, dtype_name((DType)i))) {
            *dtype = (DType)i;
            return true;
        }
    return error_here(p, "expected a type: f32, f64, i32, u8 or bool, and its extents");
}

/* type := ('f32' | 'f64' | 'i32' | 'u8' | 'bool') list */
bool parse_type(Parser *p, Type *type)
{
    Span begin = p->token.span;
    *type = (Type){0};
    if (!parse_dtype(p, &type->dtype))
        return false;
    Span end = p->token.span;
    if (!parse_list(p, 1, "axes", &type->rank, type->dims))
        return false;
    if (type_valid(*type))
        return true;
    diag_error(p->diags, span_join(begin, end), "%s has too many elements (limit is %lld)", type_text(*type),
               (long long)MAX_ELEMENTS);
    return false;
}

/* given := ['given' symbol {symbol}] */
bool parse_given(Parser *p, Dims *conditions)
{
    if (!accept_word(p, "given"))
        return true;
    do {
        uint32_t condition;
        if (p->token.kind != TOKEN_SYMBOL)
            return error_here(p, "expected a condition: @name");
        if (!names_find(&p->symbols[SUBJECT_CONDITION], p->token.text, &condition))
            return error_here(p, "no condition of this name is declared above");
        if (conditions->n == MAX_RANK)
            return error_here(p, "too many conditions (limit is %d)", MAX_RANK);
        conditions->v[conditions->n++] = condition;
        parser_advance(p);
    } while (p->token.kind == TOKEN_SYMBOL);
    return true;
}
