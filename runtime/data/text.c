/* Texts, cut into windows of `length` tokens. A row is a window and the same window one token further, which a language model
 * predicts. The main files are one text; each split of its own files is another.
 *
 * A text in S streams is cut into S parts of equal length, and row number t S + s is window t of part s: the rows of a step, S of
 * them, go on where those of the step before ended. Tokens that fill no window, at the end of each part, are left out. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"
#include "runtime/data/format.h"
#include "runtime/data/tokens.h"

/* One text, as the numbers of its tokens. */
typedef struct Text {
    int32_t *tokens; /* owned */
    int64_t count, room;
    int64_t streams; /* 0: its rows are apart */
    int64_t rows;
} Text;

typedef struct Texts {
    Vocabulary vocabulary;
    int32_t unknown;  /* the token of those outside; -1: they are errors */
    int64_t replaced; /* tokens that it stands for */
    bool learning;    /* the vocabulary is that of the main files, and nobody has counted it before */
    size_t count;
    TokenReader reader;
    Text texts[]; /* the main one, then one per split of its own files */
} Texts;

/* ---- reading ---- */

static bool append(Text *text, int32_t token)
{
    if (text->count == text->room) {
        int64_t room = text->room ? 2 * text->room : 1 << 16;
        int32_t *tokens = realloc(text->tokens, (size_t)room * sizeof *tokens);
        if (!tokens)
            return report_error("out of memory");
        text->tokens = tokens;
        text->room = room;
    }
    text->tokens[text->count++] = token;
    return true;
}

/* The number of the token at hand; -1: reported. */
static int32_t number_token(Texts *texts, const DatasetInfo *dataset, bool main)
{
    const TokenReader *reader = &texts->reader;
    if (texts->learning && main)
        return vocabulary_add(&texts->vocabulary, reader->text);
    int32_t number = vocabulary_number(&texts->vocabulary, reader->text);
    if (number >= 0)
        return number;
    texts->replaced++;
    if (texts->unknown < 0)
        report_error("%s:%" PRId64 ": '%s' is not in the vocabulary of %s, which has the %ss of its main files%s",
                     reader->stream->path, reader->line, reader->text, dataset->name, unit_names[dataset->text->unit],
                     dataset->text->unknown ? "" : "; text(..., unknown: \"<unk>\") says what stands for others");
    return texts->unknown;
}

static bool read_file(DataSource *source, Texts *texts, Text *text, const char *name)
{
    const TextInfo *info = source->dataset->text;
    const FileUse use = {source->folder, "data set", source->dataset->name};
    ByteStream stream = {0};
    char *path = path_join(source->folder, name);
    bool fine = path && bytes_open_either(&stream, path, &use), got = true;
    tokens_begin(&texts->reader, &stream, info->unit, info->end);
    while (fine && (fine = tokens_next(&texts->reader, &got)) && got) {
        int32_t number = number_token(texts, source->dataset, text == texts->texts);
        fine = number >= 0 && append(text, number);
    }
    bytes_close(&stream);
    free(path);
    return fine;
}

/* The rows of a text that was read. */
static bool count_rows(const DataSource *source, Text *text, const char *name)
{
    const TextInfo *info = source->dataset->text;
    int64_t parts = text->streams ? text->streams : 1;
    int64_t windows = (text->count / parts - 1) / info->length; /* the last token of a part is only predicted */
    text->rows = windows * parts;
    if (windows < 1 && text->streams)
        return report_error("%s: %" PRId64 " tokens are too few for %" PRId64 " streams of %" PRId64 " and the token behind each",
                            name, text->count, parts, info->length);
    return windows >= 1 || report_error("%s: %" PRId64 " tokens are too few for a window of %" PRId64 " and the token behind it",
                                        name, text->count, info->length);
}

static bool read_files(DataSource *source, Texts *texts, Text *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!read_file(source, texts, text, names[i]))
            return false;
    return count_rows(source, text, names[0]);
}

