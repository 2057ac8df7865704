/* Any bytes, read as a manifest: refused with a message, or a manifest that is the same when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1), *written;
    memcpy(text, bytes, size);
    text[size] = '\0';
    Manifest manifest, again;
    if (manifest_read(&manifest, text)) {
        written = manifest_write(&manifest);
        if (!written || !manifest_read(&again, written) || !record_equal(manifest_record(), &manifest, &again))
            abort();
        manifest_free(&again);
        manifest_free(&manifest);
        free(written);
    }
    free(text);
    return 0;
}
