/* Data sets of texts, between data.c and text.c. */
#ifndef HNC_DECLARE_TEXT_H
#define HNC_DECLARE_TEXT_H

#include "frontend/lower/lower.h"

/* What text("ptb.train.txt", unit: word, length: 70, streams: 40) says beside its files: data->text, and into *streams how many
 * there are; 0: its windows are apart. */
void read_text(Session *s, Dataset *data, const Expr *source, int64_t *streams);
/* The streams of text("ptb.test.txt", streams: 10), the source of a split of its own files; without, those of the data set. */
int64_t read_split_streams(Session *s, const Expr *source, int64_t streams);
/* Adds the fields `tokens` and `next` to the module, labels of as many classes as the vocabulary of the main files has words,
 * which is counted later. */
void add_text_fields(Session *s, const Symbol *symbol, const Dataset *data);

#endif
