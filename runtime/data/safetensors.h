/* The safetensors format: 8 bytes, little-endian, that hold the length of the header; the header, a JSON object
 * {"NAME": {"dtype", "shape", "data_offsets"}, ..., "__metadata__": {"KEY": "text"}}; the tensors' bytes, without holes.
 * https://huggingface.co/docs/safetensors */
#ifndef HN_RUNTIME_SAFETENSORS_H
#define HN_RUNTIME_SAFETENSORS_H

#include "runtime/core/manifest.h"

/* Replaces the file atomically (runtime/data/files.h): tensors[i] with the bytes at data[i], and `metadata`, an object of
 * strings. Tensors of wide elements come first, so that each is aligned in the file. Errors are reported; the previous file is
 * then kept.
 */
bool safetensors_write(const char *path, const TensorInfo *tensors, const void *const *data, size_t count,
                       const json_t *metadata);

/* The same in memory: *size bytes, for free(). NULL (reported) without memory. */
unsigned char *safetensors_bytes(const TensorInfo *tensors, const void *const *data, size_t count, const json_t *metadata,
                                 size_t *size);

/* The path of the file that the program has inside (hn_weights), by this address. NULL: it has none. */
const char *safetensors_inside(void);

/* An open file whose header is valid; its tensors' bytes are read on demand. */
typedef struct SafeFile {
    const char *path; /* the caller's */
    int descriptor;
    json_t *header; /* owned */
    uint64_t data_begin;
} SafeFile;

/* Opens a file, or safetensors_inside(), and checks all of its header: lengths, types, shapes, offsets that neither overlap nor
 * leave holes nor pass the end of the file. Problems are reported. */
bool safetensors_open(SafeFile *file, const char *path);
void safetensors_close(SafeFile *file);
/* Whether the file has the tensor, with the type and shape of `tensor`. */
bool safetensors_fits(const SafeFile *file, const TensorInfo *tensor);
/* The shape of the tensor of that name and type in the file: dims[0..rank). False: there is none of at most `tensor`'s axes. */
bool safetensors_shape(const SafeFile *file, const TensorInfo *tensor, TensorInfo *found);
/* Reads the tensor into `data`. It must be there with the type and shape of `tensor`; problems are reported. */
bool safetensors_read(const SafeFile *file, const TensorInfo *tensor, void *data);
/* The metadata object, or NULL; borrowed. */
const json_t *safetensors_metadata(const SafeFile *file);

#endif
