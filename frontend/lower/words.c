/* A word that must be one of some words. */
#include <string.h>

#include "frontend/lower/kit.h"

const char *word_at(Words words, size_t row)
{
    return *(const char *const *)((const char *)words.rows + row * words.stride);
}

int find_word(Words words, const char *name)
{
    for (size_t row = 0; row < words.count; row++)
        if (strcmp(word_at(words, row), name) == 0)
            return (int)row;
    return -1;
}

int named_word(Words words, const Expr *expr)
{
    return expr->kind == EXPR_NAME ? find_word(words, expr->name.text) : -1;
}

bool suggest_word(Session *s, const char *name, Words words)
{
    Candidates candidates = {0};
    for (size_t i = 0; i < words.count; i++)
        vec_push(&candidates.names, word_at(words, i));
    return suggest(s, name, &candidates);
}

void add_choices(Session *s, const char *name, Words words, Words shown)
{
    Text all = {0};
    for (size_t i = 0; i < words.count; i++)
        text_printf(&all, "%s%s", before_alternative(i, words.count), word_at(shown, i));
    if (!suggest_word(s, name, words) && words.count)
        add_help(s, "it may be %s", all.data);
    text_free(&all);
}

int choose_word(Session *s, Words words, const char *name, Span span, const char *format, ...)
{
    int row = find_word(words, name);
    if (row >= 0)
        return row;
    va_list args;
    va_start(args, format);
    fail(s, span, "%s", arena_vprintf(&s->file->arena, format, args));
    va_end(args);
    add_choices(s, name, words, words);
    return -1;
}

static bool is_listed(const Candidates *candidates, const char *name)
{
    for (uint32_t i = 0; i < candidates->names.len; i++)
        if (strcmp(candidates->names.data[i], name) == 0)
            return true;
    return false;
}

Symbol *choose_declared(Session *s, unsigned kinds, const Expr *expr, const char *format, ...)
{
    const char *name = expr && expr->kind == EXPR_NAME ? expr->name.text : "";
    for (int kind = 0; kind < DECL_COUNT; kind++) {
        Symbol *symbol = kinds >> kind & 1 ? find_symbol_of(s->file, name, (DeclKind)kind) : NULL;
        if (symbol)
            return symbol;
    }
    va_list args;
    va_start(args, format);
    fail(s, expr->span, "%s", arena_vprintf(&s->file->arena, format, args));
    va_end(args);
    Candidates candidates = {0};
    for (int kind = 0; kind < DECL_COUNT; kind++)
        if (kinds >> kind & 1)
            add_declared(s, (DeclKind)kind, &candidates);
    if (expr->kind == EXPR_MEMBER && expr->left->kind == EXPR_NAME && is_listed(&candidates, expr->left->name.text)) {
        add_help(s, "it takes all of them together: '%s'", expr->left->name.text);
        vec_free(&candidates.names);
        return NULL;
    }
    if (candidates.names.len)
        choose_name(s, name, &candidates, "the file declares");
    else
        vec_free(&candidates.names);
    return NULL;
}

const char *head_name(const Expr *expr)
{
    const Expr *head = expr->kind == EXPR_CALL ? expr->left : expr;
    return head->kind == EXPR_NAME ? head->name.text : "";
}
