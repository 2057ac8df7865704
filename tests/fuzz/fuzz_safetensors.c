/* Any bytes, read as weights: refused with a message, or tensors that fill their memory and no byte beyond it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/abi/frame.h"
#include "runtime/data/safetensors.h"

/* The runtime's library expects a model; this program has none. */
const char hn_manifest[] = "";
hn_function *const hn_functions[] = {NULL};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const TensorInfo tensors[] = {
        {.name = "net.w", .dtype = DTYPE_F32, .rank = 2, .dims = {2, 3}, .elements = 6, .bytes = 24},
        {.name = "seed", .dtype = DTYPE_I32, .rank = 1, .dims = {2}, .elements = 2, .bytes = 8}};
    char path[64];
    int descriptor = memfd_create("fuzz.safetensors", 0);
    if (descriptor < 0 || write(descriptor, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    SafeFile file;
    if (safetensors_open(&file, path)) {
        for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
            TensorInfo found;
            unsigned char *data = malloc(tensors[i].bytes);
            bool read = data && safetensors_read(&file, &tensors[i], data);
            if (read != safetensors_fits(&file, &tensors[i]))
                abort();
            safetensors_shape(&file, &tensors[i], &found);
            free(data);
        }
        safetensors_close(&file);
    }
    close(descriptor);
    return 0;
}
