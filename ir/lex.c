#include "ir/lex.h"

#include <ctype.h>
#include <string.h>

static char peek(const Lexer *lexer, uint32_t ahead)
{
    return lexer->at + ahead < lexer->source->size ? lexer->source->text[lexer->at + ahead] : 0;
}

static bool at_end(const Lexer *lexer)
{
    return lexer->at >= lexer->source->size;
}

static void skip_blanks(Lexer *lexer)
{
    while (peek(lexer, 0) == ' ' || peek(lexer, 0) == '\t' || peek(lexer, 0) == '\r')
        lexer->at++;
    if (peek(lexer, 0) == '#')
        while (!at_end(lexer) && peek(lexer, 0) != '\n')
            lexer->at++;
}

static Token finish(const Lexer *lexer, Token token)
{
    token.span.end = lexer->at;
    return token;
}

static Token bad(Lexer *lexer, Token token, const char *message)
{
    token = finish(lexer, token);
    token.kind = TOKEN_BAD;
    diag_error(lexer->diags, token.span, "%s", message);
    return token;
}

static bool is_name_part(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '/';
}

/* plain_name := [A-Za-z0-9_./]+ */
static Token lex_plain_name(Lexer *lexer, Token token)
{
    uint32_t begin = lexer->at;
    while (is_name_part(peek(lexer, 0)))
        lexer->at++;
    if (lexer->at == begin)
        return bad(lexer, token, "a name must follow");
    if (lexer->at - begin > LONGEST_NAME)
        return bad(lexer, token, "name is too long (limit is 255 bytes)");
    token.text = arena_text(lexer->arena, lexer->source->text + begin, lexer->at - begin);
    return finish(lexer, token);
}

/* quoted_name := '"' any printable character, \" or \\ ... '"' */
static Token lex_quoted_name(Lexer *lexer, Token token)
{
    char name[LONGEST_NAME + 1];
    uint32_t len = 0;
    bool fits = true;
    lexer->at++;
    while (peek(lexer, 0) != '"') {
        if (peek(lexer, 0) == '\\' && (peek(lexer, 1) == '"' || peek(lexer, 1) == '\\'))
            lexer->at++;
        else if (at_end(lexer) || peek(lexer, 0) == '\\' || iscntrl((unsigned char)peek(lexer, 0)))
            return bad(lexer, token, "a name in quotes must end on its line and hold printable characters, \\\" or \\\\");
        fits = fits && len < LONGEST_NAME;
        if (fits)
            name[len++] = peek(lexer, 0);
        lexer->at++;
    }
    lexer->at++;
    if (!fits)
        return bad(lexer, token, "name is too long (limit is 255 bytes)");
    if (len == 0)
        return bad(lexer, token, "name is empty");
    token.text = arena_text(lexer->arena, name, len);
    token.quoted = true;
    return finish(lexer, token);
}

static Token lex_name(Lexer *lexer, Token token)
{
    return peek(lexer, 0) == '"' ? lex_quoted_name(lexer, token) : lex_plain_name(lexer, token);
}

/* number := -?[0-9.]+([eE][+-]?[0-9]+)? or -inf; whether it is well formed shows when it is converted */
static Token lex_number(Lexer *lexer, Token token)
{
    enum { LONGEST_NUMBER = 64 };
    uint32_t begin = lexer->at;
    do
        lexer->at++;
    while (is_name_part(peek(lexer, 0)) || ((peek(lexer, 0) == '-' || peek(lexer, 0) == '+') &&
                                            tolower((unsigned char)lexer->source->text[lexer->at - 1]) == 'e'));
    if (lexer->at - begin > LONGEST_NUMBER)
        return bad(lexer, token, "number is too long (limit is 64 characters)");
    token.kind = TOKEN_NUMBER;
    token.text = arena_text(lexer->arena, lexer->source->text + begin, lexer->at - begin);
    return finish(lexer, token);
}

Token lex(Lexer *lexer)
{
    skip_blanks(lexer);
    Token token = {.span = {lexer->source, lexer->at, lexer->at}};
    char c = peek(lexer, 0);
    if (at_end(lexer))
        return token;
    if (isdigit((unsigned char)c) || (c == '-' && peek(lexer, 1) != '>'))
        return lex_number(lexer, token);
    if (is_name_part(c) || c == '"') {
        token.kind = TOKEN_WORD;
        return lex_name(lexer, token);
    }
    lexer->at++;
    if (c == '@' || c == '%') {
        token.kind = c == '@' ? TOKEN_SYMBOL : TOKEN_VALUE;
        return lex_name(lexer, token);
    }
    if (c == '\n') {
        token.kind = TOKEN_NEWLINE;
        return finish(lexer, token);
    }
    if (c == '-') {
        lexer->at++;
        c = '>';
    } else if (!c || !strchr("()[]{},:=", c)) {
        return bad(lexer, token, "no token of the IR starts here");
    }
    token.kind = TOKEN_MARK;
    token.mark = c;
    return finish(lexer, token);
}
