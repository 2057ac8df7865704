/* What compiled code and the runtime know of each other. The backend emits calls and symbols that match this file; everything
 * else about a model is in the manifest (JSON; docs/runtime.md). */
#ifndef HN_ABI_FRAME_H
#define HN_ABI_FRAME_H

#include <stdint.h>

#define HN_ABI_VERSION 14
/* Alignment of both arenas, of every tensor in them and of every row table. */
#define HN_ALIGNMENT 64

/* What a compiled function works on. */
typedef struct hn_frame {
    unsigned char *state;      /* persistent tensors, at the offsets of the manifest's "states" */
    unsigned char *scratch;    /* "scratch_bytes", content undefined between calls */
    const void *const *rows;   /* one per field ("fields" order): all examples, contiguous */
    const void *const *inputs; /* one per input of the function, row-major */
    void *const *outputs;      /* one per output of the function, row-major, written by it */
} hn_frame;

typedef void hn_function(const hn_frame *frame);

/* Emitted by the compiler. */
extern const char hn_manifest[];          /* NUL-terminated JSON */
extern hn_function *const hn_functions[]; /* in the order of the manifest's "functions" */
/* The same for x86-64-v4; absent (NULL) unless the program was built for both levels. */
extern hn_function *const hn_functions_v4[] __attribute__((weak));

/* Of a program that has its weights inside: a file of them, as runtime/data/safetensors.h reads it. Absent in others. */
extern const unsigned char hn_weights[] __attribute__((weak));
extern const int64_t hn_weights_bytes __attribute__((weak));

/* Runtime services for compiled code. Splits [0, n) into at most one contiguous range per thread, each a multiple of `grain` long
 * but the last, and runs `body` on each. */
typedef void hn_body(const hn_frame *frame, int64_t begin, int64_t end);
void hn_parallel(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain);

#endif
