/* Any bytes, read as a PNG or JPEG file into a field of colours and one of grey, resized or not: refused with a message, or all
 * pixels are there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/abi/frame.h"
#include "runtime/data/image.h"

/* The runtime's library expects a model; this program has none. */
const char hn_manifest[] = "";
hn_function *const hn_functions[] = {NULL};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const FieldInfo fields[] = {
        {.tensor = {.name = "d.image", .dtype = DTYPE_U8, .rank = 3, .dims = {3, 4, 5}, .elements = 60, .bytes = 60}},
        {.tensor = {.name = "d.grey", .dtype = DTYPE_U8, .rank = 2, .dims = {4, 5}, .elements = 20, .bytes = 20}}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (int resize = 0; resize < RESIZE_COUNT; resize++) {
            unsigned char *row = malloc(fields[i].tensor.bytes), *other = malloc(fields[i].tensor.bytes);
            bool fine = image_decode("fuzz", bytes, size, &fields[i], (ResizeKind)resize, row);
            if (image_decode("fuzz", bytes, size, &fields[i], (ResizeKind)resize, other) != fine)
                abort();
            if (fine && memcmp(row, other, fields[i].tensor.bytes) != 0)
                abort();
            free(row);
            free(other);
        }
    return 0;
}
