/* The tokens of a text file, one after the other, and the vocabulary that numbers them. */
#ifndef HN_DATA_TOKENS_H
#define HN_DATA_TOKENS_H

#include "runtime/abi/types.h"
#include "runtime/data/bytes.h"

enum { TOKEN_MOST_BYTES = 4096, TOKEN_BUFFER = 1 << 16 };

/* Reads the tokens of a stream of UTF-8. */
typedef struct TokenReader {
    ByteStream *stream; /* not owned */
    TextUnit unit;
    const char *end;                 /* words: the token of the end of a line; NULL: there is none */
    char text[TOKEN_MOST_BYTES + 1]; /* the token at hand, with a NUL behind it */
    size_t length;
    int64_t line; /* on which it stands, from 1 */
    bool at_end_of_line;
    unsigned char buffer[TOKEN_BUFFER];
    size_t at, held;
    bool over; /* the file has no more bytes than are held */
} TokenReader;

void tokens_begin(TokenReader *reader, ByteStream *stream, TextUnit unit, const char *end);
/* Makes the next token the one at hand; *got is false behind the last one. False (reported, with the line): the file cannot be
 * read, is no UTF-8, holds a NUL, or has a word of more than TOKEN_MOST_BYTES bytes. */
bool tokens_next(TokenReader *reader, bool *got);

/* Texts, numbered from 0 in the order in which they were added. */
typedef struct Vocabulary {
    char **words; /* owned */
    size_t count, room;
    int32_t *buckets; /* numbers of words, -1: empty; a power of two of them. Owned */
    size_t bucket_count;
} Vocabulary;

/* The number of the text; -1: it is not in the vocabulary. */
int32_t vocabulary_number(const Vocabulary *vocabulary, const char *text);
/* The number of the text, which is added unless it is there. -1 (reported): there is no memory, or there are 2^31 - 1 words. */
int32_t vocabulary_add(Vocabulary *vocabulary, const char *text);
void vocabulary_free(Vocabulary *vocabulary);

#endif
