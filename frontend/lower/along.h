/* Blocks that run along the first axis of tensors: what `each` (each.c) and `scan` (scan.c) have in common. */
#ifndef HNC_FRONTEND_ALONG_H
#define HNC_FRONTEND_ALONG_H

#include "frontend/lower/lower.h"
#include "ir/map.h"

typedef struct Along {
    Value first;  /* of the ops of the block */
    int64_t size; /* how many entries there are */
    VEC(Placeholder) placeholders;
    VEC(Val) entries; /* what the names of the block stand for */
} Along;
void along_free(Along *along);

/* Stands for one entry of `all` while the block is built. */
Value add_placeholder(Session *s, Along *along, Value all);
/* Evaluates `p in x, i in 0..n`, all of which have as many entries: one value of the block per binding. False after an error,
 * which names the construct. */
bool read_alongs(Session *s, const BindingList *alongs, const char *construct, Along *along);

/* What a block must leave as it was: names of the block are its own. */
typedef struct BlockRun {
    VEC(Local) locals;
    Val result;
} BlockRun;
BlockRun begin_run(Session *s, Along *along);
/* Gives the names of the block their entries. */
void name_entries(Session *s, const BindingList *alongs, const Along *along);
void end_run(Session *s, BlockRun *run);
/* Reports `update` in the block: a running statistic has one value behind a step, which the entries would have to agree on. */
bool check_no_update(Session *s, const Along *along, Span span);

#endif
