/* Tokens of the textual IR (docs/ir.md, "Text"). */
#ifndef HNC_IR_LEX_H
#define HNC_IR_LEX_H

#include "support/diagnostics.h"

typedef enum {
    TOKEN_END,
    TOKEN_NEWLINE,
    TOKEN_WORD,   /* axes, f32, "any name" */
    TOKEN_SYMBOL, /* @name */
    TOKEN_VALUE,  /* %name, %12 */
    TOKEN_NUMBER, /* -1.5e-3 */
    TOKEN_MARK,   /* one of ( ) [ ] { } , : = or -> */
    TOKEN_BAD,    /* reported by the lexer */
} TokenKind;

typedef struct Token {
    TokenKind kind;
    Span span;
    bool quoted;
    char mark;        /* '>' for -> */
    const char *text; /* of words, symbols, values and numbers: without sigil, quotes and escapes; in the lexer's arena */
} Token;

typedef struct Lexer {
    const Source *source;
    Diagnostics *diags;
    Arena *arena;
    uint32_t at;
} Lexer;

enum { LONGEST_NAME = 255 };

/* The next token; spaces, tabs and comments (# to the end of the line) are skipped. Past the end it stays TOKEN_END. */
Token lex(Lexer *lexer);

#endif
