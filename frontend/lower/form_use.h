/* One use of a form, as a model writes it (form_use.c). */
#ifndef HNC_FRONTEND_FORM_USE_H
#define HNC_FRONTEND_FORM_USE_H

#include "frontend/lower/kit.h"

/* The arguments of a use of a form. */
typedef struct FormArguments {
    const FormRow *row;
    const Expr *vector;    /* CONDITION: what the weights respond to */
    Symbol *standing;      /* SHIFT */
    const Expr *generator; /* NET: its call; NULL: it takes an index */
    Symbol *index;         /* EACH, NET: a task or a member, of which each value has a row of numbers; NULL: none */
    FormStart start;       /* NET */
    Span start_span;       /* where that is said */
    const char *file;      /* FILE */
    const Expr *loss, *optimizer; /* LOSS */
    int order;                    /* LOSS: of the derivatives that go through the steps; 1: none goes through a gradient */
    int64_t settings[MOST_FORM_SETTINGS];
} FormArguments;

/* The row of ir/forms.def of that name, or -1. */
int form_row_of(const char *name);
/* Returns false after an error. */
bool read_form(Session *s, const Expr *use, FormArguments *arguments);
/* Calls `visit` once per use of a form in the expression. */
void for_each_use(Session *s, const Expr *expr, void (*visit)(Session *s, const Expr *use, void *data), void *data);

/* Whether weights of the file, or of the train at work, respond to how far a condition is from where it stands (forms.c). */
bool has_centred_responses(Session *s);

/* ---- nets that make numbers (generators.c) ---- */

/* Builds the function that makes the numbers of the use, if it calls a net or takes steps; `form` is a uint32_t. */
void lower_generator(Session *s, const Expr *use, void *form);
/* How many numbers a net makes for the weights of a form that come before `end`; and how many weights these are. */
int64_t count_numbers(const Module *module, const FormArguments *arguments, uint32_t form, uint32_t end, uint32_t *weights);

/* ---- steps on a loss (steps.c) ---- */

/* In the function of the use: the vector of all numbers of the form's weights, behind the steps. */
Val take_steps(Session *s, const FormArguments *arguments, uint32_t form);
/* Whether steps move the weight where the walk is; the weight there. */
bool is_moving(const Session *s, uint32_t weight);
Value moving_weight(Session *s, uint32_t weight);

/* ---- first values that are measured (measures.c) ---- */

/* Notes that the first values of what the use has marked follow from what the open function computes: `made`. */
void measure_later(Session *s, const FormUse *use, Value made);
/* Makes the functions that compute these values, of the function that was closed. */
void finish_measures(Session *s, const Function *function);

#endif
