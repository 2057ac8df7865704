/* Fields of data sets of images. */
#ifndef HNC_FRONTEND_IMAGE_FIELDS_H
#define HNC_FRONTEND_IMAGE_FIELDS_H

#include "frontend/lower/lower.h"

/* What images("flowers", resize: crop) says beside its folders. */
void read_resize(Session *s, Dataset *data, const Expr *source);
/* Reports fields that are no image and its class, and splits that would take the images of one class after the other. */
void check_image_fields(Session *s, const Symbol *symbol, const Dataset *data, const Field *fields, uint32_t count);
/* False (reported): the field declares another number of classes than there are folders, which have these names. */
bool check_folder_count(Session *s, const Symbol *symbol, const Field *field, int64_t classes, const char *const *names);

#endif
