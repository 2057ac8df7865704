/* The tables of forms and of how they begin. */
#include "ir/forms/forms.h"

const FormRow form_rows[] = {
#define FORM(name, example, takes, ...) {#name, example, FORM_TAKES_##takes, &form_##name, {__VA_ARGS__}},
#include "ir/forms.def"
#undef FORM
};

const char *const form_starts[START_COUNT] = {
    [START_USUAL] = "",    [START_HYPERFAN_IN] = "hyperfan_in", [START_HYPERFAN_OUT] = "hyperfan_out",
    [START_ZERO] = "zero", [START_XAVIER] = "xavier",
};
