/* The table of a schedule of hyperparameters: rows of a step and the unconstrained numbers then, in the order of steps. Rows that are not
 * needed are at a step that never comes, and repeat the last numbers. */
#ifndef HN_ABI_SCHEDULE_ROWS_H
#define HN_ABI_SCHEDULE_ROWS_H

enum { SCHEDULE_ROWS = 4096 };

#endif
