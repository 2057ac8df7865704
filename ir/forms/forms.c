/* The table of forms. */
#include "ir/forms/forms.h"

const FormRow form_rows[] = {
#define FORM(name, example, takes, setting, least) {#name, example, FORM_TAKES_##takes, setting, least, &form_##name},
#include "ir/forms.def"
#undef FORM
};
