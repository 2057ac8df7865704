/* Differential testing: random programs by the interpreter, compiled with fusion and compiled without must agree.
 *
 *     differential [--models | --plan] [--first SEED] [--count N] [--block N]
 *
 * The interpreter runs the program with gradients expanded and otherwise unchanged; compiled code went through every pass. Blocks
 * of programs become modules, in turn of f64 and f32; some are optimised, some are split among threads, some are compiled without
 * fusion too (block_level and its like). Scratch memory holds NaN before. In f32 a program may differ by a multiple of the
 * difference between the interpreter's f32 and f64 results. The last line says how many programs ran and how many differed; the
 * status is 1 if any did. With --plan schedules are verified and nothing is compiled. */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "passes/passes.h"
#include "tests/random/differential.h"
#include "tests/random/generate.h"

static const double tolerance_modes = 1e-7;

/* For the message of a crash. */
static volatile uint64_t seed_at_work;

static void report_crash(int signal)
{
    char text[96];
    int n = snprintf(text, sizeof text, "signal %d at the program of seed %" PRIu64 " or in its block\n", signal, seed_at_work);
    if (write(STDERR_FILENO, text, (size_t)n) < 0)
        _exit(2);
    _exit(1);
}

void report(Count *count, uint64_t seed, DType real, const char *what, const char *why, const Module *module,
            const Function *function, const char *text)
{
    enum { SHOWN = 3 };
    fprintf(stderr, "seed %" PRIu64 ", %s: %s: %s\n", seed, dtype_name(real), what, why);
    if (count->differences++ >= SHOWN)
        return;
    Text printed = {0};
    if (text)
        text_printf(&printed, "%s", text);
    if (function)
        print_function(module, function, &printed);
    if (printed.len)
        fprintf(stderr, "%s\n", printed.data);
    text_free(&printed);
}

/* One block: the programs as they are, the same optimised and compiled in two ways, and in f32 a second opinion in f64. */
typedef struct Block {
    Module *plain, *doubt, *optimized;
    Compiled fused, unfused, other; /* without a module where the block is not compiled in that way */
    Tensor *states, *doubt_states;
    unsigned threads;
} Block;

/* The number of a block decides how it is run. */
static DType block_real(uint64_t number)
{
    return number % 2 ? DTYPE_F32 : DTYPE_F64;
}

static int block_level(uint64_t number)
{
    return number / 2 % 16 == 0 ? 2 : 0;
}

static unsigned block_threads(uint64_t number)
{
    return number / 2 % 2 ? 2 : 1;
}

static bool block_is_unfused_too(uint64_t number)
{
    return number / 2 % 8 == 1;
}

static bool block_new(Block *block, uint64_t first, unsigned size, uint64_t number, Count *count)
{
    DType real = block_real(number);
    bool unfused = block_is_unfused_too(number);
    int level = block_level(number);
    *block = (Block){.plain = random_module(first, size, real, false), .optimized = random_module(first, size, real, true)};
    block->threads = block_threads(number);
    block->states = random_states(block->plain, first);
    if (real == DTYPE_F32) {
        block->doubt = random_module(first, size, DTYPE_F64, false);
        block->doubt_states = random_states(block->doubt, first);
    }
    Text why = {0};
    Way way = {.threads = block->threads > 1, .level = level, .cpu = DEFAULT_CPU};
    Way unfused_way = {.unfused = true, .blocks = true, .level = level, .cpu = DEFAULT_CPU};
    Way other_way = {.cpu = "x86-64-v2"};
    bool fine = verify_module(block->plain, false, &why) && verify_module(block->optimized, false, &why) &&
                compile_module(block->optimized, way, &block->fused, &why) &&
                (!unfused || compile_module(block->optimized, unfused_way, &block->unfused, &why)) &&
                (!level || compile_module(block->optimized, other_way, &block->other, &why));
    if (!fine)
        report(count, first, real, "block", why.data ? why.data : "", NULL, NULL, NULL);
    for (uint32_t i = 0; fine && i < block->fused.plan->schedules.len; i++)
        count->kernels += block->fused.plan->schedules.data[i].kernels.len;
    count->at_o2 += level ? size : 0;
    count->threaded += block->threads > 1 ? size : 0;
    count->unfused += unfused ? size : 0;
    text_free(&why);
    return fine;
}

