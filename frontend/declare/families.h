/* Families of data sets as models declare them: a row of runtime/abi/families.def each, and one file in
 * frontend/declare/families/. */
#ifndef HNC_FRONTEND_FAMILIES_H
#define HNC_FRONTEND_FAMILIES_H

#include "frontend/lower/kit.h"

/* What stands in the name of a file for the number of a member. */
#define MEMBER_SIGN "{i}"

/* A family while it is read. */
typedef struct FamilyLowering {
    Session *s;
    const Symbol *symbol;
    Dataset *data;        /* its own; `family` is set */
    const Dataset *base;  /* the data set whose rows it has; NULL: it has rows of its own */
    uint32_t base_fields; /* the first of the base's fields in the module */
    uint32_t fields;      /* the first of its own, which are copies of those */
    uint32_t field_count;
    bool counts_by_itself; /* the number of members is not written, but `_`: the reader sets it */
} FamilyLowering;

typedef struct FamilyReader {
    const char *example; /* "permute(mnist, image)"; NULL: it is not called */
    /* The arguments of the call behind the base, with whatever they change in the fields. Reports what is wrong. */
    void (*read)(FamilyLowering *l, const Arg *arguments);
} FamilyReader;

#define FAMILY(KIND, word, ...) extern const FamilyReader word##_reader;
#include "runtime/abi/families.def"
#undef FAMILY
extern const FamilyReader *const family_readers[FAMILY_COUNT];

/* Whether the declaration makes a family of another data set. */
bool is_derived(const Decl *decl);
/* Reads a declaration that makes a family of another data set. */
void lower_derived(Session *s, Symbol *symbol, Dataset *data);
/* The members of a family with rows of its own. */
void read_members(Session *s, const Symbol *symbol, Dataset *data);
/* A data set that is no family has no files with the number of a member in their names; reports otherwise. */
void check_no_members(Session *s, const Symbol *symbol);

/* The module's index of the base's field that the expression names; -1: there is none, which was reported. */
int64_t family_field(FamilyLowering *l, const Expr *expr);
/* The same, but the field must be a class. */
int64_t class_field(FamilyLowering *l, const Expr *expr);
/* Whether the classes of the base's rows are known when data are loaded; reports otherwise. */
bool has_known_classes(FamilyLowering *l, Span span);
/* The family's own copy of that field. */
Field *own_field(FamilyLowering *l, int64_t field);

/* Computes the fields of `data` = rows(n) { x: f32 = E }, which has a function per member and kind of rows (rows.c). False:
 * there is an error, here or in a data set of which the rows take examples. */
bool lower_rows(Session *s, const Symbol *symbol, Dataset *data);

#endif
