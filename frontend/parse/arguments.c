/* Lists in which a comma may go on with the bindings of `E given z = V`. */
#include "frontend/parse/parse.h"

ArgList add_argument(Parser *parser, ArgList list, Arg *arg)
{
    bool equals = arg->equals.source != NULL;
    Expr *before = list.last ? list.last->value : NULL;
    if (equals && ast_given_add(parser, before, ast_binding(parser, arg->span, arg->label, NULL, false, arg->value))) {
        list.last->span = before->span;
        return list;
    }
    if (equals)
        refuse_equals(parser, arg->label, arg->equals, arg->value);
    list_append(&list, arg);
    return list;
}

void bind_more(Parser *parser, Expr *given, Binding *binding, Span equals)
{
    if (!ast_given_add(parser, given, binding))
        syntax_error(parser, equals, '=', NULL, false);
}