static void block_free(Block *block)
{
    compiled_free(&block->fused);
    compiled_free(&block->unfused);
    compiled_free(&block->other);
    random_states_free(block->plain, block->states);
    if (block->doubt)
        random_states_free(block->doubt, block->doubt_states);
    module_free(block->plain);
    module_free(block->optimized);
    if (block->doubt)
        module_free(block->doubt);
}

static const char *result_name(const Module *module, const Function *function, int64_t result)
{
    return result < function->outputs.len ? function->outputs.data[result].name
                                          : module->states.data[result - function->outputs.len].name;
}

/* Reverse mode and forward mode give one slope. */
static void compare_modes(Count *count, const Block *block, const Function *function, const Results *results, uint64_t seed)
{
    double slope[2];
    for (uint32_t i = 0, found = 0; i < function->outputs.len; i++) {
        if (strcmp(function->outputs.data[i].name, "reverse") && strcmp(function->outputs.data[i].name, "forward"))
            continue;
        slope[found++] = tensor_get(&results->tensors[i], 0);
        if (found < 2)
            continue;
        count->gradients++;
        double scale = fmax(1, fmax(fabs(slope[0]), fabs(slope[1])));
        char why[128];
        snprintf(why, sizeof why, "%.17g and %.17g", slope[0], slope[1]);
        if (block->plain->real == DTYPE_F64 && !(fabs(slope[0] - slope[1]) <= tolerance_modes * scale))
            report(count, seed, DTYPE_F64, "reverse and forward mode", why, block->plain, function, NULL);
    }
}

static void compare(Count *count, const Block *block, uint32_t index, uint64_t seed, const char *what, const Results *expected,
                    const Results *actual, const Results *doubt)
{
    const Function *function = block->plain->functions.data[index];
    char why[256], where[128];
    double tolerance = block->plain->real == DTYPE_F64 ? tolerance_f64 : tolerance_f32;
    int64_t result = first_difference(expected, actual, tolerance, doubt, slack_f32, why);
    if (result < 0)
        return;
    snprintf(where, sizeof where, "%s, %s", what, result_name(block->plain, function, result));
    report(count, seed, block->plain->real, where, why, block->plain, function, NULL);
}

/* Runs the program on one thread and, where its block is compiled so, on two threads, without optimisation for another processor,
 * and without fusion. The first two of these must not change a bit. */
static void run_ways(Count *count, const Block *block, uint32_t index, uint64_t seed, const Numbers *numbers,
                     const Results *expected, const Results *doubt)
{
    const struct {
        const char *name;
        const Compiled *compiled;
        unsigned threads;
        bool same_bits;
    } ways[] = {{"fused, one thread", &block->fused, 1, false},
                {"fused, two threads", block->threads > 1 ? &block->fused : NULL, 2, true},
                {"fused, -O0 for x86-64-v2", &block->other, 1, true},
                {"unfused, products in blocks", &block->unfused, 1, false}};
    const Module *module = block->plain;
    const Function *function = module->functions.data[index];
    Results first = {0};
    for (size_t way = 0; way < COUNT_OF(ways); way++) {
        char why[256];
        Results actual = {0};
        if (!ways[way].compiled || !ways[way].compiled->module)
            continue;
        if (!run_compiled(ways[way].compiled, index, numbers, ways[way].threads, &actual, why))
            report(count, seed, module->real, ways[way].name, why, module, function, NULL);
        compare(count, block, index, seed, ways[way].name, expected, &actual, doubt);
        if (ways[way].same_bits && !results_equal(&first, &actual))
            report(count, seed, module->real, ways[way].name, "other bits", module, function, NULL);
        if (way == 0)
            first = actual;
        else
            results_free(&actual);
    }
    results_free(&first);
}

/* The interpreter's results in f64 for a block of f32. */
static bool second_opinion(const Block *block, uint32_t index, uint64_t seed, Results *doubt)
{
    char why[256];
    Numbers numbers = numbers_new(block->doubt, block->doubt->functions.data[index], seed, block->doubt_states);
    bool fine = run_interpreted(&numbers, doubt, why) && results_finite(doubt);
    numbers_free(&numbers);
    return fine;
}

