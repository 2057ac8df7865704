/* What lexer and parser report, and where. */
#include "frontend/parse/parse.h"

#include <ctype.h>
#include <string.h>

#include "frontend/parse/foreign.h"
#include "parser.tab.h"

bool lexical_error(Parser *parser, Span span, const char *format, ...)
{
    bool next = parser->newline && parser->brackets.len == 0 && parser->last != END && parser->last != '{' && parser->last != 0;
    bool *quiet = next ? &parser->quiet_next : &parser->quiet;
    if (*quiet)
        return false;
    va_list args;
    va_start(args, format);
    diag_error(parser->diags, span, "%s", arena_vprintf(parser->arena, format, args));
    va_end(args);
    return *quiet = true;
}

/* ---- words ---- */

static uint32_t word_length(const char *text)
{
    uint32_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length;
}

static const char *copy_span(Parser *parser, Span span)
{
    return arena_text(parser->arena, parser->source->text + span.begin, span.end - span.begin);
}

static bool is_word_at(const Parser *parser, uint32_t at, const char *word)
{
    const char *text = parser->source->text + at;
    return strncmp(text, word, strlen(word)) == 0 && word_length(text) == strlen(word);
}

/* What to write instead of the word that begins the statement at hand, or NULL. */
static const char *answer_of_statement(const Parser *parser)
{
    const char *text = parser->source->text + parser->statement;
    return foreign_answer(FOREIGN_WORD, text, word_length(text));
}

/* ---- declarations ---- */

/* A word that no declaration begins with. */
static void unknown_declaration(Parser *parser, Span span)
{
    const char *word = copy_span(parser, span), *after = parser->source->text + span.end;
    diag_error(parser->diags, span, "unexpected '%.60s'; expected a declaration", word);
    const char *names[DECL_COUNT], *answer = foreign_answer(FOREIGN_WORD, word, strlen(word));
    size_t count = 0;
    for (int kind = 0; kind < DECL_COUNT; kind++)
        if (decl_supported[kind])
            names[count++] = decl_text[kind];
    const char *closest = answer ? NULL : closest_name(word, names, count);
    after += strspn(after, " \t");
    if (answer) {
        diag_help(parser->diags, "%s", answer);
    } else if (closest) {
        diag_help(parser->diags, "did you mean '%s'?", closest);
    } else if (*after == '=' && word_length(word)) {
        diag_help(parser->diags,
                  "a number is declared by 'const %.60s = ...'; other assignments stand in the block of a net or a layer", word);
    } else {
        Text all = {0};
        for (size_t i = 0; i < count; i++)
            text_printf(&all, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
        diag_help(parser->diags, "declarations are %s", all.data);
        text_free(&all);
    }
}

/* ---- tokens ---- */

static bool begins_line(const Parser *parser, Span span)
{
    uint32_t at = span.begin;
    while (at > 0 && strchr(" \t\r", parser->source->text[at - 1]))
        at--;
    return at == 0 || parser->source->text[at - 1] == '\n';
}

static bool is_digit_at(const Parser *parser, uint32_t at)
{
    return at < parser->source->size && isdigit((unsigned char)parser->source->text[at]);
}

/* A comma between digits, as some languages write 0,5 and others 50,000. */
static bool help_with_comma(Parser *parser, Span span)
{
    const char *text = parser->source->text;
    bool after = text[span.begin] == ',' && is_digit_at(parser, span.end);
    bool within = span.begin > 0 && text[span.begin - 1] == ',' && isdigit((unsigned char)text[span.begin]);
    uint32_t comma = after ? span.begin : span.begin - 1;
    if (!(after || within) || comma == 0 || !is_digit_at(parser, comma - 1))
        return false;
    uint32_t digits = 0;
    while (is_digit_at(parser, comma + 1 + digits))
        digits++;
    diag_help(parser->diags,
              digits == 3 && text[comma - 1] != '0' ? "digits are not grouped: 50000" : "the decimal point is '.': 0.5");
    return true;
}

/* A block that stands behind ':', as in Python. */
static bool is_block_behind_colon(const Parser *parser, Span span)
{
    const char *line = parser->source->text + span.end;
    size_t rest = strcspn(line, "\n");
    if (memchr(line, '{', rest)) /* for i in 0:3 { } */
        return false;
    static const char *const words[] = {"if",    "else", "elif",  "for",  "while", "net",
                                        "layer", "def",  "class", "with", "try",   "train"};
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(words) && parser->source->text[span.begin] == ':'; i++)
        found |= is_word_at(parser, parser->statement, words[i]);
    const char *after = parser->source->text + span.end;
    after += strspn(after, " \t\r");
    return found || (parser->source->text[span.begin] == ':' && is_word_at(parser, parser->before_span.begin, "else")) ||
           (parser->source->text[span.begin] == ':' && (*after == '\n' || *after == '#') && parser->braces.len == 0);
}

