/* What the files of the parser share: names, the token at hand, and the small productions. A function that fails has reported why
 * (unless the lexer had) and leaves the token where it failed; the caller skips the line. */
#ifndef HNC_IR_PARSE_H
#define HNC_IR_PARSE_H

#include "ir/internal.h"
#include "ir/lex.h"

/* Names to numbers, by open addressing; never walked, so its order is never seen. */
typedef struct Names {
    struct NameEntry {
        const char *name;
        uint32_t number;
    } *entries;
    uint32_t len, cap; /* cap: zero or a power of two */
} Names;
/* False if the name is there already. */
bool names_add(Names *names, const char *name, uint32_t number);
bool names_find(const Names *names, const char *name, uint32_t *number);
void names_free(Names *names);

typedef struct Parser {
    Lexer lexer;
    Token token; /* the next one */
    Diagnostics *diags;
    Module *module;
    Names symbols[SUBJECT_NUMBER]; /* by OpSubject; functions under SUBJECT_NONE */
    Names values;                  /* of the function; NO_VALUE for a value whose line was wrong */
    Function *function;
    uint32_t ops; /* in the whole module */
    bool too_many;
} Parser;

void parser_advance(Parser *p);
void skip_line(Parser *p);
void skip_newlines(Parser *p);
/* An error at the token at hand, unless the lexer has reported it; always false. */
bool error_here(Parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool at_line_end(const Parser *p);
bool is_mark(const Parser *p, char mark);
bool accept_mark(Parser *p, char mark); /* '>' stands for -> */
bool expect_mark(Parser *p, char mark);
bool accept_word(Parser *p, const char *word);
bool expect_word(Parser *p, const char *word);
bool expect_line_end(Parser *p);
/* A token of that kind; its text goes to *text. */
bool expect_text(Parser *p, TokenKind kind, const char *what, const char **text);

bool parse_integer(Parser *p, int64_t least, int64_t most, int64_t *number);
bool parse_u32(Parser *p, uint32_t *number);
bool parse_real(Parser *p, double *number);
bool parse_dims(Parser *p, Dims *dims);
bool parse_signed_dims(Parser *p, Dims *dims);
bool parse_type(Parser *p, Type *type);
/* Conditions behind `given`, if it stands there. */
bool parse_given(Parser *p, Dims *conditions);

#endif
