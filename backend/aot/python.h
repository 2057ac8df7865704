/* A module of Python: what it begins with, names of the model as Python has them, and the parts that other files print. */
#ifndef HNC_BACKEND_AOT_PYTHON_H
#define HNC_BACKEND_AOT_PYTHON_H

#include "backend/aot/columns.h"
#include "support/diagnostics.h"

/* The functions that a module's own ones call. Their names begin with _hnc_ and end with another letter than '_', so that none is
 * one of python_names(). */
extern const Source python_examples, python_rows; /* python/examples.py, python/rows.py */

/* (python_text.c) What the module calls each of the names: the name itself; or, where it is a keyword, begins with "_hnc_" or
 * "__", or is among `taken`, the name with as many '_' as make it none of the others. */
void python_names(Arena *arena, uint32_t count, const char *const *names, uint32_t taken_count, const char *const *taken,
                  const char **out);
/* (python_text.c) The text between quotes of a literal. Bytes that are no UTF-8 are as in the names of files that os.listdir()
 * gives. */
void print_python_text(const char *text, Text *out);
/* (python_text.c) "float32" */
const char *numpy_type(DType dtype);
/* (python_text.c) "(3, 4)" or "(3,)" or "()", behind the first `skipped` axes. */
void print_python_shape(Type type, unsigned skipped, Text *out);

/* (python_rows.c) The function that encodes rows as the files have them, under the name. */
void print_python_encoder(const RawRow *row, const char *name, Text *out);

#endif