static void run_program(Count *count, const Block *block, uint32_t index, uint64_t seed)
{
    const Module *module = block->plain;
    const Function *function = module->functions.data[index];
    Numbers numbers = numbers_new(module, function, seed, block->states), same = numbers;
    same.module = block->optimized;
    same.function = block->optimized->functions.data[index];
    Results expected, doubt = {0};
    char why[256];
    count->programs++;
    count->in_f64 += !block->doubt;
    if (!run_interpreted(&numbers, &expected, why))
        report(count, seed, module->real, "interpreter", why, module, function, NULL);
    else if (!results_finite(&expected) || (block->doubt && !second_opinion(block, index, seed, &doubt)))
        count->not_finite++;
    else {
        compare_modes(count, block, function, &expected, seed);
        run_ways(count, block, index, seed, &same, &expected, block->doubt ? &doubt : NULL);
    }
    results_free(&expected);
    results_free(&doubt);
    numbers_free(&numbers);
}

static void run_block(Count *count, uint64_t first, unsigned size, uint64_t number)
{
    Block block;
    seed_at_work = first;
    if (block_new(&block, first, size, number, count))
        for (unsigned i = 0; i < size; i++) {
            seed_at_work = first + i;
            run_program(count, &block, i, first + i);
        }
    block_free(&block);
}

/* Schedules alone, with fusion: made and verified, but not compiled. */
static void plan_block(Count *count, uint64_t first, unsigned size, uint64_t number)
{
    Module *module = random_module(first, size, block_real(number), true);
    Plan *plan = plan_module(module);
    Text why = {0};
    seed_at_work = first;
    if (!plan_verify(plan, &why))
        report(count, first, module->real, "block", why.data, NULL, NULL, NULL);
    for (uint32_t i = 0; i < plan->schedules.len; i++)
        count->kernels += plan->schedules.data[i].kernels.len;
    count->programs += size;
    count->in_f64 += module->real == DTYPE_F64 ? size : 0;
    text_free(&why);
    plan_free(plan);
    module_free(module);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct Settings {
    uint64_t first, count;
    unsigned block;
    bool models, plan;
} Settings;

static bool parse(int argc, char **argv, Settings *settings)
{
    static const struct option options[] = {{"first", required_argument, NULL, 'f'}, {"count", required_argument, NULL, 'c'},
                                            {"block", required_argument, NULL, 'b'}, {"models", no_argument, NULL, 'm'},
                                            {"plan", no_argument, NULL, 'p'},        {0}};
    int code;
    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (code == '?')
            return false;
        uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;
        if (code == 'm')
            settings->models = true;
        else if (code == 'p')
            settings->plan = true;
        else if (code == 'f')
            settings->first = value;
        else if (code == 'c')
            settings->count = value;
        else
            settings->block = (unsigned)value;
    }
    return optind == argc && settings->block > 0;
}

int main(int argc, char **argv)
{
    Settings settings = {.first = 1, .count = 1000, .block = 50};
    if (!parse(argc, argv, &settings)) {
        fprintf(stderr, "usage: differential [--models | --plan] [--first SEED] [--count N] [--block N]\n");
        return 2;
    }
    signal(SIGSEGV, report_crash);
    signal(SIGABRT, report_crash);
    signal(SIGFPE, report_crash);
    Count count = {0};
    double start = seconds_now();
    for (uint64_t done = 0; settings.models && done < settings.count; done++) {
        seed_at_work = settings.first + done;
        run_model(&count, seed_at_work, seed_at_work);
    }
    for (uint64_t done = 0; !settings.models && done < settings.count; done += settings.block) {
        unsigned size = settings.count - done < settings.block ? (unsigned)(settings.count - done) : settings.block;
        uint64_t first = settings.first + done;
        (settings.plan ? plan_block : run_block)(&count, first, size, first / settings.block);
    }
    printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " %s, %" PRIu64 " kernels (%" PRIu64 " programs in f64, %" PRIu64
           " at -O2, %" PRIu64 " on two threads, %" PRIu64 " unfused too, %" PRIu64 " with gradients, %" PRIu64
           " not finite), %" PRIu64 " differences, %.0f s\n",
           settings.first, settings.first + settings.count - 1, count.programs, settings.models ? "models" : "programs",
           count.kernels, count.in_f64, count.at_o2, count.threaded, count.unfused, count.gradients, count.not_finite,
           count.differences, seconds_now() - start);
    return count.differences ? 1 : 0;
}
