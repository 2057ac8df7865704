/* What a step or a metric reads: a split of a data set or, of a family, of one member. Which member that is, is fixed, or the
 * value at hand of a condition. */
#ifndef HN_RUNTIME_READING_H
#define HN_RUNTIME_READING_H

#include "runtime/core/program.h"
#include "runtime/data/family.h"

typedef struct Reading {
    const Data *data;
    int dataset; /* NONE: it reads no data, and has one row */
    size_t split;
    int64_t member;           /* NONE: *condition is the member */
    const int32_t *condition; /* the state of the program; NULL: the member is fixed, or there is none */
    int64_t capacity;         /* of the tables of a family, in rows */
    void **own;               /* one table per field of the family's data set; owned, NULL: it is no family */
    const void **tables;      /* one per field of the manifest, for call_open: those of the data, or of the family; owned */
} Reading;

/* `capacity`: the largest number of rows that reading_take() makes. The data are loaded, but their tables need not be filled yet.
 * Reports a member without rows in the split. reading_close in any case. */
bool reading_open(Reading *reading, const Program *program, const Data *data, int dataset, size_t split, int64_t member,
                  int member_condition, int64_t capacity);
void reading_close(Reading *reading);
static inline bool reads_family(const Reading *reading)
{
    return reading->own != NULL;
}
/* The member at hand; 0 where there is none. */
int64_t reading_member(const Reading *reading);
/* The rows of the member's split, as indices of the tables or, of a family, as places for reading_take(). */
RowRange reading_range(const Reading *reading, int64_t member);
/* Of a family, makes the rows index[0 .. count) of the member's split rows `to`, `to` + 1, ... of the tables, which index[] then
 * are. Otherwise the tables hold them already. Rows of several members may lie in the tables at once. Allocates nothing. */
void reading_take(const Reading *reading, int64_t member, int32_t *index, int64_t count, int64_t to);
/* The name of the split, of the fixed or of that member: "mnist.train", "sites[2].valid". */
enum { READING_NAME_SIZE = 512 };
const char *reading_name(const Reading *reading, int64_t member, char text[READING_NAME_SIZE]);

#endif
