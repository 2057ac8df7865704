/* Text to syntax tree: the state that lexer.l, parser.y and the node constructors share. */
#ifndef HNC_FRONTEND_PARSE_H
#define HNC_FRONTEND_PARSE_H

#include "frontend/parse/ast.h"

struct Parser {
    const Source *source;
    Diagnostics *diags;
    Arena *arena;
    DeclList decls;
    /* lexer */
    void *scanner;
    uint32_t offset; /* of the next byte */
    bool newline;    /* a line ended since the last token */
    VEC(uint32_t) line_starts;
    /* statement ends (parse.c) */
    int last;  /* the token handed out last */
    bool held; /* a token is held back behind a statement end */
    int held_token;
    union HN_STYPE *held_value;
    Span held_span;
    uint32_t last_end; /* where it ended */
    uint32_t brackets; /* open ( and [ */
    VEC(Span) braces;  /* open { */
    uint32_t closing;  /* how many of these are being closed for a declaration that came too early; 0: none */
    bool skipping;     /* to the next declaration, after an error outside { } */
    bool quiet;        /* until the next END: what is wrong here was reported */
    bool too_deep;
};

/* Parses a whole source; every syntax error is reported. The tree lives in `arena`. */
DeclList parse_source(const Source *source, Arena *arena, Diagnostics *diags);

/* Reports an unexpected token (its number) where `expected` (may be NULL) would do, or a declaration. */
void syntax_error(Parser *parser, Span span, int token, const char *expected, bool declaration);
/* Reports text that is no token; the rest of the line gives no further error. */
void lexical_error(Parser *parser, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* 1-based line of a byte of the source parsed so far. */
uint32_t parser_line(const Parser *parser, uint32_t offset);

#endif
