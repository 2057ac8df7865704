/* Texts: text("ptb.train.txt", unit: word, length: 70, streams: 40). */
#include "frontend/declare/text.h"

#include <string.h>

#include "frontend/frontend.h"
#include "frontend/lower/kit.h"

enum { MOST_STREAMS = 1 << 20 };

/* The value of a setting that is a string, or NULL (reported). */
static const char *read_string(Session *s, const Arg *arg)
{
    if (arg->value->kind == EXPR_STRING)
        return arena_copy(&s->module->arena, arg->value->name.text);
    fail(s, arg->span, "'%s' is a token, as in %s: \"<%s>\"", arg->label.text, arg->label.text,
         strcmp(arg->label.text, "end") == 0 ? "eos" : "unk");
    return NULL;
}

static void read_unit(Session *s, Dataset *data, const Arg *arg)
{
    int unit = named_word(WORDS(unit_names), arg->value);
    if (unit >= 0)
        data->text->unit = (TextUnit)unit;
    else
        fail(s, arg->value->span, "a text is cut into units of a word or of a character: unit: word");
}

static void read_count(Session *s, const Arg *arg, const char *what, int64_t most, int64_t *count)
{
    as_integer(s, evaluate(s, arg->value), arg->value->span, what, 1, most, count);
}

static void read_setting(Session *s, Dataset *data, const Arg *arg, int64_t *streams)
{
    static const char *const names[] = {"unit", "length", "streams", "end", "unknown"};
    switch (choose_word(s, WORDS(names), arg->label.text, arg->label.span, "a text has no setting '%s'", arg->label.text)) {
    case 0:
        read_unit(s, data, arg);
        break;
    case 1:
        read_count(s, arg, "the length of a window", MAX_ELEMENTS, &data->text->length);
        break;
    case 2:
        read_count(s, arg, "the number of streams", MOST_STREAMS, streams);
        break;
    case 3:
        data->text->end = read_string(s, arg);
        break;
    case 4:
        data->text->unknown = read_string(s, arg);
        break;
    }
}

void read_text(Session *s, Dataset *data, const Expr *source, int64_t *streams)
{
    data->text = ARENA_NEW(&s->module->arena, TextWindows);
    data->text->length = 1;
    *streams = 0;
    for (const Arg *arg = source->args.first; arg; arg = arg->next)
        if (arg->label.text)
            read_setting(s, data, arg, streams);
    bool ended = labelled(&source->args, "end") != NULL, words = data->text->unit == UNIT_WORD;
    if (!labelled(&source->args, "unit") || !labelled(&source->args, "length")) {
        fail(s, source->span, "a text says into which units it is cut, and how many of them are an example");
        add_help(s, "as in text(\"train.txt\", unit: word, length: 70)");
    }
    if (ended && !words)
        fail(s, source->span, "the end of a line is a character as others are: 'end' belongs to texts of words");
    if (!ended && words)
        data->text->end = "<eos>";
    if (data->text->end && data->text->end[0] == 0)
        data->text->end = NULL;
}

int64_t read_split_streams(Session *s, const Expr *source, int64_t streams)
{
    int64_t own = streams;
    for (const Arg *arg = source->args.first; arg; arg = arg->next) {
        if (!arg->label.text)
            continue;
        if (strcmp(arg->label.text, "streams") != 0)
            fail(s, arg->label.span, "the text of a split is cut as that of the data set is: only its 'streams' may differ");
        else if (streams)
            read_count(s, arg, "the number of streams", MOST_STREAMS, &own);
        else
            fail(s, arg->label.span, "a split has streams where the data set has them");
    }
    return own;
}

void add_text_fields(Session *s, const Symbol *symbol, const Dataset *data)
{
    static const char *const names[] = {"tokens", "next"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        vec_push(&s->module->fields, ((Field){.name = arena_printf(&s->module->arena, "%s.%s", data->name, names[i]),
                                              .type = type_of(DTYPE_I32, 1, &data->text->length),
                                              .dataset = symbol->index,
                                              .classes = ANY_CLASSES}));
}
