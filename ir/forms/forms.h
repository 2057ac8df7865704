/* Weight forms: what a weight of a net is made of. A form is an expression of IR that is built once per weight; it knows the
 * weight's shape, never the layer. Its trained numbers are further weights (form_part), so that code that asks what a weight
 * depends on, or replaces weights by states, need not know any form. Rows of ir/forms.def. */
#ifndef HNC_IR_FORMS_H
#define HNC_IR_FORMS_H

#include "ir/model.h"

typedef enum { FORM_TAKES_NOTHING, FORM_TAKES_CONDITION, FORM_TAKES_NET, FORM_TAKES_FILE } FormTakes;

/* One use of a form in the function that makes a weight. */
typedef struct FormUse {
    Builder *b;
    uint32_t weight;  /* module->weights, which grows */
    unsigned number;  /* uses of the same form before this one in the weight's expression */
    Value input;      /* NET: a vector of form->numbers() reals that the net makes for this weight; CONDITION: its vector */
    int64_t setting;  /* of the row's `setting` */
    const char *file; /* FILE */
} FormUse;

typedef struct WeightForm {
    Value (*make)(FormUse *use);                               /* a value of the weight's type */
    int64_t (*numbers)(const Weight *weight, int64_t setting); /* NET: how many its net makes for this weight; at least 0 */
} WeightForm;

#define FORM(name, ...) extern const WeightForm form_##name;
#include "ir/forms.def"
#undef FORM

typedef struct FormRow {
    const char *name, *example;
    FormTakes takes;
    const char *setting; /* NULL: none */
    int64_t least;
    const WeightForm *form;
} FormRow;
extern const FormRow form_rows[];
enum {
#define FORM(...) +1
    FORM_COUNT = 0
#include "ir/forms.def"
#undef FORM
};

/* Trained numbers of the form: a new weight without a net, named after the weight that it is a part of, "net.linear1.w/scale";
 * the second use of a form in an expression has "/scale2". */
Value form_part(FormUse *use, const char *part, Type type, Init init);

/* How many output units the weight has, and how many elements each has. A weight without an axis of output units is one unit. */
int64_t weight_units(const Weight *weight);
int64_t weight_inputs(const Weight *weight);
/* One number per output unit (or one in all, of a scalar), as a tensor of the weight's type. */
Value per_unit(Builder *b, const Weight *weight, Value numbers);
/* Numbers `first` to `first + count - 1` of a vector. */
Value part_of(Builder *b, Value vector, int64_t first, int64_t count);

#endif
