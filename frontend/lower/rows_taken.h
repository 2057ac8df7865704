/* Examples of another data set in a computed row: mnist.train.image[k]. */
#ifndef HNC_FRONTEND_ROWS_TAKEN_H
#define HNC_FRONTEND_ROWS_TAKEN_H

#include "frontend/lower/lower.h"

/* Whether a row may take examples of the data set; reports why it may not, unless an error of the data set was reported. */
bool may_take_rows(Session *s, Val dataset, Span span);

/* The field of the examples at the places that the index says, of a VAL_COLUMN. Reports what is no place. */
Val column_rows(Session *s, Val column, const Expr *expr);

#endif
