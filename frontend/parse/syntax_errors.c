/* What lexer and parser report, and where. */
#include "frontend/parse/parse.h"

#include <string.h>

#include "parser.tab.h"

void lexical_error(Parser *parser, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_error(parser->diags, span, "%s", arena_vprintf(parser->arena, format, args));
    va_end(args);
    parser->quiet = true;
}

/* A word that no declaration begins with. */
static void unknown_declaration(Parser *parser, Span span)
{
    const char *word = arena_text(parser->arena, parser->source->text + span.begin, span.end - span.begin);
    diag_error(parser->diags, span, "unexpected '%.60s'; expected a declaration", word);
    const char *closest = closest_name(word, decl_text, DECL_COUNT);
    if (closest) {
        diag_help(parser->diags, "did you mean '%s'?", closest);
        return;
    }
    Text all = {0};
    for (int kind = 0; kind < DECL_COUNT; kind++)
        text_printf(&all, "%s%s", kind == 0 ? "" : kind + 1 < DECL_COUNT ? ", " : " and ", decl_text[kind]);
    diag_help(parser->diags, "declarations are %s", all.data);
    text_free(&all);
}

void syntax_error(Parser *parser, Span span, int token, const char *expected, bool declaration)
{
    bool quiet = parser->quiet || parser->too_deep;
    const char *text = parser->source->text + span.begin, *separator = expected ? "; expected " : "";
    int length = (int)(span.end - span.begin);
    parser->brackets = 0; /* resynchronise at the next newline */
    parser->quiet = token != END;
    if (parser->braces.len == 0 && token != END)
        parser->skipping = true; /* the next tokens may be the body of the wrong declaration */
    if (!expected)
        expected = "";
    if (quiet)
        return;
    if (token == HN_EOF || (token == END && span.begin >= parser->source->size))
        diag_error(parser->diags, span, "unexpected end of file%s%s", separator, expected);
    else if (token == END)
        diag_error(parser->diags, span, "unexpected end of line%s%s", separator, expected);
    else if (declaration)
        unknown_declaration(parser, span);
    else
        diag_error(parser->diags, span, "unexpected '%.*s'%s%s", length < 60 ? length : 60, text, separator, expected);
}

uint32_t parser_line(const Parser *parser, uint32_t offset)
{
    uint32_t low = 0, high = parser->line_starts.len;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (parser->line_starts.data[middle] <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low + 1;
}