/* What a declaration looks like whose head is wrong: behind its name stands something else than the grammar has. */
static const char *answer_of_declaration(const Parser *parser, Span span)
{
    static const struct {
        const char *word, *tokens, *answer;
    } heads[] = {
        {"objective", "=", "an objective has parameters: 'objective loss(d) = mean(squared_error(f(d.x), d.y))'"},
        {"export", "=", "an export has parameters: 'export predict(x) = f(x)'"},
        {"export", "-", "the type of an export's result is not written: 'export predict(x) { return f(x) }'"},
        {"objective", ":", "the body of an objective stands behind '=': 'objective loss(d) = ...'"},
        {"objective", "-", "the type of an objective's result is not written: 'objective loss(d) = ...'"},
        {"net", "=", "the body of a net is a block: 'net f(x: f32[3]) -> f32[2] { return linear(x, 2) }'"},
        {"layer", "=", "the body of a layer is a block: 'layer double(x: f32[n]) -> f32[n] { return 2 * x }'"},
        {"net", "r", "the body of a net is a block: 'net f(x: f32[3]) -> f32[2] { return linear(x, 2) }'"},
        {"hyper", "=:", "hyperparameters stand in a block: 'hyper lam { drop: rate(0, 0.9) = 0.1 }'"},
        {"train", "{", "a train says its method: 'train t = fit { ... }'"},
        {"split", "=:", "the size stands behind the name: 'split train 0.8, valid 0.2'"},
        {"fields", "=", "the fields stand behind the word: 'fields image: u8[28, 28], label: class[10]'"},
    };
    bool block = parser->braces.len > (parser->source->text[span.begin] == '{');
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        bool inside = strcmp(heads[i].word, "split") == 0 || strcmp(heads[i].word, "fields") == 0;
        if (inside == block && is_word_at(parser, parser->statement, heads[i].word) &&
            strchr(heads[i].tokens, parser->source->text[span.begin]))
            return heads[i].answer;
    }
    return NULL;
}

static bool is_complete(int token)
{
    return token == NAME || token == NUMBER || token == STRING || token == ')' || token == ']';
}

/* What is meant by a token where something else is expected; either may be NULL: anything. Of two rows that fit, the first
 * counts. */
static const struct {
    const char *token, *expected, *statement, *answer;
} answers[] = {
    {":", NULL, "for", "a loop is 'for i in 0..3 { }'"},
    {":", "'='", "const", "a constant has no type: 'const width = 300'"},
    {"==", "'=' or ','", NULL, "a name gets its value by '='"},
    {":", "'=' or ','", NULL, "a name is assigned without its type: 'h = x'"},
    {"[", "'=' or ','", NULL,
     "a tensor is made as a whole, never changed in a part: 'h = where(iota(n) == 0, 1, h)', 'h = concat(a, h[1:])'"},
    {"(", "'=' or ','", NULL, "a statement gives a name to a value, 'h = ...', or ends the block with it, 'return ...'"},
    {".", "'=' or ','", NULL, "a statement gives a name to a value, 'h = ...', or ends the block with it, 'return ...'"},
    {"=", "'{'", "if", "values are compared with '=='"},
    {"=", "end of line", NULL, "one statement assigns one value: 'a = h' and 'b = h'"},
    {"=", "':'", "weight", "a weight says its type: 'weight w: f32[n] ~ uniform(0.1)', 'weight b: f32[n] = 0'"},
    {"=", "':'", NULL, "a hyperparameter is 'drop: rate(0, 0.9) = 0.1': its kind, then its first value"},
    {"(", NULL, "fields", "a field that is computed from columns is 'x = numbers(a, b)'"},
    {",", "')'", NULL, "there are no tuples: tensors are joined by 'concat(a, b)'"},
    {"(", "a name", "net", "a net has one result, whose type has no parentheses: 'net f(x: f32[3]) -> f32[2] { ... }'"},
    {"(", "a name", "layer", "a layer has one result, whose type has no parentheses: 'layer f(x: f32[n]) -> f32[n] { ... }'"},
    {")", "end of line", NULL, "it closes no '('"},
    {"]", "end of line", NULL, "it closes no '['"},
    {",", "end of line", NULL, "statements and entries stand on lines of their own, or have a ';' between them"},
    {"return", "an expression", "objective", "behind '=' stands the value alone; 'return' ends a block: '{ return x }'"},
    {"return", "an expression", "export", "behind '=' stands the value alone; 'return' ends a block: '{ return x }'"},
};

