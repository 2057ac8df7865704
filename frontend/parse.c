/* The driver of lexer and parser, and the one rule they share: where a statement ends.
 *
 * A statement ends at a newline outside ( ) and [ ], unless the token before it cannot end one (an operator, a comma, an opening
 * bracket) or the token after it cannot begin one (an operator, `by`, `else`, ...); also before '}' and at the end of the file.
 */
#include "frontend/parse.h"

#include <string.h>

#include "parser.tab.h"
/* after parser.tab.h, whose types it uses */
#include "lexer.h"

static bool can_end_statement(int token)
{
    switch (token) {
    case NAME:
    case NUMBER:
    case STRING:
    case ELLIPSIS:
    case ')':
    case ']':
    case '}':
        return true;
    default:
        return token >= AFTER && token <= YIELD && token != WITH && token != WHERE && token != CARRY;
    }
}

static bool continues_statement(int token)
{
    switch (token) {
    case ELSE:
    case BY:
    case AS:
    case IN:
    case WITH:
    case WHERE:
    case CARRY:
    case ARROW:
    case EQ:
    case NE:
    case LE:
    case GE:
    case AND:
    case OR:
    case JOIN:
    case DOTDOT:
        return true;
    default:
        return token > 0 && token < 128 && strchr("+-*/@<>=~:,.)]{", token);
    }
}

static bool is_declaration_word(int token)
{
    static const int words[DECL_COUNT] = {
#define DECLARATION(KIND, word) KIND,
#include "frontend/declarations.def"
#undef DECLARATION
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (token == words[i])
            return true;
    return false;
}

/* A declaration's word at the margin with a name behind it: whatever is still open above, this is the next declaration. */
static bool begins_declaration(const Parser *parser, int token, Span span)
{
    const char *text = parser->source->text, *after = text + span.end;
    if (!is_declaration_word(token) || (span.begin > 0 && text[span.begin - 1] != '\n'))
        return false;
    after += strspn(after, " \t");
    return (*after >= 'a' && *after <= 'z') || (*after >= 'A' && *after <= 'Z') || *after == '_';
}

/* Whether END comes between the last token and this one. */
static bool ends_statement(const Parser *parser, int token, Span span)
{
    if (parser->last == END || parser->last == 0 || parser->last == '{')
        return false;
    if (begins_declaration(parser, token, span))
        return true;
    if (token == '}' || token == HN_EOF)
        return true;
    return can_end_statement(parser->last) && parser->newline && parser->brackets == 0 && !continues_statement(token);
}

static void count_brackets(Parser *parser, int token, Span span)
{
    if (token == '(' || token == '[')
        parser->brackets++;
    else if ((token == ')' || token == ']') && parser->brackets > 0)
        parser->brackets--;
    else if (token == '}' || token == END)
        parser->brackets = 0;
    if (token == '{')
        vec_push(&parser->braces, span);
    else if (token == '}' && parser->braces.len > 0)
        parser->braces.len--;
}

static int read_token(HN_STYPE *value, Span *span, Parser *parser)
{
    int token;
    do {
        token = raw_token(value, span, parser->scanner);
        if (token == HN_EOF)
            *span = (Span){parser->source, (uint32_t)parser->source->size, (uint32_t)parser->source->size};
    } while (parser->skipping && token != HN_EOF && !begins_declaration(parser, token, *span));
    return token;
}

static void hold(Parser *parser, int token, const HN_STYPE *value, Span span)
{
    parser->held = true;
    parser->held_token = token;
    *parser->held_value = *value;
    parser->held_span = span;
}

/* A declaration or the end of the file inside { }: the block is closed in its stead. */
static void close_braces(Parser *parser)
{
    if (!parser->quiet && !parser->too_deep)
        diag_error(parser->diags, vec_last(&parser->braces), "this '{' is not closed");
    parser->closing = parser->braces.len;
}

static int choose_token(HN_STYPE *value, Span *span, Parser *parser)
{
    Span here = {parser->source, parser->last_end, parser->last_end};
    if (parser->closing > 0) { /* END } END } ... */
        *span = here;
        if (parser->last != END && parser->last != '{')
            return END;
        parser->closing--;
        return '}';
    }
    if (parser->held) {
        parser->held = false;
        *value = *parser->held_value;
        *span = parser->held_span;
        if (parser->last == '}' && parser->held_token != '}' && !continues_statement(parser->held_token)) {
            parser->held = true;
            *span = here;
            return END;
        }
        return parser->held_token;
    }
    int token = read_token(value, span, parser);
    while (token == END && (parser->last == END || parser->last == '{' || parser->last == 0))
        token = read_token(value, span, parser);
    bool declaration = begins_declaration(parser, token, *span);
    if (parser->braces.len > 0 && (declaration || token == HN_EOF)) {
        hold(parser, token, value, *span);
        close_braces(parser);
        return choose_token(value, span, parser);
    }
    if (parser->skipping || ends_statement(parser, token, *span)) {
        parser->skipping = false;
        hold(parser, token, value, *span);
        *span = here;
        return END;
    }
    return token;
}

int next_token(HN_STYPE *value, Span *span, Parser *parser)
{
    int token = choose_token(value, span, parser);
    parser->newline = false;
    count_brackets(parser, token, *span);
    if (token == END)
        parser->quiet = false;
    else
        parser->last_end = span->end;
    parser->last = token;
    return token;
}

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
        parser->skipping = true; /* what follows may be the body of what is wrong here */
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

DeclList parse_source(const Source *source, Arena *arena, Diagnostics *diags)
{
    HN_STYPE held = {0};
    Parser parser = {.source = source, .arena = arena, .diags = diags, .held_value = &held};
    if (hn_lex_init_extra(&parser, &parser.scanner))
        support_out_of_memory();
    hn__scan_bytes(source->text, (int)source->size, parser.scanner);
    hn_parse(&parser);
    hn_lex_destroy(parser.scanner);
    vec_free(&parser.line_starts);
    vec_free(&parser.braces);
    return parser.decls;
}
