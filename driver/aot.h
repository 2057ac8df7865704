/* hnc aot: a model with trained weights, on its way to files (aot.c) and to a program (aot_exe.c). */
#ifndef HNC_DRIVER_AOT_H
#define HNC_DRIVER_AOT_H

#include "driver/driver.h"
#include "runtime/core/program.h"

typedef struct Aot {
    const Options *options;
    Compilation c;
    Manifest manifest; /* of the model as it is trained */
    Program program;   /* the trained numbers */
    double **fixed;    /* per condition; NULL: it stays an argument */
    bool *hyper_given; /* per hyperparameter, whether --fix gives it a value */
} Aot;

/* Compiles the model, gives its states the numbers of --weights as literals, and reads --fix. Problems are reported. Zeroed
 * before but for the options; aot_close in any case. */
bool aot_open(Aot *a);
void aot_close(Aot *a);

/* Links a program for this machine that has the weights inside, and can only predict, as `path`. Compiles the model once more.
 * Problems are reported. */
bool aot_executable(const Options *options, const char *path);

#endif
