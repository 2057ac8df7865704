/* hnc check: the front half of the compiler; gradients on request. */
#include "driver/driver.h"

/* The model in f64 with `batch` examples per batch, or fewer where the file asks for fewer. */
static bool compile_small(const Options *options, int64_t batch, Compilation *c)
{
    Options checked = *options;
    checked.real = DTYPE_F64;
    if (!compile_model(&checked, c))
        return false;
    if (options->batch || c->model->trains.len == 0 || c->model->trains.data[0].batch <= batch)
        return true;
    compilation_free(c);
    checked.silenced_warnings = ~UINT32_C(0); /* they have been printed */
    checked.batch = batch;
    checked.trial = true;
    return compile_model(&checked, c);
}

/* Batches are small, for the interpreter's sake, unless a loss needs more examples: the mean over examples with a property is NaN
 * where no example has it. */
static int check_gradients_of(const Options *options)
{
    static const int64_t batches[] = {4, 16, 64};
    Options attempt = *options;
    int status = EXIT_ERROR;
    bool not_finite = true;
    for (size_t i = 0; i < COUNT_OF(batches) && not_finite; i++) {
        Compilation c;
        bool fine = compile_small(&attempt, batches[i], &c);
        attempt.silenced_warnings = ~UINT32_C(0); /* each is printed once */
        not_finite = false;
        status = fine ? check_gradients(c.model, &not_finite) : EXIT_ERROR;
        compilation_free(&c);
    }
    if (not_finite)
        fprintf(stderr,
                "hnc: error: a loss is no finite number on random data at the first weights: its gradient cannot be checked\n");
    return status;
}

int command_check(const Options *options)
{
    if (options->gradients)
        return check_gradients_of(options);
    Compilation c;
    Options checked = *options;
    checked.every_export = !options->train;
    int status = compile_model(&checked, &c) ? EXIT_FINE : EXIT_ERROR;
    if (status == EXIT_FINE)
        printf("%s: no errors\n", options->file);
    compilation_free(&c);
    return status;
}
