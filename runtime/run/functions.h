/* functions.json: where an export makes one number of another one and of the point of the sweep, the function that it is at each
 * point, when that point was learned and now, beside the data from which it was learned. */
#ifndef HN_RUNTIME_FUNCTIONS_H
#define HN_RUNTIME_FUNCTIONS_H

#include "runtime/run/exported.h"
#include "runtime/run/reading.h"

typedef struct Functions {
    Exported call;   /* zeroed: there is none, or nothing learns points one after the other */
    Reading reading; /* of what the first phase learns from */
    const ExportInfo *export;
    size_t input; /* which of its arguments is no condition */
    size_t x, y;               /* fields of the manifest; y may be the same as x: the data set has no other number */
    const PhaseInfo *phase;
    size_t count;  /* of points */
    bool own_nets; /* each point has a net of its own, and is what it was when it was learned */
} Functions;

/* False (reported) on failure; a model without such an export is none. */
bool functions_open(Functions *functions, const Program *program, const Data *data);
void functions_close(Functions *functions);
/* When a point has been learned, the last of `learned` ones: replaces the file, which keeps what it holds of those before. */
bool functions_write(const Functions *functions, const char *path, size_t learned, int precision);

#endif
