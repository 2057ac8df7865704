/* Families whose members are the rows of some classes of a base. */
#ifndef HN_DATA_MEMBERS_H
#define HN_DATA_MEMBERS_H

#include "runtime/data/family.h"

/* The open() of such a family: member number k of the base's splits has the rows whose class, divided by `classes`, is k. Rows of
 * further classes are of no member. */
bool members_by_class(Data *data, Family *family, int64_t classes);

#endif