/* What a line or a declaration that begins with this word looks like. */
static const char *answer_of_shape(const Parser *parser)
{
    static const struct {
        const char *word, *answer;
    } lines[] =
        {
            /* in a block */
            {"evaluate", "'evaluate 2' counts epochs, 'evaluate 0.25' is a part of an epoch, 'evaluate steps(100)' counts steps"},
            {"patience", "its number counts evaluations and has no unit: 'patience 10'"},
            {"batch", "its number has no unit: 'batch 128'"},
            {"epochs", "its number has no unit: 'epochs 10'"},
            {"every", "as in 'every 5 lower, 1 upper after 1 epochs'"},
            {"split", "each split has a name and a size, and commas are between them: 'split train 0.8, valid 0.2'"},
            {"fields",
             "each field has a name and a type, and commas are between them: 'fields image: u8[28, 28], label: class[10]'"},
        },
      declarations[] = {
          {"train", "a train says its method behind '=': 'train t = fit { ... }'"},
      };
    const char *sign = parser->source->text + parser->statement;
    sign += word_length(sign);
    sign += strspn(sign, " \t");
    if (*sign == '=' || *sign == ',') /* a value of that name */
        return NULL;
    for (size_t i = 0; i < COUNT_OF(lines) && parser->braces.len == 1; i++)
        if (is_word_at(parser, parser->statement, lines[i].word))
            return lines[i].answer;
    for (size_t i = 0; i < COUNT_OF(declarations) && parser->braces.len == 0; i++)
        if (is_word_at(parser, parser->statement, declarations[i].word))
            return declarations[i].answer;
    return NULL;
}

/* Whether the line continues the one before, which ends with a comma. */
static bool follows_comma(const Parser *parser, Span span)
{
    const char *text = parser->source->text;
    uint32_t at = span.begin;
    while (at > 0 && text[at - 1] != '\n')
        at--;
    while (at > 0 && isspace((unsigned char)text[at - 1]))
        at--;
    return at > parser->statement && text[at - 1] == ',';
}

/* The word before the one before: `report loss(d) given t = 1`. */
static bool is_binding(const Parser *parser)
{
    const char *text = parser->source->text;
    uint32_t at = parser->before_span.begin;
    while (at > 0 && isspace((unsigned char)text[at - 1]))
        at--;
    return at > 5 && is_word_at(parser, at - 5, "given");
}

static const char *answer_of_token(const Parser *parser, const char *text, uint32_t length, const char *expected)
{
    const char *method = *text == '.' && strcmp(expected, "'=' or ','") == 0 ? text + 1 : ""; /* h.backward() */
    const char *answer = foreign_answer(FOREIGN_CALL, method, word_length(method));
    if (*method && answer)
        return answer;
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        if (strlen(answers[i].token) == length && strncmp(answers[i].token, text, length) == 0 &&
            (!answers[i].expected || strcmp(answers[i].expected, expected) == 0) &&
            (!answers[i].statement || is_word_at(parser, parser->statement, answers[i].statement)))
            return answers[i].answer;
    if (*text == '=' && is_binding(parser))
        return "parentheses are missing around it, as in '(f(x) given z = v)'";
    if (*text == ':' && parser->unclosed.token == '[')
        return "a range has no step: 'x[0:4]'";
    if (strcmp(expected, "a name") == 0 && isalpha((unsigned char)*text))
        return "the words 'if', 'else', 'for', 'in', 'return', 'across', 'as' and 'by' cannot be names";
    return foreign_answer(FOREIGN_TOKEN, text, length);
}