/* The vocabulary that the compiler found, if it did, and the token of those outside. */
static bool take_vocabulary(const DataSource *source, Texts *texts)
{
    const FieldInfo *field = &source->fields[source->dataset->fields[0]];
    const char *unknown = source->dataset->text->unknown;
    texts->learning = field->name_count == 0;
    for (size_t i = 0; i < field->name_count; i++)
        if (vocabulary_add(&texts->vocabulary, field->names[i]) != (int32_t)i)
            return report_internal("the vocabulary of %s has a word twice", source->dataset->name);
    texts->unknown = unknown ? vocabulary_add(&texts->vocabulary, unknown) : -1;
    return !unknown || texts->unknown >= 0;
}

static bool open_texts(DataSource *source, Texts *texts)
{
    const DatasetInfo *dataset = source->dataset;
    size_t first = 0;
    if (!take_vocabulary(source, texts) || !read_files(source, texts, texts->texts, dataset->files, dataset->file_count))
        return false;
    source->members[0].main = texts->texts[0].rows;
    for (size_t i = 0, number = 1; i < dataset->split_count; i++) {
        const SplitInfo *split = &dataset->splits[i];
        Text *text = split->own_files ? &texts->texts[number++] : NULL;
        if (text && !read_files(source, texts, text, dataset->test_files + first, split->own_files))
            return false;
        first += split->own_files;
        source->own_rows[i] = text ? text->rows : 0;
        source->members[0].test += source->own_rows[i];
    }
    if (texts->replaced)
        report_note("%s: %" PRId64 " token%s not in the vocabulary: '%s' stands for %s", dataset->name, texts->replaced,
                    texts->replaced == 1 ? " is" : "s are", dataset->text->unknown, texts->replaced == 1 ? "it" : "them");
    return true;
}

static bool text_open(DataSource *source)
{
    const DatasetInfo *dataset = source->dataset;
    size_t count = 1;
    for (size_t i = 0; i < dataset->split_count; i++)
        count += dataset->splits[i].own_files > 0;
    Texts *texts = source->content = calloc(1, sizeof *texts + count * sizeof *texts->texts);
    source->own_rows = calloc(dataset->split_count + 1, sizeof *source->own_rows);
    if (!texts || !source->own_rows)
        return report_error("out of memory");
    texts->count = count;
    for (size_t i = 0, number = 1; i < dataset->split_count; i++)
        texts->texts[dataset->splits[i].own_files ? number++ : 0].streams = dataset->splits[i].streams;
    return open_texts(source, texts);
}

/* ---- rows ---- */

/* The windows of a text, each `shift` tokens further. */
static void fill_rows(const Text *text, int64_t length, int64_t shift, int32_t *rows)
{
    int64_t parts = text->streams ? text->streams : 1, part = text->count / parts;
    for (int64_t row = 0; row < text->rows; row++)
        memcpy(rows + row * length, text->tokens + row % parts * part + row / parts * length + shift,
               (size_t)length * sizeof *rows);
}

/* DATASET.next is one token behind DATASET.tokens. */
static int64_t shift_of(const FieldInfo *field)
{
    const char *dot = strrchr(field->tensor.name, '.');
    return dot && !strcmp(dot, ".next");
}

static bool text_read(DataSource *source, void *const *tables)
{
    const Texts *texts = source->content;
    int64_t length = source->dataset->text->length, first = 0;
    for (size_t i = 0; i < texts->count; first += texts->texts[i++].rows)
        for (size_t k = 0; k < source->dataset->field_count; k++) {
            size_t field = source->dataset->fields[k];
            if (!source->fields[field].index)
                fill_rows(&texts->texts[i], length, shift_of(&source->fields[field]), (int32_t *)tables[field] + first * length);
        }
    return true;
}

static int64_t text_classes(DataSource *source, size_t field, const char *const **names)
{
    const Texts *texts = source->content;
    (void)field;
    *names = (const char *const *)texts->vocabulary.words;
    return (int64_t)texts->vocabulary.count;
}

static void text_close(DataSource *source)
{
    Texts *texts = source->content;
    for (size_t i = 0; texts && i < texts->count; i++)
        free(texts->texts[i].tokens);
    if (texts)
        vocabulary_free(&texts->vocabulary);
    free(texts);
    free(source->own_rows);
    source->content = NULL;
    source->own_rows = NULL;
}

const Format text_format = {.open = text_open, .read = text_read, .count_classes = text_classes, .close = text_close};
