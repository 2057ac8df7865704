/* Text of other languages and of word processors: what it is, what to write here, and with which token to go on, so that one
 * mistake gives one error. */
#include "frontend/parse/foreign.h"

#include <ctype.h>
#include <string.h>

#include "frontend/parse/parse.h"
#include "parser.tab.h"

static bool is_reported(const Parser *parser, const char *text)
{
    for (uint32_t i = 0; i < parser->foreign.len; i++)
        if (strcmp(parser->foreign.data[i], text) == 0)
            return true;
    return false;
}

/* Whether this name or character is reported the first time. */
static bool is_new(Parser *parser, const char *text)
{
    enum { MOST = 256 }; /* no file has more messages than that */
    if (parser->foreign.len >= MOST || is_reported(parser, text))
        return false;
    if (!parser->quiet || parser->newline)
        vec_push(&parser->foreign, arena_copy(parser->arena, text));
    return true;
}

/* ---- operators ---- */

/* The word or number that ends before the span. */
static const char *text_before(const Parser *parser, Span span)
{
    const char *text = parser->source->text;
    uint32_t end = span.begin;
    while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t'))
        end--;
    uint32_t begin = end;
    while (begin > 0 && (isalnum((unsigned char)text[begin - 1]) || text[begin - 1] == '_'))
        begin--;
    return begin < end ? arena_text(parser->arena, text + begin, end - begin) : "x";
}

/* What stands behind the span in its line. */
static const char *text_after(const Parser *parser, Span span)
{
    enum { LONGEST = 60 };
    const char *text = parser->source->text + span.end + strspn(parser->source->text + span.end, " \t");
    size_t length = strcspn(text, "#;}\r\n");
    while (length > 0 && strchr(" \t", text[length - 1]))
        length--;
    return length > 0 && length <= LONGEST ? arena_text(parser->arena, text, length) : "...";
}

int foreign_operator(Parser *parser, Span span, const char *sign)
{
    size_t length = strlen(sign);
    static const struct {
        const char *sign;
        int token;
    } tokens[] = {{"**", '*'}, {"^", '*'},  {"%", '*'}, {"//", '/'}, {"&", AND},  {"|", OR},
                  {"===", EQ}, {"!==", NE}, {"<>", NE}, {":=", '='}, {"=>", '='}, {"..=", DOTDOT}};
    for (size_t i = 0; i < COUNT_OF(tokens); i++)
        if (strcmp(tokens[i].sign, sign) == 0) {
            if (lexical_error(parser, span, "'%s' is no operator", sign))
                diag_help(parser->diags, "%s", foreign_answer(FOREIGN_OPERATOR, sign, length));
            return tokens[i].token;
        }
    const char *name = text_before(parser, span),
               *answer = foreign_answer(FOREIGN_OPERATOR, sign, length - 1); /* += and its like */
    if (!lexical_error(parser, span, "'%s' is no operator", sign))
        return '=';
    if (answer)
        diag_help(parser->diags, "%s", answer);
    else
        diag_help(parser->diags, "write '%s = %s %.*s %s'", name, name, (int)length - 1, sign, text_after(parser, span));
    return '=';
}

/* Whether two words stand behind the sign, or none: then the line is text rather than an operand. */
static bool reads_as_text(const char *rest)
{
    rest += strspn(rest, " \t\r");
    size_t word = 0;
    while (isalnum((unsigned char)rest[word]) || rest[word] == '_' || rest[word] == '.')
        word++;
    const char *next = rest + word + strspn(rest + word, " \t\r");
    return (word == 0 && !strchr("(-", *rest)) || !*rest || (word > 0 && isalpha((unsigned char)*next));
}

/* Each kind once: whoever writes one comment so writes all of them so. Comments are no part of a statement. */
static void report_comment(Parser *parser, Span span, const char *sign)
{
    if (is_reported(parser, sign))
        return;
    vec_push(&parser->foreign, sign);
    span.end = span.begin + (uint32_t)strlen(sign);
    diag_error(parser->diags, span, "a comment begins with '#', not with '%s'", sign);
    diag_help(parser->diags, "it ends with its line");
}

void foreign_comment(Parser *parser, Span span)
{
    report_comment(parser, span, parser->source->text[span.begin] == '/' ? "/*" : "\"\"\"");
}