/* Two operands side by side. */
static const char *answer_of_operand(const Parser *parser, const char *text, const char *expected)
{
    bool operand = isalnum((unsigned char)*text) || *text == '"' || *text == '_';
    if (!operand || !is_complete(parser->before))
        return NULL;
    if (parser->unclosed.token)
        return "a comma or an operator is missing before it";
    return strcmp(expected, "end of line") == 0 ? "an operator is missing before it, or a ';' if a statement begins here" : NULL;
}

static void help_with_token(Parser *parser, Span span, const char *expected)
{
    const char *text = parser->source->text + span.begin, *answer = answer_of_statement(parser);
    uint32_t length = word_length(text) ? word_length(text) : span.end - span.begin;
    static const char *const words[] = {"shared", "shuffled", "by", "on", "with", "where", "over", "embed", "output"};
    if (help_with_comma(parser, span))
        return;
    if (parser->before == STRING && parser->before_span.end == span.begin) {
        diag_help(parser->diags, "the string before it is %.60s: a quote is missing there",
                  copy_span(parser, parser->before_span));
        return;
    }
    if (!answer)
        answer = answer_of_declaration(parser, span);
    if (!answer)
        answer = answer_of_token(parser, text, strncmp(text, "<-", 2) == 0 ? 2 : length, expected);
    if (!answer && is_word_at(parser, parser->before_span.begin, "lambda"))
        answer = foreign_answer(FOREIGN_TOKEN, "lambda", strlen("lambda"));
    const char *near = word_length(text) && !answer ? closest_name(copy_span(parser, span), words, COUNT_OF(words)) : NULL;
    if (!answer && !near && !parser->unclosed.token && follows_comma(parser, span))
        answer = "the line before ends with a comma, so its statement goes on here";
    if (!answer && !near)
        answer = answer_of_shape(parser);
    if (!answer && !near)
        answer = answer_of_operand(parser, text, expected);
    if (answer)
        diag_help(parser->diags, "%s", answer);
    else if (near)
        diag_help(parser->diags, "did you mean '%s'?", near);
}

/* Where a statement ends too early. */
static void help_with_end(Parser *parser, const char *expected)
{
    const char *answer = answer_of_statement(parser);
    if (!answer && strcmp(expected, "'=' or ','") == 0)
        answer = "a statement gives a name to a value, 'h = ...', or ends the block with it, 'return ...'";
    if (!answer)
        answer = answer_of_shape(parser);
    if (!answer && is_word_at(parser, parser->statement, "weight"))
        answer = "a weight says how it begins: 'weight w: f32[n] ~ uniform(0.1)', 'weight b: f32[n] = 0'";
    if (answer)
        diag_help(parser->diags, "%s", answer);
}

/* The bracket that nothing closes before the statement ends, or before a line that cannot belong to it; NULL: it is another
 * error. */
static const Bracket *unclosed_bracket(const Parser *parser, Span span, bool ends)
{
    bool other_line = is_complete(parser->before) && begins_line(parser, span);
    return parser->unclosed.token && (ends || other_line) ? &parser->unclosed : NULL;
}

/* `batch = 128` or `batch: 128`, where a line of a train is `batch 128`. */
static bool is_setting_with_sign(const Parser *parser, Span span, const char *expected)
{
    const char *text = parser->source->text;
    return parser->braces.len == 1 && (text[span.begin] == '=' || text[span.begin] == ':') &&
           strcmp(expected, "an expression") == 0 && parser->before_span.begin == parser->statement;
}

static void unexpected(Parser *parser, Span span, int token, const char *expected)
{
    const char *text = parser->source->text + span.begin, *separator = *expected ? "; expected " : "";
    int length = (int)(span.end - span.begin);
    bool end_of_file = token == HN_EOF || (token == END && span.begin >= parser->source->size);
    if (end_of_file)
        diag_error(parser->diags, span, "unexpected end of file%s%s", separator, expected);
    else if (token == END)
        diag_error(parser->diags, span, "unexpected end of line%s%s", separator, expected);
    else
        diag_error(parser->diags, span, "unexpected '%.*s'%s%s", length < 60 ? length : 60, text, separator, expected);
}

