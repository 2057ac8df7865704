#include "tests/e2e/shipped.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* What a model takes from files that are not here: each data set has as many rows as the first 25 images, and a text as many words. */
static bool count_rows(const Dataset *data, const Field *fields, uint32_t field_count, const char *folder, DataCounts *counts,
                       char *reason, size_t size)
{
    enum { COUNTED = 25 };
    (void)folder;
    (void)reason;
    (void)size;
    counts->members[0] = COUNTED;
    for (uint32_t i = 0; i < data->splits.len; i++)
        counts->splits[i] = COUNTED; /* from row 0 on */
    for (uint32_t i = 0; i < field_count; i++)
        counts->labels[i] = fields[i].classes == ANY_CLASSES ? COUNTED : 0;
    return true;
}

/* Models that would take minutes here are made smaller by their constants. */
static const struct {
    const char *model;
    Define defines[3];
} smaller[] = {
    {"hyper_cleaning.hn", {{"ridge", "1"}}}, /* conjugate gradients amplify rounding errors the more, the worse the condition */
    {"hyperlstm.hn", {{"size", "6"}, {"length", "5"}, {"small", "3"}}},
    {"hyperparameters_images.hn", {{"channels", "3"}}}, /* of 2, f32 and its interpreter round to other sides of a relu */
    {"hyperparameters_text.hn", {{"size", "4"}, {"characters", "4"}}},
    {"learning_rate.hn", {{"length", "3"}}},
    {"permuted_mnist.hn", {{"width", "60"}, {"chunk", "1500"}}},
    {"resnet_chunked.hn", {{"channels", "2"}, {"chunk", "100"}}},
    {"split_mnist.hn", {{"width", "60"}, {"chunk", "1500"}}},
    {"static_cnn.hn", {{"tile", "2"}, {"code", "3"}, {"blocks", "1"}}},
    {"stn_lstm.hn", {{"size", "6"}, {"length", "5"}}},
    {"stn_resnet.hn", {{"channels", "2"}}},
    {"transformer.hn", {{"size", "8"}, {"length", "5"}, {"layers", "1"}}},
};

static const Define *defines_of(const char *path)
{
    for (size_t i = 0; i < COUNT_OF(smaller); i++)
        if (strstr(path, smaller[i].model))
            return smaller[i].defines;
    return NULL;
}

void shipped_open(Shipped *shipped, const char *path, DType real, int64_t batch)
{
    *shipped = (Shipped){0};
    const Define *defines = defines_of(path);
    unsigned ndefines = 0;
    while (defines && ndefines < COUNT_OF(smaller[0].defines) && defines[ndefines].name)
        ndefines++;
    const char *reason;
    if (!source_read(&shipped->arena, path, &shipped->source, &reason))
        fail_msg("%s: %s", path, reason);
    /* tables of the shipped models' columns, which say how wide a row is (the rows are random like all others); the true front
     * of the toys is shipped */
    bool toy = strstr(path, "pareto_toy.hn");
    FrontendOptions options = {.real = real,
                               .batch = batch,
                               .count = count_rows,
                               .trial = true,
                               .defines = defines,
                               .ndefines = ndefines,
                               .data = toy ? HNC_SOURCE_DIR "/models" : HNC_SOURCE_DIR "/tests/e2e/tables"};
    shipped->model = frontend_compile(&shipped->source, &options, &shipped->diags);
    diag_print(&shipped->diags, stderr);
    assert_non_null(shipped->model);
}

void shipped_close(Shipped *shipped)
{
    model_free(shipped->model);
    diag_free(&shipped->diags);
    arena_free(&shipped->arena);
}

void each_shipped(void (*check)(const char *path, DType real, double tolerance), DType real, double tolerance)
{
#ifdef HNC_SANITIZED
    enum { EVERY = 2 }; /* those in between walk the same memory */
#else
    enum { EVERY = 1 };
#endif
    struct dirent **entries;
    int n = scandir(HNC_SOURCE_DIR "/models", &entries, NULL, alphasort), models = 0;
    for (int i = 0; i < n; i++) {
        size_t len = strlen(entries[i]->d_name);
        if (i % EVERY == 0 && len > 3 && strcmp(entries[i]->d_name + len - 3, ".hn") == 0) {
            char path[512];
            snprintf(path, sizeof path, HNC_SOURCE_DIR "/models/%s", entries[i]->d_name);
            check(path, real, tolerance);
            models++;
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(models >= 2);
}
