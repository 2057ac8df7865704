/* The verifier of schedules accepts the schedules of fusion and planning, and refuses them once something in them is wrong. Each
 * row of `faults` spoils one thing, at every place of the schedule where it can be spoilt, and every time the verifier must say
 * so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/diagnostics.h"
#include "tests/passes/schedule_faults.h"

/* Every kind of kernel and of access: tables, states that lie side by side, one that is updated in place and read elsewhere,
 * stages, chunks, pieces of a concat and of a pad, two reductions of one space. */
static const char text[] = "module m f32\n"
                           "field @d.image : u8[6] dataset 0\n"
                           "state @low : f32[32, 8] weight\n"
                           "state @high : f32[32, 8] weight\n"
                           "state @table : f32[10, 64] weight\n"
                           "state @tall : f32[1024, 96] weight\n"
                           "state @free : f32[4] weight\n"
                           "state @seed : i32[2] counter\n"
                           "state @count : i32[] counter\n"
                           "func @step(%index: i32[300], %places: i32[300]) -> (loss: f32[], best: i32[300], order: i32[300, "
                           "64], columns: f32[96], pair: f32[160]) {\n"
                           "  %seed = state_read @seed : i32[2]\n"
                           "  %count = state_read @count : i32[]\n"
                           "  %bytes = fetch @d.image, %index : u8[300, 6]\n"
                           "  %image = cast %bytes : f32[300, 6]\n"
                           "  %wide = pad %image before [0, 1] : f32[300, 8]\n"
                           "  %low = state_read @low : f32[32, 8]\n"
                           "  %high = state_read @high : f32[32, 8]\n"
                           "  %both = concat %low, %high axis 0 : f32[64, 8]\n"
                           "  %product = dot %wide, %both contract [1] [1] : f32[300, 64]\n"
                           "  %noise = random %seed, %count stream 3 : f32[300, 64]\n"
                           "  %table = state_read @table : f32[10, 64]\n"
                           "  %rows = gather %table, %places : f32[300, 64]\n"
                           "  %noisy = mul %product, %noise : f32[300, 64]\n"
                           "  %sum = add %noisy, %rows : f32[300, 64]\n"
                           "  %hidden = tanh %sum : f32[300, 64]\n"
                           "  %squares = mul %hidden, %hidden : f32[300, 64]\n"
                           "  %loss = reduce_sum %squares axes [0, 1] : f32[]\n"
                           "  %best = argmax %hidden axis 1 : i32[300]\n"
                           "  %order = sort %hidden axis 1 : i32[300, 64]\n"
                           "  %means = reduce_sum %hidden axes [0] : f32[64]\n"
                           "  %largest = reduce_max %squares axes [1] : f32[300]\n"
                           "  %scaled = broadcast %largest axes [0] : f32[300, 64]\n"
                           "  %update = mul %hidden, %scaled : f32[300, 64]\n"
                           "  %scatter = scatter_add %places, %update rows 10 : f32[10, 64]\n"
                           "  %next = sub %table, %scatter : f32[10, 64]\n"
                           "  state_write @table, %next\n"
                           "  %gradient = dot %update, %wide contract [0] [0] : f32[64, 8]\n"
                           "  %low_gradient = slice %gradient from [0, 0] : f32[32, 8]\n"
                           "  %next_low = sub %low, %low_gradient : f32[32, 8]\n"
                           "  state_write @low, %next_low\n"
                           "  %tall = state_read @tall : f32[1024, 96]\n"
                           "  %columns = reduce_sum %tall axes [0] : f32[96]\n"
                           "  %pair = concat %means, %columns axis 0 : f32[160]\n"
                           "  %halves = slice %pair from [64] : f32[96]\n"
                           "  %turned = broadcast %halves axes [1] : f32[1024, 96]\n"
                           "  %next_tall = sub %tall, %turned : f32[1024, 96]\n"
                           "  state_write @tall, %next_tall\n"
                           "  return loss = %loss, best = %best, order = %order, columns = %halves, pair = %pair\n"
                           "}\n";

typedef struct Bench {
    Module *module;
    Plan *plan;
    Schedule *schedule;
} Bench;

static Bench bench_new(void)
{
    Diagnostics diags = {0};
    Source source = {"m.ir", text, strlen(text)};
    Bench bench = {.module = parse_module(&source, &diags)};
    diag_print(&diags, stderr);
    assert_non_null(bench.module);
    diag_free(&diags);
    bench.plan = plan_module(bench.module);
    bench.schedule = &bench.plan->schedules.data[0];
    return bench;
}

static void bench_free(Bench *bench)
{
    plan_free(bench->plan);
    module_free(bench->module);
}

static void sound(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Text why = {0};
    unsigned kinds = 0;
    if (!plan_verify(bench.plan, &why))
        fail_msg("%s", why.data);
    for (uint32_t k = 0; k < bench.schedule->kernels.len; k++)
        kinds |= 1u << kernel_at(bench.schedule, k)->kind;
    assert_int_equal(kinds, 1u << KERNEL_LOOP | 1u << KERNEL_PRODUCT | 1u << KERNEL_RANDOM | 1u << KERNEL_ARGMAX |
                                1u << KERNEL_SORT | 1u << KERNEL_SCATTER);
    bench_free(&bench);
}

static unsigned missed_places(const Fault *fault)
{
    unsigned places = 0, missed = 0;
    for (bool found = true; found; places += found) {
        Bench bench = bench_new();
        Text why = {0};
        found = fault->spoil(bench.schedule, places);
        if (found && plan_verify(bench.plan, &why)) {
            print_error("%s, place %u: not found\n", fault->name, places);
            missed++;
        }
        text_free(&why);
        bench_free(&bench);
    }
    if (!places)
        fail_msg("%s: the schedule has no such place", fault->name);
    return missed;
}

static void spoilt(void **state)
{
    (void)state;
    unsigned missed = 0;
    for (unsigned i = 0; i < loop_fault_count; i++)
        missed += missed_places(&loop_faults[i]);
    for (unsigned i = 0; i < memory_fault_count; i++)
        missed += missed_places(&memory_faults[i]);
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sound), cmocka_unit_test(spoilt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
