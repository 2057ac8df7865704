#include "runtime/data/tokens.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "support/fnv.h"

void tokens_begin(TokenReader *reader, ByteStream *stream, TextUnit unit, const char *end)
{
    reader->stream = stream;
    reader->unit = unit;
    reader->end = end;
    reader->length = reader->at = reader->held = 0;
    reader->line = 1;
    reader->at_end_of_line = reader->over = false;
}

/* The next byte, or -1 at the end of the file; it is taken by `reader->at++`. False: reported. */
static bool peek(TokenReader *reader, int *byte)
{
    if (reader->at == reader->held && !reader->over) {
        if (!bytes_some(reader->stream, reader->buffer, sizeof reader->buffer, &reader->held))
            return false;
        reader->at = 0;
        reader->over = reader->held < sizeof reader->buffer;
    }
    *byte = reader->at < reader->held ? reader->buffer[reader->at] : -1;
    return true;
}

static bool is_space(int byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool refuse_bytes(const TokenReader *reader, const char *problem)
{
    return report_error("%s:%" PRId64 ": %s", reader->stream->path, reader->line, problem);
}

/* Bytes of the code point that begins with this one; 0: none does. */
static size_t point_length(int first)
{
    return first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
}

/* Whether the byte may stand second: overlong forms, surrogates and what is above U+10FFFF are no UTF-8 (RFC 3629). */
static bool second_fits(int first, int second)
{
    int low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80, high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    return second >= low && second <= high;
}

/* Appends the code point that begins with `byte`, the next one, to the token. */
static bool take_point(TokenReader *reader, int byte)
{
    size_t length = point_length(byte);
    int first = byte;
    if (byte == 0)
        return refuse_bytes(reader, "a zero byte: this is no text");
    if (reader->length + length > TOKEN_MOST_BYTES)
        return refuse_bytes(reader, "a word of more than 4096 bytes: is this a text of words?");
    for (size_t i = 0; i < length; i++) {
        if (!peek(reader, &byte))
            return false;
        bool fits = i == 0 || (i == 1 ? second_fits(first, byte) : byte >= 0x80 && byte <= 0xBF);
        if (!fits)
            return refuse_bytes(reader, "the text is not UTF-8");
        reader->text[reader->length++] = (char)byte;
        reader->at++;
    }
    return length > 0 || refuse_bytes(reader, "the text is not UTF-8");
}

/* The line ends behind the token at hand, whose line it still is. */
static void pass_line(TokenReader *reader)
{
    reader->line += reader->at_end_of_line;
    reader->at_end_of_line = false;
}

static bool next_character(TokenReader *reader, bool *got)
{
    int byte;
    if (!peek(reader, &byte))
        return false;
    *got = byte >= 0;
    reader->at_end_of_line = byte == '\n';
    return byte < 0 || take_point(reader, byte);
}

/* Takes white space. *ended: the end of a line that has a token was among it, and is the last that was taken. */
static bool skip_space(TokenReader *reader, bool *ended)
{
    int byte;
    *ended = false;
    while (peek(reader, &byte)) {
        if (!is_space(byte))
            return true;
        reader->at++;
        if (byte != '\n')
            continue;
        if ((*ended = reader->end != NULL))
            return reader->at_end_of_line = true;
        reader->line++;
    }
    return false;
}

static bool next_word(TokenReader *reader, bool *got)
{
    bool ended;
    int byte;
    if (!skip_space(reader, &ended))
        return false;
    if (ended) {
        reader->length = strlen(reader->end);
        memcpy(reader->text, reader->end, reader->length + 1);
        return true;
    }
    while (peek(reader, &byte)) {
        if (byte < 0 || is_space(byte)) {
            *got = reader->length > 0;
            return true;
        }
        if (!take_point(reader, byte))
            return false;
    }
    return false;
}

bool tokens_next(TokenReader *reader, bool *got)
{
    *got = true;
    reader->length = 0;
    pass_line(reader);
    if (!(reader->unit == UNIT_WORD ? next_word : next_character)(reader, got))
        return false;
    reader->text[reader->length] = 0;
    return true;
}

/* ---- vocabulary ---- */

/* FNV-1a; where vocabularies hold hash values of an attacker's choice, they grow slow, no more. */
static size_t bucket_of(const Vocabulary *vocabulary, const char *text)
{
    uint64_t hash = fnv_text(FNV_EMPTY, text);
    size_t bucket = (size_t)(hash ^ hash >> 32) & (vocabulary->bucket_count - 1);
    while (vocabulary->buckets[bucket] >= 0 && strcmp(vocabulary->words[vocabulary->buckets[bucket]], text) != 0)
        bucket = (bucket + 1) & (vocabulary->bucket_count - 1);
    return bucket;
}

int32_t vocabulary_number(const Vocabulary *vocabulary, const char *text)
{
    return vocabulary->count ? vocabulary->buckets[bucket_of(vocabulary, text)] : -1;
}

/* Twice as much room, for a table that is at most half full. */
static bool grow(Vocabulary *vocabulary)
{
    size_t room = vocabulary->room ? 2 * vocabulary->room : 256;
    char **words = realloc(vocabulary->words, room * sizeof *words);
    int32_t *buckets = words ? malloc(2 * room * sizeof *buckets) : NULL;
    if (words)
        vocabulary->words = words;
    if (!buckets)
        return report_error("out of memory");
    free(vocabulary->buckets);
    vocabulary->room = room;
    vocabulary->buckets = buckets;
    vocabulary->bucket_count = 2 * room;
    memset(buckets, -1, 2 * room * sizeof *buckets);
    for (size_t i = 0; i < vocabulary->count; i++)
        buckets[bucket_of(vocabulary, words[i])] = (int32_t)i;
    return true;
}

int32_t vocabulary_add(Vocabulary *vocabulary, const char *text)
{
    int32_t number = vocabulary_number(vocabulary, text);
    if (number >= 0)
        return number;
    if (vocabulary->count == INT32_MAX)
        return report_error("more than 2^31 - 1 different words"), -1;
    if (vocabulary->count == vocabulary->room && !grow(vocabulary))
        return -1;
    char *word = strdup(text);
    if (!word)
        return report_error("out of memory"), -1;
    number = (int32_t)vocabulary->count;
    vocabulary->buckets[bucket_of(vocabulary, text)] = number;
    vocabulary->words[vocabulary->count++] = word;
    return number;
}

void vocabulary_free(Vocabulary *vocabulary)
{
    for (size_t i = 0; i < vocabulary->count; i++)
        free(vocabulary->words[i]);
    free(vocabulary->words);
    free(vocabulary->buckets);
    *vocabulary = (Vocabulary){0};
}
