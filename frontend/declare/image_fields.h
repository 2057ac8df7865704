/* Fields of data sets of images. */
#ifndef HNC_FRONTEND_IMAGE_FIELDS_H
#define HNC_FRONTEND_IMAGE_FIELDS_H

#include "frontend/lower/lower.h"

/* Reports fields that are no image and its class, and splits that would take the images of one class after the other. */
void check_image_fields(Session *s, const Symbol *symbol, const Dataset *data, const Field *fields, uint32_t count);
/* Gives the class the names of its folders. False (reported): the model declares another number of classes. */
bool name_classes(Session *s, const Symbol *symbol, Field *field, int64_t classes, const char **names);

#endif