int foreign_rest(Parser *parser, Span span, const char *line, uint32_t *length)
{
    uint32_t sign = *line == '%' ? 1 : 2, begin = span.begin;
    span.end = span.begin + sign;
    while (begin > 0 && strchr(" \t", parser->source->text[begin - 1]))
        begin--;
    bool first = begin == 0 || parser->source->text[begin - 1] == '\n';
    if (line[sign] == '=' && !first) {
        *length = sign + 1;
        span.end++;
        return foreign_operator(parser, span, *line == '%' ? "%=" : "//=");
    }
    const char *text = *line == '%' ? "%" : "//";
    if (first || (*line == '/' && reads_as_text(line + sign))) {
        report_comment(parser, span, text);
        return 0;
    }
    *length = sign;
    const char *operand = line + sign + strspn(line + sign, " \t\r");
    if (*line == '%' && !isalnum((unsigned char)*operand) && (!*operand || !strchr("_(-", *operand))) {
        if (lexical_error(parser, span, "'%%' is no unit"))
            diag_help(parser->diags, "a share is a number from 0 to 1: 80 %% is written 0.8");
        return 0;
    }
    return foreign_operator(parser, span, text);
}

int foreign_word(Parser *parser, Span span, const char *word)
{
    int last = parser->last, token = 0;
    bool operand = !parser->newline && (last == NAME || last == NUMBER || last == ')' || last == ']');
    if (operand && strcmp(word, "and") == 0)
        token = AND;
    else if (operand && strcmp(word, "or") == 0)
        token = OR;
    const char *next = parser->source->text + span.end;
    bool blank = *next == ' ';
    next += strspn(next, " ");
    if (!operand && blank && strcmp(word, "not") == 0 && (isalnum((unsigned char)*next) || *next == '('))
        token = '!';
    if (token && lexical_error(parser, span, "'%s' is no operator", word))
        diag_help(parser->diags, "%s", foreign_answer(FOREIGN_OPERATOR, word, strlen(word)));
    return token;
}

/* ---- characters that are not ASCII ---- */

static uint32_t decode(const char *text, uint32_t *length)
{
    const unsigned char *c = (const unsigned char *)text;
    *length = c[0] < 0x80 ? 1 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
    uint32_t point = *length == 1 ? c[0] : c[0] & (0xFFu >> (*length + 1));
    for (uint32_t i = 1; i < *length; i++)
        point = point << 6 | (c[i] & 0x3Fu);
    return point;
}

static bool is_hidden(uint32_t point)
{
    return point == 0xAD || (point >= 0x200B && point <= 0x200F) || (point >= 0x202A && point <= 0x202E) ||
           (point >= 0x2060 && point <= 0x2064) || point == 0xFEFF;
}

static bool is_blank(uint32_t point)
{
    return point == 0xA0 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 || point == 0x202F ||
           point == 0x205F || point == 0x3000;
}

/* The ASCII character that a full-width one shows; 0: it is none. */
static char narrow(uint32_t point)
{
    return (char)(point >= 0xFF01 && point <= 0xFF5E ? point - 0xFEE0 : 0);
}

/* Letters of formulas, by the names that they have in models. */
static const char *latin_name(uint32_t point)
{
    static const char *const names[] = {"alpha", "beta", "gamma",   "delta", "epsilon", "zeta", "eta",  "theta", "iota",
                                        "kappa", "lam",  "mu",      "nu",    "xi",      "o",    "pi",   "rho",   "sigma",
                                        "sigma", "tau",  "upsilon", "phi",   "chi",     "psi",  "omega"};
    return point >= 0x3B1 && point - 0x3B1 < COUNT_OF(names) ? names[point - 0x3B1] : NULL;
}

static void report_hidden(Parser *parser, Span span, uint32_t point)
{
    const char *name = arena_printf(parser->arena, "U+%04X", point);
    if (!is_new(parser, name))
        return;
    if (lexical_error(parser, span,
                      is_blank(point) ? "the character %s looks like a blank and is none" : "invisible character %s", name))
        diag_help(parser->diags, is_blank(point)
                                     ? "replace it by a blank, wherever it stands in the file"
                                     : "delete it, wherever it stands in the file: text that is copied from a page may hold it");
}

/* The name in ASCII where it is full-width or has invisible characters; otherwise as it is. */
static const char *plain_name(Parser *parser, const char *text, uint32_t *hidden, uint32_t *letter, bool *wide)
{
    Text plain = {0};
    for (uint32_t length; *text; text += length) {
        uint32_t point = decode(text, &length);
        char ascii = narrow(point);
        if (is_hidden(point))
            *hidden = point;
        else if (ascii)
            text_append(&plain, &ascii, 1);
        else
            text_append(&plain, text, length);
        if (point >= 0x80 && !ascii && !is_hidden(point) && !*letter)
            *letter = point;
        *wide |= ascii != 0;
    }
    const char *name = arena_text(parser->arena, plain.data ? plain.data : "", plain.len);
    text_free(&plain);
    return name;
}

