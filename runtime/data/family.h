/* The members of families of data sets. No member is ever copied whole: a batch's rows are made from the tables that hold them
 * when something reads the batch. What the members of a kind of family are is a row of runtime/abi/families.def and a `const
 * FamilyRules` in a file of its own, families/WORD.c. */
#ifndef HN_DATA_FAMILY_H
#define HN_DATA_FAMILY_H

#include "runtime/data/dataset.h"

/* An open family. Row number `at` of a split of a member (Data.splits) is row rows[at] of the tables of data set `source`, or
 * row `at` where rows is NULL. */
typedef struct Family {
    const struct FamilyRules *rules;
    const FamilyInfo *info;
    size_t dataset, source;
    int32_t *rows;    /* owned */
    int32_t *numbers; /* the number of each of these rows in its member; owned. NULL: the tables' fields of kind index say it */
    int32_t *places;  /* permute: per member, the element of the base that each element is, or -1: it is a zero. Owned */
} Family;

typedef struct FamilyRules {
    bool drawn; /* what a member's rows are depends on the seed of the run */
    /* Finds the rows of every member: fills Data.splits of the family's data set, and what `field` needs. The tables of classes
     * are filled by then. What is wrong is reported. */
    bool (*open)(Data *data, Family *family, uint64_t seed);
    /* Makes field number `field` of the data set's in a row of the member, from that of the source. NULL: it is the same. What it
     * needs of `open` is drawn. */
    void (*field)(const Data *data, const Family *family, int64_t member, size_t field, const void *from, void *to);
} FamilyRules;

extern const FamilyRules *const family_rules[FAMILY_COUNT]; /* by FamilyKind */

/* Opens the families of the manifest, whose other data sets are loaded. */
bool families_open(Data *data, uint64_t seed);
void families_close(Data *data);

/* The members of a data set: 1 of one that is no family. */
int64_t data_members(const Data *data, size_t dataset);
/* The rows of a split of a member; 0 of a data set that is no family. Of a family, these are places in the member's split for
 * member_rows(), and otherwise rows of the tables. */
RowRange member_range(const Data *data, size_t dataset, int64_t member, size_t split);
/* Makes rows of a member of a family: into row `to`, `to` + 1, ... of each table, those at places[0 .. count), which
 * member_range() counts. tables[k] is of field number k of the data set's. Allocates nothing. */
void member_rows(const Data *data, size_t dataset, int64_t member, const int32_t *places, int64_t count, void *const *tables,
                 int64_t to);

#endif
