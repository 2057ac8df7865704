/* Tokens for the parser, and where a statement ends.
 *
 * A statement ends at a newline outside ( ) and [ ], unless the token before it cannot end one (an operator, a comma, an opening
 * bracket) or the token after it cannot begin one (an operator, `by`, `else`, ...); also before '}' and at the end of the file.
 */
#include "frontend/parse/parse.h"

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
        return token >= AFTER && token <= YIELD && token != EACH && token != WITH && token != WHERE && token != CARRY;
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

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t\r\n");
}

/* Behind a name; NULL: there is none. */
static const char *skip_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    size_t length = strcspn(text, letters) ? 0 : strspn(text, letters);
    while (length && text[length] && (strchr(letters, text[length]) || strchr("0123456789", text[length])))
        length++;
    return length ? text + length : NULL;
}

/* Whether `given` has a binding behind it, as in `f(x) given z = c`; otherwise it is a declaration or a name. */
static bool is_given_with_binding(const Parser *parser, int token, Span span)
{
    const char *after = token == GIVEN ? skip_name(skip_blanks(parser->source->text + span.end)) : NULL;
    after = after ? skip_blanks(after) : NULL;
    return after && after[0] == '=' && after[1] != '=';
}

/* Whether `each` begins `each(p in x)`. */
static bool is_each_of(const Parser *parser, Span span)
{
    const char *after = skip_blanks(parser->source->text + span.end);
    after = *after == '(' ? skip_name(skip_blanks(after + 1)) : NULL;
    after = after ? skip_blanks(after) : NULL;
    return after && strncmp(after, "in", 2) == 0 && skip_name(after) == after + 2;
}

/* Whether `each` stands behind a form of weights, as in `weights net = free each t`. */
static bool is_each_behind(const Parser *parser, Span span)
{
    const char *text = parser->source->text, *statement = text + parser->statement, *end = skip_name(statement);
    bool weights = end && (size_t)(end - statement) == strlen("weights") && strncmp(statement, "weights", strlen("weights")) == 0;
    bool behind = (parser->last == NAME && parser->last_span.begin != parser->statement) || parser->last == ')';
    return weights && behind && !parser->newline && skip_name(text + span.end + strspn(text + span.end, " \t"));
}

static bool is_declaration_word(int token)
{
    static const int words[DECL_COUNT] = {
#define DECLARATION(KIND, word, supported) KIND,
#include "frontend/parse/declarations.def"
#undef DECLARATION
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (token == words[i])
            return true;
    return false;
}

/* Whether this is a declaration's word at the margin with a name behind it: then it is the next declaration, even where a bracket
 * above is still open. */
static bool begins_declaration(const Parser *parser, int token, Span span)
{
    const char *text = parser->source->text, *after = text + span.end;
    if (!is_declaration_word(token) || is_given_with_binding(parser, token, span) ||
        (span.begin > 0 && text[span.begin - 1] != '\n'))
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
    return can_end_statement(parser->last) && parser->newline && parser->brackets.len == 0 && !continues_statement(token) &&
           !is_given_with_binding(parser, token, span);
}

/* Whether the token closes the innermost bracket; one of the other kind leaves it open. */
static bool is_closed_by(const Parser *parser, int token)
{
    return token == (vec_last(&parser->brackets).token == '(' ? ')' : ']');
}

static void count_brackets(Parser *parser, int token, Span span)
{
    parser->unclosed = parser->brackets.len ? vec_last(&parser->brackets) : (Bracket){0};
    if (token == '(' || token == '[')
        vec_push(&parser->brackets, (Bracket){span, token});
    else if (parser->brackets.len > 0 && is_closed_by(parser, token))
        parser->brackets.len--;
    else if (token == '}' || token == END)
        parser->brackets.len = 0;
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
        if (token == EACH && !is_each_of(parser, *span))
            token = is_each_behind(parser, *span) ? EACH_BEHIND : NAME;
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

/* A declaration or the end of the file stands inside { }: closes the block in place of the missing '}'. */
static void close_braces(Parser *parser)
{
    if (!parser->quiet && !parser->too_deep)
        diag_error(parser->diags, vec_last(&parser->braces), "this '{' is not closed");
    parser->closing = parser->braces.len;
}

static int choose_token(HN_STYPE *value, Span *span, Parser *parser)
{
    Span here = {parser->source, parser->last_span.end, parser->last_span.end};
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

static int take_token(HN_STYPE *value, Span *span, Parser *parser)
{
    int token = choose_token(value, span, parser);
    parser->newline = false;
    count_brackets(parser, token, *span);
    if (token != END && (parser->last == END || parser->last == 0 || parser->last == '{' || parser->last == '}'))
        parser->statement = span->begin;
    if (token != END) {
        parser->before_span = parser->last_span;
        parser->last_span = *span;
    }
    parser->before = parser->last;
    parser->last = token;
    return token;
}

/* While a statement with an error is skipped: from the '{' that was handed out last to its '}', whatever stands between. */
static int skip_block(HN_STYPE *value, Span *span, Parser *parser)
{
    uint32_t outside = parser->braces.len ? parser->braces.len - 1 : 0;
    int token;
    do
        token = take_token(value, span, parser);
    while (token != HN_EOF && parser->braces.len > outside);
    return token;
}

int next_token(HN_STYPE *value, Span *span, Parser *parser)
{
    int token;
    if (parser->last == END) {
        parser->quiet = parser->quiet_next;
        parser->quiet_next = parser->recovering = false;
    }
    if (parser->recovering && parser->last == '{')
        token = skip_block(value, span, parser);
    else
        token = take_token(value, span, parser);
    while (token == END && parser->recovering && parser->loop && parser->source->text[span->begin] == ';')
        token = take_token(value, span, parser); /* for (i = 0; i < 3; ...) { } */
    return token;
}
