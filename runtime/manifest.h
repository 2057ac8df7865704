/* What the compiler tells the runtime of a model, read from the JSON text that is embedded in the binary (docs/runtime.md). */
#ifndef HN_RUNTIME_MANIFEST_H
#define HN_RUNTIME_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tabular/schema.h"

enum { TENSOR_MAX_RANK = 8 };

typedef enum { ELEMENT_F32, ELEMENT_F64, ELEMENT_I32, ELEMENT_U8, ELEMENT_BOOL, ELEMENT_COUNT } Element;
extern const char *const element_names[ELEMENT_COUNT];
extern const size_t element_sizes[ELEMENT_COUNT];

typedef struct Tensor {
    const char *name;
    Element element;
    unsigned rank;
    int64_t dims[TENSOR_MAX_RANK];
    int64_t elements;
    size_t bytes;
} Tensor;

typedef enum { ROLE_WEIGHT, ROLE_HYPER, ROLE_SCALE, ROLE_OPTIMIZER, ROLE_COUNTER, ROLE_SCRATCH, ROLE_ENCODER, ROLE_COUNT } Role;
extern const char *const role_names[ROLE_COUNT];

typedef struct State {
    Tensor tensor;
    Role role;
    size_t offset;
} State;

typedef struct Field {
    Tensor tensor;   /* of one example */
    int64_t classes; /* 0: not a class */
} Field;

/* An index that a function holds to the rows of a table: elements 2 k and 2 k + 1 of the state say, for the k-th one of the
 * function, whether the index lay outside, and the largest that did. */
typedef struct BoundInfo {
    const State *state;
    int64_t rows, line; /* line: of the model file */
} BoundInfo;

typedef struct FunctionInfo {
    const char *name;
    Tensor *inputs, *outputs;
    BoundInfo *bounds;
    size_t input_count, output_count, bound_count;
} FunctionInfo;

typedef struct Split {
    const char *name;
    bool from_test;
    int64_t count; /* 0: `fraction` counts */
    double fraction;
} Split;

typedef struct DatasetInfo {
    const char *name, *format;
    size_t *fields;          /* indices into Manifest.fields */
    const char **files;      /* idx: one a field */
    const char **test_files; /* idx: one a field, or none */
    Split *splits;
    Schema *schema; /* csv: what its columns become; NULL otherwise */
    bool shuffled;  /* the main rows are permuted by the seed before the splits take them */
    size_t field_count, file_count, test_file_count, split_count;
    int64_t rows; /* rows: how many examples without content; 0 otherwise */
} DatasetInfo;

typedef struct HyperInfo {
    const char *name, *kind;
    double low, high, init;
    bool shared;
} HyperInfo;

/* Functions are indices into Manifest.functions and hn_functions; NO_FUNCTION where the model has none. */
enum { NO_FUNCTION = -1 };

typedef struct PhaseInfo {
    const char *name;
    size_t dataset, split;
    int step;
} PhaseInfo;

typedef struct MetricInfo {
    const char *name;
    size_t dataset, split;
    int accumulate, finish;
} MetricInfo;

enum { MAX_OBJECTIVES = 16, MAX_RAYS = 256, MAX_TRUE_POINTS = 100000 };

/* Of a train by pareto. States are names of Manifest.states, NULL where the model has none. */
typedef struct ParetoInfo {
    const char *preference, *solver;
    const char **objectives;
    double *rays;       /* [ray_count][m] */
    double *reference;  /* [m]; NULL: no hypervolume */
    double *true_front; /* [true_count][m]; NULL: no igd */
    size_t m, ray_count, true_count;
    bool uniformity, each; /* each: one net a ray */
    bool nonnegative;      /* the solver is defined for losses that are not negative */
    const State *ray, *all_rays, *points;
} ParetoInfo;

typedef struct ExportInfo {
    const char *name;
    int function;
} ExportInfo;

typedef struct TrainInfo {
    const char *name, *method;
    int64_t batch, epochs, evaluate, patience;
    double warmup;     /* epochs of lower steps before the first upper one */
    int64_t every[2];  /* lower steps, then upper steps of a cycle */
    PhaseInfo *phases; /* lower, upper; or one alone */
    MetricInfo *metrics;
    size_t phase_count, metric_count;
    int64_t select; /* the metric whose least value is the best; -1: none */
    int init, hypers, plateau;
    bool has_pareto;
    ParetoInfo pareto;
} TrainInfo;

enum { MAX_PHASES = 2 };

typedef struct Manifest {
    json_t *json; /* owns every name */
    const char *model, *cpu;
    bool is_f64;
    size_t state_bytes, scratch_bytes;
    State *states;
    Field *fields;
    FunctionInfo *functions;
    DatasetInfo *datasets;
    HyperInfo *hypers;
    ExportInfo *exports;
    size_t state_count, field_count, function_count, dataset_count, hyper_count, export_count;
    bool has_train;
    TrainInfo train;
} Manifest;

/* Reads and checks the manifest: the ABI's version, types, offsets within the arena, and that every index and function name
 * exists. What is wrong is reported (as an internal error: only a defect of the compiler or a mixed-up build can cause it). */
bool manifest_read(Manifest *manifest, const char *text);
void manifest_free(Manifest *manifest);
/* "u8[28, 28]" into `text`. */
enum { TENSOR_TEXT_SIZE = 224 };
const char *tensor_text(const Tensor *tensor, char text[TENSOR_TEXT_SIZE]);
const State *manifest_state(const Manifest *manifest, const char *name); /* or NULL */
/* The state FIELD/what that encodes a field's numbers ("mean", "scale", "fill"), or NULL. */
const State *manifest_encoder(const Manifest *manifest, const Field *field, const char *what);
/* Elements of all states of that role. */
int64_t manifest_elements(const Manifest *manifest, Role role);

#endif