static void report_token(Parser *parser, Span span, int token, const char *expected, bool declaration)
{
    bool ends = token == END || token == HN_EOF || parser->source->text[span.begin] == '}';
    const Bracket *open = unclosed_bracket(parser, span, ends);
    if (open) {
        diag_error(parser->diags, open->span, "this '%c' is not closed", open->token);
        return;
    }
    if (declaration && parser->source->text[span.begin] == '}') {
        diag_error(parser->diags, span, "this '}' closes no '{'");
        return;
    }
    if (declaration && !ends) {
        unknown_declaration(parser, span);
        return;
    }
    if (token != END && is_block_behind_colon(parser, span)) {
        if (!parser->colons) {
            diag_error(parser->diags, span, "a block stands in { }, not behind ':'");
            diag_help(parser->diags, "as in 'if n > 3 { h = relu(h) } else { h = tanh(h) }'");
        }
        parser->colons = true;
        return;
    }
    if (token != END && is_setting_with_sign(parser, span, expected)) {
        const char *word = copy_span(parser, parser->before_span);
        if (!parser->settings) {
            diag_error(parser->diags, span, "'%.60s' and its value stand side by side, without '%c'", word,
                       parser->source->text[span.begin]);
            diag_help(parser->diags, "as in 'batch 128'");
        }
        parser->settings = true;
        return;
    }
    if (parser->colons && (is_word_at(parser, parser->statement, "elif") || is_word_at(parser, span.begin, "else")))
        return;
    unexpected(parser, span, token, expected);
    if (parser->unclosed.token && (strstr(expected, "')'") || strstr(expected, "']'")))
        diag_note(parser->diags, parser->unclosed.span, "the '%c' is here", parser->unclosed.token);
    else if (!ends && begins_line(parser, span) && !is_complete(parser->before) && parser->before != END && parser->before != '}')
        diag_note(parser->diags, parser->before_span, "the statement goes on behind this");
    if (!ends)
        help_with_token(parser, span, expected);
    else
        help_with_end(parser, expected);
}

void syntax_error(Parser *parser, Span span, int token, const char *expected, bool declaration)
{
    bool quiet = parser->quiet || parser->too_deep;
    parser->quiet = parser->recovering = token != END;
    parser->loop = is_word_at(parser, parser->statement, "for");
    if (!quiet)
        report_token(parser, span, token, expected ? expected : "", declaration);
    parser->brackets.len = 0; /* resynchronise at the next newline */
    if (parser->braces.len == 0 && token != END)
        parser->skipping = true; /* the next tokens may be the body of the wrong declaration */
}

/* ---- what the grammar accepts in order to report it ---- */

void refuse_range(Parser *parser, const Expr *range)
{
    bool call = range->kind == EXPR_CALL && range->left->kind == EXPR_NAME && strcmp(range->left->name.text, "range") == 0;
    const Arg *first = call ? range->args.first : NULL, *second = first ? first->next : NULL;
    if (!lexical_error(parser, range->span, "the range of a loop is written 'first..end'"))
        return;
    if (first && !second)
        diag_help(parser->diags, "write '0..%.60s'", copy_span(parser, first->span));
    else if (first && !second->next)
        diag_help(parser->diags, "write '%.60s..%.60s'", copy_span(parser, first->span), copy_span(parser, second->span));
    else
        diag_help(parser->diags, "as in 'for i in 0..3 { }', which runs over 0, 1 and 2");
}

void refuse_equals(Parser *parser, Name label, Span equals, const Expr *value)
{
    const char *answer = foreign_answer(FOREIGN_LABEL, label.text, strlen(label.text));
    if (!lexical_error(parser, equals, "an argument is labelled with ':', not with '='"))
        return;
    if (answer)
        diag_help(parser->diags, "%s", answer);
    else
        diag_help(parser->diags, "write '%.60s: %.60s'", label.text, copy_span(parser, value->span));
}

/* Whether the symbol is a kind of tokens rather than one. */
static bool is_kind(const char *symbol)
{
    return strcmp(symbol, "name") == 0 || strcmp(symbol, "string") == 0 || strcmp(symbol, "number") == 0;
}

void list_expected(int count, const char *const *symbols, Text *out)
{
    for (int i = 0; i < count; i++) {
        const char *symbol = symbols[i];
        bool said = symbol[0] == '\'' || strchr(symbol, ' ') || is_kind(symbol); /* quoted already, or no text of a model */
        text_printf(out, said ? "%s%s" : "%s'%s'", before_alternative((size_t)i, (size_t)count), symbol);
    }
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
