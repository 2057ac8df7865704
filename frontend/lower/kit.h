/* How the parts of declarations are read: a word that must be one of some words, and a construct, name(label: value, ...), that
 * must be one of some constructs. Where none fits, the help names the one that is near, or all of them. */
#ifndef HNC_FRONTEND_KIT_H
#define HNC_FRONTEND_KIT_H

#include <math.h>

#include "frontend/lower/lower.h"

/* ---- words (words.c) ---- */

/* A table whose rows begin with their name, a const char *. */
typedef struct Words {
    const void *rows;
    size_t count, stride;
} Words;
#define WORDS(table) ((Words){(table), COUNT_OF(table), sizeof *(table)})

const char *word_at(Words words, size_t row);
/* The row of that name, or -1. */
int find_word(Words words, const char *name);
/* The row whose name the expression is, or -1. */
int named_word(Words words, const Expr *expr);
/* The same as find_word, but reports an error with this message where there is no such row; the help names the word that is near or, if none
 * is, all of them. */
int choose_word(Session *s, Words words, const char *name, Span span, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The help alone: the word that is near, or, if none is, all of them, each as it is `shown`. */
void add_choices(Session *s, const char *name, Words words, Words shown);

/* The word that is near, if one is. */
bool suggest_word(Session *s, const char *name, Words words);

/* What the file declares under the name that `expr` is, if it is of one of these kinds (bit set of 1 << DeclKind). Otherwise
 * NULL, and reports an error with this message and, as help, the name that is near. */
Symbol *choose_declared(Session *s, unsigned kinds, const Expr *expr, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The name that is called, or that stands alone; "" for anything else. */
const char *head_name(const Expr *expr);

/* ---- numbers with a range (construct.c) ---- */

typedef struct Range {
    double low, high;
    bool above, below;        /* low, high do not belong to it */
    const char *const *words; /* that stand for the numbers 0, 1, ...; ends with NULL. NULL: there are none */
} Range;
#define ANY_NUMBER {-INFINITY, INFINITY, false, false, NULL}
#define AT_LEAST(x) {(x), INFINITY, false, false, NULL}
#define ABOVE(x) {(x), INFINITY, true, false, NULL}
#define FROM_BELOW(x, y) {(x), (y), false, true, NULL} /* x <= number < y */
#define BETWEEN(x, y) {(x), (y), true, true, NULL}     /* x < number < y */
#define WITHIN(x, y) {(x), (y), false, false, NULL}
#define EITHER(zero, one)                                                                                                        \
    {                                                                                                                            \
        0, 1, false, false, (const char *const[])                                                                                \
        {                                                                                                                        \
            (zero), (one), NULL                                                                                                  \
        }                                                                                                                        \
    }
#define WORD_OR_WITHIN(zero, x, y)                                                                                               \
    {                                                                                                                            \
        (x), (y), false, false, (const char *const[])                                                                            \
        {                                                                                                                        \
            (zero), NULL                                                                                                         \
        }                                                                                                                        \
    }

/* A number known at compile time that lies in the range; `what` names it in the message. */
bool read_number(Session *s, const Expr *expr, const char *what, Range range, double *number);
/* A list of `count` numbers in the range, or one that all of them are. */
bool read_numbers(Session *s, const Expr *expr, const char *what, Range range, uint32_t count, double *numbers);

/* ---- constructs (construct.c) ---- */

enum { MOST_PARAMETERS = 10 };

typedef enum {
    TAKES_NOTHING, /* ends the list of parameters */
    TAKES_NUMBER,
    TAKES_TUNABLE,    /* a number; where the session says so (`tuning`), a hyperparameter may stand for it */
    TAKES_CHANGEABLE, /* the same; and a run may change a constant that stands here by its name */
    TAKES_WHOLE,      /* a whole number, or a word of the range */
    TAKES_WORD,       /* a word of the range */
    TAKES_STRING,     /* the name of a file */
    TAKES_EXPRESSION, /* whoever reads the construct evaluates it */
    TAKES_CONSTRUCT,  /* another construct; it needs no label wherever it stands */
} Takes;

typedef struct Parameter {
    const char *label;
    Takes takes;
    Range range;     /* of a number */
    double standard; /* the number where it is not given; NAN: it must be given */
} Parameter;

typedef struct Construct {
    const char *name, *example; /* "hvi", "hvi(points: 16, lambda: 5)" */
    Parameter parameters[MOST_PARAMETERS];
    uint32_t positional; /* how many arguments need no label; 0: all */
} Construct;

/* Rows: a word without arguments; one with them, each a Parameter. */
#define ALONE(word) {.name = (word), .example = (word)}
#define CALLED(word, shown, ...)                                                                                                 \
    {                                                                                                                            \
        .name = (word), .example = (shown), .parameters = { __VA_ARGS__ }                                                        \
    }

typedef struct Constructs {
    const Construct *rows;
    size_t count;
    ForeignKind foreign; /* what other languages call them; FOREIGN_NOTHING: they have none */
} Constructs;
#define CONSTRUCTS(table) ((Constructs){(table), COUNT_OF(table), FOREIGN_NOTHING})

typedef struct Argument {
    const Expr *expr; /* NULL: not given */
    double number;    /* given or standard */
    const char *text; /* of a string */
    Symbol *constant; /* that stands where the parameter is TAKES_CHANGEABLE; NULL: none */
    bool tuned;       /* a hyperparameter stands for the number, which is NAN */
} Argument;

/* A hyperparameter, "lam.rate", or a group of them in the expression; NULL: there is none. */
const Expr *find_hyper_in(const Session *s, const Expr *expr);
/* Which row of the table `expr` is; its arguments in the order of the parameters. An argument that is no number may be missing:
 * then its `expr` is NULL. -1, and an error: it is none of them, or an argument does not fit. `what` says what it should be: "a
 * schedule". */
int read_construct(Session *s, const Expr *expr, Constructs constructs, const char *what,
                   Argument arguments[static MOST_PARAMETERS]);
/* The construct with its numbers, given or not: "hvi(points: 16, lambda: 5)". */
const char *construct_text(Arena *arena, const Construct *construct, const Argument *arguments);

#endif
