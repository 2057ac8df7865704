/* Weight forms: what a weight of a net is made of. A form is an expression of IR that is built once per weight; it knows the
 * weight's shape, never the layer. Its trained numbers are further weights (form_part), so that code that asks what a weight
 * depends on, or replaces weights by states, need not know any form. Rows of ir/forms.def. */
#ifndef HNC_IR_FORMS_H
#define HNC_IR_FORMS_H

#include "ir/model.h"

typedef enum {
    FORM_TAKES_NOTHING,
    FORM_TAKES_EACH,
    FORM_TAKES_CONDITION,
    FORM_TAKES_SHIFT,
    FORM_TAKES_NET,
    FORM_TAKES_FILE,
    FORM_TAKES_LOSS
} FormTakes;

/* How the numbers of a form begin that takes a net (rows of form_starts). */
typedef enum {
    START_USUAL,        /* as the form says */
    START_HYPERFAN_IN,  /* weights begin with the deviation that their layer gives them */
    START_HYPERFAN_OUT, /* the same, times the root of fan-in / fan-out */
    START_ZERO,         /* what the form adds to a weight begins at 0 */
    START_XAVIER,       /* heads are Xavier-uniform, their biases 0, whatever the scale of the weights */
    START_COUNT
} FormStart;
extern const char *const form_starts[START_COUNT]; /* as models call them */

enum { MOST_FORM_SETTINGS = 2, MOST_HEADS = 2 };

/* Where the numbers of a form come from that takes a net. */
typedef enum {
    NUMBERS_MADE,   /* the net makes exactly these */
    NUMBERS_HEADED, /* the net makes a hidden vector, and the form has a linear head of its own for each weight */
    NUMBERS_ROWS,   /* there is no net: a table has a row of them for each value of a task or a member */
} NumbersKind;

/* One use of a form in the function that makes a weight. */
typedef struct FormUse {
    Builder *b;
    uint32_t weight; /* module->weights, which grows */
    unsigned number; /* uses of the same form before this one in the weight's expression */
    unsigned *heads; /* parts that are heads or rows so far in the weight's expression */
    Value input; /* CONDITION, SHIFT: the vector. NET, LOSS: what `kind` says: the numbers, the hidden vector, or the i32 index of a
                  * row */
    NumbersKind kind; /* NET, LOSS */
    int64_t rows;     /* NUMBERS_ROWS: how many; free: 0, unless it has a row per task, of which `input` is the index */
    FormStart start;  /* NET */
    int64_t settings[MOST_FORM_SETTINGS]; /* of the row */
    const char *file;                     /* FILE */
    /* NET, where the net is called on several rows: what it made of them, the head (a weight of the module; NO_VALUE: there is
     * none), and where the weight's piece of the joined vector begins. */
    Value joined_rows;
    uint32_t joined_head;
    int64_t first;
    /* Set by the form: parts whose first values follow from a measure of `generated` (0: of what it returns), of which `wanted`
     * is the deviation (0: that of first_numbers()). */
    uint32_t measured[MOST_HEADS];
    unsigned measured_count;
    Value generated;
    double wanted;
} FormUse;

typedef struct WeightForm {
    Value (*make)(FormUse *use); /* a value of the weight's type */
    /* NET, LOSS: how many numbers it takes for this weight; at least 0. */
    int64_t (*numbers)(const Weight *weight, const int64_t *settings);
    /* NET: its numbers make the whole weight, so that they can begin at the scale that the layer gives the weight. Otherwise they
     * change trained numbers, and begin by changing nothing. */
    bool makes_all;
    /* NET, where the net is called once per row; its argument is then followed by a trained vector of the row. NULL: the net is
     * called once. How many rows `total` numbers take: */
    int64_t (*row_count)(const int64_t *settings, int64_t total);
    /* Makes one vector of `total` numbers, of which each weight gets its piece, from use->joined_rows; sets use->joined_head. */
    Value (*join)(FormUse *use, int64_t total);
} WeightForm;

#define FORM(name, ...) extern const WeightForm form_##name;
#include "ir/forms.def"
#undef FORM

typedef struct FormSetting {
    const char *name; /* NULL: none */
    int64_t least;
} FormSetting;

typedef struct FormRow {
    const char *name, *example;
    FormTakes takes;
    const WeightForm *form;
    FormSetting settings[MOST_FORM_SETTINGS];
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

/* The same for numbers of which only the response to a condition is made (State.responds). */
Value form_response(FormUse *use, const char *part, Type type, Init init);

/* `count` numbers of a form that takes a net, from number `first` on: made by the net, by a head of their own, or a row of a
 * table of their own. `init` says how the numbers of a row begin, and what a head makes at first: that constant, or numbers of
 * that deviation. */
Value form_numbers(FormUse *use, int64_t first, int64_t count, Init init);
/* Trained numbers, of which each value of the index has a row of its own: the row of the value at hand. */
Value form_row(FormUse *use, const char *part, Type type, Init init);
/* How the weight begins where its form starts as `use` says: a matrix with hyperfan_out has another deviation than its layer
 * says. */
Init first_numbers(const FormUse *use);
/* A linear head from a hidden vector along the last axis of `hidden` to `count` numbers: parts "head" and "bias". */
Value form_head(FormUse *use, Value hidden, int64_t count, Init init);

/* Measures are of at most about so many numbers per value of a condition: enough to know a deviation within a few percent. */
enum { MEASURED_NUMBERS = 4096 };
/* The first `count` along the last axis of what form_numbers() or form_head() made, computed without the others. */
Value form_sample(Builder *b, Value numbers, int64_t count);
/* Rows `first` to `first + count - 1` of a matrix. */
Value rows_of_matrix(Builder *b, Value matrix, int64_t first, int64_t count);

/* How many output units the weight has, and how many elements each has. A weight without an axis of output units is one unit. */
int64_t weight_units(const Weight *weight);
int64_t weight_inputs(const Weight *weight);
/* One number per output unit (or one in all, of a scalar), as a tensor of the weight's type. */
Value per_unit(Builder *b, const Weight *weight, Value numbers);
/* Numbers `first` to `first + count - 1` of a vector. */
Value part_of(Builder *b, Value vector, int64_t first, int64_t count);

#endif
