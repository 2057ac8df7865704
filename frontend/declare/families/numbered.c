/* data sites[4] = csv("site-{i}.csv") {...}: members in files of their own, or with rows that are computed. */
#include <string.h>

#include "frontend/declare/families.h"

/* The name of member `member`'s file. */
static const char *file_of(Arena *arena, const char *pattern, int64_t member)
{
    Text text = {0};
    for (const char *at = pattern, *next; *at; at = next) {
        next = strstr(at, MEMBER_SIGN);
        size_t length = next ? (size_t)(next - at) : strlen(at);
        text_append(&text, at, length);
        if (next)
            text_printf(&text, "%lld", (long long)member);
        next = next ? next + strlen(MEMBER_SIGN) : at + length;
    }
    const char *name = arena_text(arena, text.data ? text.data : "", text.len);
    text_free(&text);
    return name;
}

/* Every name stands for one per member: those of member 0 first. */
static void number_files(FamilyLowering *l, FileNames *files)
{
    FileNames numbered = {0};
    for (int64_t member = 0; member < l->data->family->count; member++)
        for (uint32_t i = 0; i < files->len; i++)
            vec_push(&numbered, file_of(&l->s->module->arena, files->data[i], member));
    vec_free(files);
    *files = numbered;
}

static void check_names(Session *s, const Decl *decl, const Expr *source)
{
    for (const Arg *arg = source->args.first; arg; arg = arg->next)
        if (arg->value->kind == EXPR_STRING && !strstr(arg->value->name.text, MEMBER_SIGN)) {
            fail(s, arg->span, "every member of '%s' has files of its own, so their names hold the number of the member",
                 decl->name.text);
            add_help(s, "it is written %s and begins at 0, as in \"part-%s.csv\"", MEMBER_SIGN, MEMBER_SIGN);
        }
}

static void read(FamilyLowering *l, const Arg *arguments)
{
    const Decl *decl = l->symbol->decl;
    (void)arguments; /* names of files, which are known */
    if (format_traits[l->data->format].files == FILES_NONE)
        return;
    check_names(l->s, decl, decl->value);
    for (const DataItem *item = decl->items.first; item; item = item->next)
        if (item->kind == DATA_TEST)
            check_names(l->s, decl, item->value);
    number_files(l, &l->data->files);
    number_files(l, &l->data->test_files);
}

const FamilyReader numbered_reader = {NULL, read};
