/* How operators and the words that begin declarations are written. */
#include "frontend/parse/ast.h"

const char *const operator_text[] = {"-", "!", "||", "&&", "==", "!=", "<", "<=", ">", ">=", "++", "+", "-", "*", "/", "@", ".."};
const char *const decl_text[DECL_COUNT] = {
#define DECLARATION(KIND, word, supported) word,
#include "frontend/parse/declarations.def"
#undef DECLARATION
};
const bool decl_supported[DECL_COUNT] = {
#define DECLARATION(KIND, word, supported) supported,
#include "frontend/parse/declarations.def"
#undef DECLARATION
};
