/* Hyperparameters in natural units: within their bounds however far out the raw number is, in both precisions. */
#include <math.h>

#include "ir/model.h"
#include "tests/ir/ir_test.h"

/* build_natural of each raw number. */
static void natural_values(DType real, const Hyper *hyper, unsigned n, const double *raw, double *natural)
{
    Module *module = module_new("m", real);
    Builder b = {.module = module, .function = function_new(module, "f")};
    int64_t count = n;
    Type type = type_of(real, 1, &count);
    build_output(&b, "natural", build_natural(&b, hyper, build_input(&b, "raw", type)));
    Tensor input = {type, malloc((size_t)type_bytes(type))}, *outputs;
    World world = {NULL, NULL};
    char why[256];
    for (unsigned i = 0; i < n; i++)
        tensor_set(&input, i, raw[i]);
    if (!interpret(module, b.function, &world, &input, &outputs, why))
        fail_msg("%s", why);
    for (unsigned i = 0; i < n; i++)
        natural[i] = tensor_get(&outputs[0], i);
    interpret_free_outputs(b.function, outputs);
    free(input.data);
    module_free(module);
}

static void bounds_hold(void **state)
{
    (void)state;
    static const double raw[] = {-1e30, -1000, -90, -20, -1, 0, 1, 17, 20, 40, 90, 1000, 1e30};
    enum { N = sizeof raw / sizeof *raw };
    static const Hyper hypers[] = {{.name = "integer", .kind = HYPER_INTEGER, .low = 1, .high = 5, .init = 2},
                                   {.name = "rate", .kind = HYPER_RANGE, .low = 0, .high = 0.9, .init = 0.1},
                                   {.name = "log", .kind = HYPER_LOG_RANGE, .low = 1e-7, .high = 1e-2, .init = 1e-5}};
    for (int precision = 0; precision < 2; precision++)
        for (size_t h = 0; h < sizeof hypers / sizeof *hypers; h++) {
            double natural[N], low = hypers[h].low, high = hypers[h].high;
            natural_values(precision ? DTYPE_F64 : DTYPE_F32, &hypers[h], N, raw, natural);
            double slack = hypers[h].kind == HYPER_INTEGER ? 0 : 1e-5 * high;
            for (int i = 0; i < N; i++) {
                if (!(natural[i] >= low - slack && natural[i] <= high + slack))
                    fail_msg("%s at %g: %.9g", hypers[h].name, raw[i], natural[i]);
                if (hypers[h].kind == HYPER_INTEGER)
                    assert_true(natural[i] == floor(natural[i]));
                assert_true(i == 0 || natural[i] >= natural[i - 1]);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
