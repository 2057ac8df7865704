/* Text to syntax tree: the state that lexer.l, parser.y and the node constructors share. */
#ifndef HNC_FRONTEND_PARSE_H
#define HNC_FRONTEND_PARSE_H

#include "frontend/parse/ast.h"

/* An open ( or [. */
typedef struct Bracket {
    Span span;
    int token; /* 0: there is none */
} Bracket;

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
    int last, before; /* the token handed out last, and the one before it */
    bool held;        /* a token is held back behind a statement end */
    int held_token;
    union HN_STYPE *held_value;
    Span held_span;
    Span last_span, before_span; /* of the two last tokens that are no END */
    uint32_t statement;          /* where the statement at hand begins */
    VEC(Bracket) brackets;       /* open ( and [ */
    Bracket unclosed;            /* the innermost of them before the last token */
    VEC(Span) braces;            /* open { */
    uint32_t closing;            /* how many of these are being closed for a declaration that came too early; 0: none */
    bool skipping;               /* to the next declaration, after an error outside { } */
    bool recovering;             /* to the next END, after an error inside { } */
    bool quiet;                  /* until behind the next END: what is wrong here was reported */
    bool quiet_next;             /* the same of the statement behind this END, whose first token was read already */
    bool loop;                   /* what is skipped began with `for`, so that a ';' ends nothing */
    bool settings;               /* `batch = 128` was reported */
    bool colons;                 /* blocks behind ':' were reported */
    bool too_deep;
    VEC(const char *) foreign; /* names and characters that were reported */
};

/* Parses a whole source; every syntax error is reported. The tree lives in `arena`. */
DeclList parse_source(const Source *source, Arena *arena, Diagnostics *diags);

/* Reports an unexpected token (its number) where `expected` (may be NULL) would do, or a declaration. */
void syntax_error(Parser *parser, Span span, int token, const char *expected, bool declaration);
/* "a name, ')' or 'by'": symbols of the grammar as a message lists them. */
void list_expected(int count, const char *const *symbols, Text *out);
/* Reports text that is no token; the rest of the statement gives no further error. False: something was reported there before. */
bool lexical_error(Parser *parser, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The loop `for i in range(3) { }`, and an argument `name = value`. */
void refuse_range(Parser *parser, const Expr *range);
void refuse_equals(Parser *parser, Name label, Span equals, const Expr *value);
/* Adds an argument. `name = value` behind `E given z = V` is another binding of it, elsewhere an error. */
ArgList add_argument(Parser *parser, ArgList list, Arg *arg);
/* Adds a binding to `E given z = V` without parentheses; the '=' is an error where there is none. */
void bind_more(Parser *parser, Expr *given, Binding *binding, Span equals);

/* ---- text of other languages (foreign_text.c): it is reported, with what to write here ---- */

/* A sign that is no operator here. Returns the token to go on with. */
int foreign_operator(Parser *parser, Span span, const char *sign);
/* `//` or `%`, with the rest of its line. Returns the token to go on with; 0: the rest is a comment, or '%' stands behind a
 * number as a unit. *length: how many bytes of the text are taken. */
int foreign_rest(Parser *parser, Span span, const char *line, uint32_t *length);
/* A comment between slashes and stars or in triple quotes. */
void foreign_comment(Parser *parser, Span span);
/* `and`, `or` and `not` where an operator stands: its token, else 0. */
int foreign_word(Parser *parser, Span span, const char *word);
/* A name with letters or invisible characters that are not ASCII: as it should be, "" if nothing is left of it. */
const char *foreign_name(Parser *parser, Span span, const char *text);
/* One character that is not ASCII and belongs to no name: the token that it stands for, or 0. */
int foreign_character(Parser *parser, Span span, const char *text);
/* A string in quotes that are not the language's. */
Name foreign_string(Parser *parser, Span span, const char *text);
/* A sequence that begins with a digit and is neither a number nor a name. */
void foreign_number(Parser *parser, Span span, const char *text);

/* 1-based line of a byte of the source parsed so far. */
uint32_t parser_line(const Parser *parser, uint32_t offset);

#endif
