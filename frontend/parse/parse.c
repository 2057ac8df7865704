/* The driver of lexer and parser. */
#include "frontend/parse/parse.h"

#include "parser.tab.h"
/* after parser.tab.h, whose types it uses */
#include "lexer.h"

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
    vec_free(&parser.brackets);
    vec_free(&parser.foreign);
    return parser.decls;
}