const char *foreign_name(Parser *parser, Span span, const char *text)
{
    uint32_t hidden = 0, letter = 0;
    bool wide = false;
    const char *name = plain_name(parser, text, &hidden, &letter, &wide);
    if (hidden) {
        report_hidden(parser, span, hidden);
        return name;
    }
    if (!is_new(parser, text))
        return name;
    const char *latin = latin_name(letter);
    if (wide && !letter) {
        if (lexical_error(parser, span, "'%s' is made of full-width characters", text))
            diag_help(parser->diags, "write '%s'", name);
    } else if (lexical_error(parser, span,
                             "'%s' is no name: names consist of the letters a to z and A to Z, of digits and of '_'", text) &&
               latin) {
        diag_help(parser->diags, "a name such as '%s' will do", latin);
    }
    return name;
}

/* Signs of formulas and of word processors. */
static const struct {
    uint32_t point;
    int token; /* 0: nothing stands for it */
    const char *text;
} signs[] = {
    {0xD7, '*', "*"},       {0xB7, '*', "*"},          {0x22C5, '*', "*"},    {0x2217, '*', "*"},
    {0xF7, '/', "/"},       {0x2215, '/', "/"},        {0x2212, '-', "-"},    {0x2010, '-', "-"},
    {0x2011, '-', "-"},     {0x2012, '-', "-"},        {0x2013, '-', "-"},    {0x2014, '-', "-"},
    {0x2264, LE, "<="},     {0x2265, GE, ">="},        {0x2260, NE, "!="},    {0x2192, ARROW, "->"},
    {0x21D2, ARROW, "->"},  {0x2190, '=', "="},        {0x2227, AND, "&&"},   {0x2228, OR, "||"},
    {0xAC, '!', "!"},       {0x2026, ELLIPSIS, "..."}, {0x223C, '~', "~"},    {0xB2, 0, "square(x)"},
    {0xB3, 0, "pow(x, 3)"}, {0x221A, 0, "sqrt(x)"},    {0x2211, 0, "sum(x)"}, {0x22A4, 0, "transpose(x)"},
    {0x221E, 0, "1e30"},    {0x2208, IN, "in"},        {0x2299, '*', "*"},
};

/* The token of a full-width sign: its own character, or 0 where that is no token. */
static int narrow_token(char c)
{
    return strchr("-+*/@<>!=~:,.(){}[]", c) ? c : c == ';' ? END : 0;
}

int foreign_character(Parser *parser, Span span, const char *text)
{
    uint32_t length, point = decode(text, &length);
    char ascii = narrow(point);
    if (is_blank(point) || is_hidden(point)) {
        report_hidden(parser, span, point);
        return 0;
    }
    if (ascii) {
        if (is_new(parser, text) && lexical_error(parser, span, "'%s' is a full-width character", text))
            diag_help(parser->diags, "write '%c'", ascii);
        return narrow_token(ascii);
    }
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (signs[i].point == point) {
            if (is_new(parser, text) && lexical_error(parser, span, "unexpected character '%s' (U+%04X)", text, point))
                diag_help(parser->diags, "write '%s'", signs[i].text);
            return signs[i].token;
        }
    lexical_error(parser, span, "unexpected character '%s' (U+%04X)", text, point);
    return 0;
}

/* ---- strings and numbers ---- */

Name foreign_string(Parser *parser, Span span, const char *text)
{
    uint32_t quote;
    decode(text, &quote);
    if (lexical_error(parser, span, "a string stands in straight double quotes"))
        diag_help(parser->diags,
                  *text == '\'' ? "write \"...\" instead of '...'" : "curly quotes come from word processors: write \"...\"");
    return (Name){arena_copy(parser->arena, text + quote), span};
}

void foreign_number(Parser *parser, Span span, const char *text)
{
    bool name = isalpha((unsigned char)text[strspn(text, "0123456789._")]);
    if (!lexical_error(parser, span, "'%s' is neither a number nor a name", text))
        return;
    Text digits = {0};
    for (const char *c = text; *c; c++)
        if (*c != '_')
            text_append(&digits, c, 1);
    if (*text == '.')
        diag_help(parser->diags, "write '0%s'", text);
    else if (text[strspn(text, "0123456789")] == '.')
        diag_help(parser->diags, "write '%.*s.0%s'", (int)strspn(text, "0123456789"), text,
                  text + strspn(text, "0123456789") + 1);
    else if (!name && strchr(text, '_'))
        diag_help(parser->diags, "write '%s'", digits.data);
    else if (name && !strpbrk(text, "xX"))
        diag_help(parser->diags, "a product needs its sign, as in '2 * x'; a name begins with a letter");
    text_free(&digits);
}
