#include "tests/runtime/toy_data.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "tests/runtime/run_command.h"

enum { EXAMPLES = 140, INPUTS = 4 };

void write_toy_data(const char *folder)
{
    unsigned char images[12 + EXAMPLES * INPUTS] = {0, 0, 8, 2, 0, 0, 0, EXAMPLES, 0, 0, 0, INPUTS};
    unsigned char labels[8 + EXAMPLES] = {0, 0, 8, 1, 0, 0, 0, EXAMPLES};
    uint32_t random = 1;
    for (int i = 0; i < EXAMPLES; i++) {
        int sum = 0;
        for (int j = 0; j < INPUTS; j++) {
            random = random * 1664525u + 1013904223u;
            images[12 + i * INPUTS + j] = (unsigned char)(random >> 24);
            sum += (j + 1) * (int)(random >> 24);
        }
        labels[8 + i] = (unsigned char)(sum * 9 / 2550);
    }
    char path[512];
    snprintf(path, sizeof path, "%s/toy-x.gz", folder);
    gzFile stream = gzopen(path, "wb");
    if (!stream || gzwrite(stream, images, sizeof images) != (int)sizeof images || gzclose(stream) != Z_OK)
        abort();
    snprintf(path, sizeof path, "%s/toy-y", folder);
    write_file(path, labels, sizeof labels);
}
