/* The hnc command: exit statuses, options, outputs, and what it says when something is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    return run_command("cp '%s/tests/e2e/toy.hn' .", HNC_SOURCE_DIR);
}

/* Runs hnc; its exit status must be `status` and what it prints must contain `text`. */
static void check(const char *arguments, int status, const char *text)
{
    int seen = run_command("'%s/hnc' %s", HNC_BINARY_DIR, arguments);
    if (seen != status)
        fail_msg("hnc %s: exit status %d, not %d:\n%s", arguments, seen, status, command_output());
    assert_true(output_has(text));
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* A terminal of 100 columns shows each line of the output without breaking it. */
static void check_width(void)
{
    for (const char *line = command_output(); *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strcspn(line, "\n") > 100)
            fail_msg("wider than 100 columns: '%.200s'", line);
}

static void test_help(void **state)
{
    (void)state;
    check("--help", 0, "Exit status: 0 fine, 1 an error in the input or the system, 2 wrong usage");
    check_width();
    check("--version", 0, "hnc 0.");
    check("", 2, "hnc build FILE.hn");
    check("help", 0, "hnc build FILE.hn");
    static const char *const commands[] = {"build", "check", "explain", "opt", "run"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char arguments[64], usage[64];
        snprintf(arguments, sizeof arguments, "%s --help", commands[i]);
        snprintf(usage, sizeof usage, "usage: hnc %s FILE", commands[i]);
        check(arguments, 0, usage);
        check_width();
        assert_int_equal(output_has("--gradients"), strcmp(commands[i], "check") == 0); /* flags of this command only */
        assert_int_equal(output_has("--passes"), strcmp(commands[i], "opt") == 0);
        snprintf(arguments, sizeof arguments, "%s toy.hn -h", commands[i]);
        check(arguments, 0, usage);
        snprintf(arguments, sizeof arguments, "help %s", commands[i]);
        check(arguments, 0, usage);
    }
}

/* Long names and 30 metrics leave the first page a page. */
static void test_explain_fits_a_screen(void **state)
{
    (void)state;
    FILE *file = fopen("long.hn", "w");
    assert_non_null(file);
    fprintf(file, "data nothing = rows(100)\n"
                  "hyper lam { a_hyperparameter_with_a_very_long_name_indeed_that_goes_on: range(0, 0.5) = 0.25 }\n"
                  "net point() -> f32[2] {\n  weight x: f32[2] = 1\n  return x\n}\nweights point = stn(lam)\n"
                  "objective an_objective_with_a_rather_long_name_that_nobody_should_write_or_read(d) =\n"
                  "  sum(square(point() - lam.a_hyperparameter_with_a_very_long_name_indeed_that_goes_on), axis: 0)\n");
    for (int i = 0; i < 30; i++)
        fprintf(file, "objective metric%d(d) = sum(square(point() - %d), axis: 0)\n", i, i);
    fprintf(file,
            "train a_train_with_a_long_name_that_is_hard_to_type = bilevel(lam) {\n"
            "  lower an_objective_with_a_rather_long_name_that_nobody_should_write_or_read(nothing.train) by adam(1e-3)\n"
            "  upper an_objective_with_a_rather_long_name_that_nobody_should_write_or_read(nothing.train) by adam(1e-3)\n"
            "  sample normal(scale: 0.5)\n  every 1 lower, 1 upper\n  batch 10\n  epochs 2\n  report metric0(nothing.train)");
    for (int i = 1; i < 30; i++)
        fprintf(file, ", metric%d(nothing.train)", i);
    fprintf(file, "\n}\n");
    fclose(file);
    check("explain long.hn 2>/dev/null", 0, "and others: 31 metrics in all");
    check_width();
    size_t lines = 0;
    for (const char *at = command_output(); (at = strchr(at, '\n')); at++)
        lines++;
    assert_in_range(lines, 20, 40);
}

static void test_wrong_usage(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *text;
    } cases[] = {
        {"buidl toy.hn", "did you mean 'build'?"},
        {"train toy.hn", "'train' is a command of the built program: hnc build toy.hn && ./toy train"},
        {"train toy.hn", "'hnc run toy.hn' does both"},
        {"eval folder/toy.hn --data .", "hnc build folder/toy.hn && ./toy eval"},
        {"predict", "'predict' is a command of the built program"},
        {"toy.hn", "hnc build toy.hn, hnc run toy.hn or hnc check toy.hn"},
        {"help nothing", "unknown command 'nothing'"},
        {"toy", "hnc build toy.hn, hnc run toy.hn or hnc check toy.hn"},
        {"build", "no input file"},
        {"build toy.hn more.hn", "one input file, not also 'more.hn'"},
        {"build --frobnicate toy.hn", "unknown option '--frobnicate'; flags of the built program are given to the program"},
        {"build --trian tune toy.hn", "unknown option '--trian'; did you mean '--train'?"},
        {"check --trian=tune toy.hn", "did you mean '--train'?"},
        {"check --trian=tune toy.hn", "Try 'hnc check --help'"},
        {"build toy.hn -o", "option '-o' needs a value"},
        {"build toy.hn --gradients", "option '--gradients' does not belong to this command, but to check"},
        {"check toy.hn -O2", "option '-O' does not belong to this command"},
        {"build toy.hn -O4", "-O4: the level is 0, 1, 2 or 3"},
        {"build toy.hn --emit=exe,foo", "--emit=exe,foo: kinds are exe, obj, asm, llvm, ir, ast"},
        {"build toy.hn --emit=", "kinds are exe, obj, asm, llvm, ir, ast"},
        {"build toy.hn --float=f16",
         "--float=f16: 'f32' in the file means f32 (single precision, the default) or f64 (double precision)"},
        {"build toy.hn --batch 0", "--batch 0: expected a whole number from 1 to 2147483647"},
        {"build toy.hn --batch 12x", "--batch 12x: expected a whole number"},
        {"build toy.hn -D width", "-D width: expected NAME=VALUE"},
        {"build toy.hn -W unused", "-W unused: expected error, no-unused-hyper, no-same-split"},
        {"check toy.hn -Wno-errors", "-W no-errors: expected error"},
        {"check toy.hn -Wno-same-splt", "-W no-same-splt: did you mean 'no-same-split'?"},
        {"opt toy.ir -Werror", "option '-W' does not belong to this command"},
        {"build toy.hn --cpu=pentium99", "unknown processor 'pentium99'; usual ones are"},
        {"build toy.hn --blas=mkl", "--blas=mkl: expected openblas or builtin"},
        {"build toy.hn --blas=", "--blas=: expected openblas or builtin"},
        {"explain toy.hn --blas=builtin", "option '--blas' does not belong to this command"},
        {"build toy.hn --print-after=symplify", "--print-after=symplify: did you mean 'simplify'?"},
        {"build toy.hn --print-after=nopass", "--print-after=nopass: expected all, lower, weights, conditions, batch, simplify"},
        {"opt toy.ir --print-after=nopass", "--print-after=nopass: expected all, simplify"},
        {"build toy.hn -- --epochs 3", "'--' only separates the flags of `hnc run`"},
        {"build toy.hn -o toy.hn", "the output 'toy.hn' is the input"},
        {"build toy.hn --emit=ir -o -", "-o -: expected the name of a file"},
        {"run toy.hn --epochs 3", "unknown option '--epochs'; flags of the program's `train` go behind --"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].arguments, 2, cases[i].text);
    assert_false(exists("toy"));
}

/* HNC_CPU stands for the --cpu of programs, not of code to be shipped. */
static void test_processor_of_environment(void **state)
{
    (void)state;
    static const char wrong[] = "HNC_CPU=pentium99 '%s/hnc' %s", said[] = "HNC_CPU: unknown processor 'pentium99'";
    assert_int_equal(run_command(wrong, HNC_BINARY_DIR, "build toy.hn"), 2);
    assert_true(output_has(said));
    assert_int_equal(run_command(wrong, HNC_BINARY_DIR, "run toy.hn"), 2);
    assert_true(output_has(said));
    assert_int_equal(run_command(wrong, HNC_BINARY_DIR, "explain toy.hn"), 0);
    assert_int_equal(run_command(wrong, HNC_BINARY_DIR, "build toy.hn --emit=ir --cpu=x86-64-v3"), 0);
    assert_int_equal(run_command(wrong, HNC_BINARY_DIR, "check toy.hn"), 0);
    assert_int_equal(run_command(wrong, HNC_BINARY_DIR, "aot toy.hn --weights missing.safetensors -o shipped"), 1);
    assert_true(output_has("missing.safetensors"));
    assert_int_equal(run_command("HNC_CPU=x86-64-v2 '%s/hnc' build toy.hn --emit=llvm -o older", HNC_BINARY_DIR), 0);
    assert_int_equal(run_command("grep -q '\"target-cpu\"=\"x86-64-v2\"' older.ll"), 0);
}

static void test_wrong_input(void **state)
{
    (void)state;
    check("build missing.hn", 1, "cannot read 'missing.hn': No such file or directory");
    check("explain missing.hn", 1, "cannot read 'missing.hn'");
    check("run missing.hn", 1, "cannot read 'missing.hn'");
    check("build /", 1, "cannot read '/'");
    check("build toy.hn --train tuen", 1, "there is no train 'tuen'");
    assert_true(output_has("did you mean 'tune'?"));
    check("build toy.hn --train nothing", 1, "the trains of the file: tune");
    check("build toy", 1, "did you mean 'toy.hn'?");
    check("build toy.hn -D some=20", 1, "the constants of the file: width");
    check("build toy.hn -D widht=20", 1, "the file declares no constant 'widht'");
    check("build toy.hn -D width=wide", 1, "-D width=wide: the value is not a number");
    check("build toy.hn -D width=0", 1, "error");
    assert_int_equal(run_command("sed 's/softmax(/sotfmax(/' toy.hn > wrong.hn"), 0);
    check("check wrong.hn", 1, "did you mean 'softmax'?");
    assert_true(output_has("wrong.hn:42:25: error"));
}

/* A warning is said and the program built; it can be left out, and all can be errors. */
static void test_warnings(void **state)
{
    (void)state;
    static const char name[] = "[W2 same-split]";
    assert_int_equal(run_command("sed 's/toy.valid/toy.train/; /^train fixed/,/^}/d' toy.hn > same.hn"), 0);
    check("check same.hn", 0, name);
    check("build same.hn --emit=ir -o same", 0, name);
    assert_true(exists("same.ir"));
    static const char *const silent[] = {"-W no-same-split", "-Wno-same-split", "-Werror -W no-same-split",
                                         "-Wno-same-split -Werror"};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "check same.hn %s", silent[i]);
        check(arguments, 0, "no errors");
        assert_false(output_has("W2"));
    }
    check("check same.hn -W no-unused-hyper -Wno-same-split -W same-split", 0, name);
    assert_int_equal(run_command("rm same.ir"), 0);
    check("build same.hn -Werror --emit=ir -o same", 1, "error: the hyperparameters are tuned on the examples");
    assert_false(exists("same.ir"));
    check("explain same.hn -W error", 1, name);
    check("--help", 0, "W2 same-split");
}

/* Tensors that grow beyond a limit only in a batch, in a weight form, or where products are joined. */
static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *edit, *text;
    } cases[] = {
        {"s/batch   32/batch 100/; s/(h, width)/(h, 80000000)/", "limits.hn:17: error: in 'tune.lower', this makes f32[100, "
                                                                 "80000000], which is too large (limit is 2147483647 elements)"},
        {"s/  h = dropout/  h = reshape(image, [1, 1, 1, 1, 1, 1, 8, 8]) * 2 ; h = dropout/; s/flatten(image)/flatten(h)/",
         "limits.hn:16: error: in 'tune.lower', u8[1, 1, 1, 1, 1, 1, 8, 8] has no axis left for the batch (limit is 8 axes)"},
        {"s/shared/shared ; more: real[40000] = 0/; s/(h, width)/(h, 80000)/",
         "limits.hn:20: error: in 'classifier.linear2.w.value', this makes f32[40002, 80000], which is too large"},
        {"s/return .*/return linear(linear(h, 100000000), 4) + linear(linear(h, 100000000), 4)/; s/stn(lam)/free/; "
         "s/tune = bilevel(lam)/tune = fit/; s/lower/minimise/; /upper/d; /sample/d; /every/d; s/  32/  16/",
         "limits.hn:17: error: in 'tune.minimise', this makes f32[200000000, 12], which is too large"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(run_command("sed '/train fixed/,$d; %s' toy.hn > limits.hn", cases[i].edit), 0);
        check("check limits.hn", 1, cases[i].text);
    }
}

static void test_wrong_output(void **state)
{
    (void)state;
    assert_int_equal(run_command("mkdir -p folder; ln -s /dev/full full.ir; ln -s toy.hn link.hn; cp toy.hn self.o"), 0);
    check("build toy.hn -O0 -o folder", 1, "cannot write 'folder'");
    check("build toy.hn -o /nonexistent/out", 1, "cannot write '/nonexistent/out': No such file or directory");
    check("build toy.hn --emit=ir -o /nonexistent/out", 1, "cannot write '/nonexistent/out.ir': No such file or directory");
    check("build toy.hn --emit=ir -o full", 1, "cannot write 'full.ir': No space left on device");
    check("build link.hn -o toy.hn", 2, "the output 'toy.hn' is the input");
    check("build self.o -o self --save-temps", 2, "the output 'self.o' is the input");
    assert_true(same_files("toy.hn", "self.o"));
    assert_false(exists("folder.o"));
    /* whole or not at all: a limit on the size of files fails writes as a full disk does */
    check("build toy.hn --emit=ir -o kept", 0, "");
    assert_int_equal(run_command("cp kept.ir before.ir"), 0);
    static const char *const writes[] = {"build toy.hn --emit=ir -o kept", "opt kept.ir -o kept.ir"};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        assert_int_equal(run_command("trap '' XFSZ; ulimit -f 4; '%s/hnc' %s", HNC_BINARY_DIR, writes[i]), 1);
        assert_true(output_has("cannot write 'kept.ir': File too large"));
        assert_true(same_files("kept.ir", "before.ir"));
    }
    static const char *const printing[] = {"--help", "check toy.hn", "explain toy.hn", "opt kept.ir"};
    for (size_t i = 0; i < sizeof printing / sizeof *printing; i++) {
        assert_int_equal(run_command("'%s/hnc' %s >/dev/full", HNC_BINARY_DIR, printing[i]), 1);
        assert_true(output_has("cannot write to standard output: No space left on device"));
    }
}

/* The temporary object of an executable does not overwrite OUT.o. */
static void test_neighbours_are_left_alone(void **state)
{
    (void)state;
    assert_int_equal(run_command("echo mine > toy.o; ls > .before"), 0);
    check("build toy.hn -O0", 0, "");
    assert_int_equal(run_command("ls | grep -vx toy > .after; grep -x mine toy.o && cmp .before .after"), 0);
}

static void test_emit(void **state)
{
    (void)state;
    check("build toy.hn -O0 -o all --emit=exe,obj,asm,llvm,ir,ast", 0, "");
    static const char *const files[][2] = {
        {"all.ir", "module"}, {"all.ast", "net classifier"}, {"all.ll", "define"}, {"all.s", ".text"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t size;
        char *text = read_file(files[i][0], &size);
        assert_non_null(text);
        assert_non_null(strstr(text, files[i][1]));
        free(text);
    }
    assert_true(exists("all.o"));
    assert_int_equal(run_command("grep -q 'label: class\\[4\\]' all.ast && grep -q 'split train 640' all.ast"), 0);
    assert_int_equal(run_command("./all info"), 0);
    check("build toy.hn -o only --emit=ast", 0, "");
    assert_true(exists("only.ast") && !exists("only") && !exists("only.o") && !exists("only.ir"));
}

/* Two builds give equal bytes; intermediate files stay only if asked for. */
static void test_reproducible(void **state)
{
    (void)state;
    check("build toy.hn -o first --save-temps", 0, "");
    check("build toy.hn -o second --time-passes", 0, "frontend");
    assert_true(exists("first.o") && !exists("second.o"));
    check("build toy.hn -o second --emit=obj", 0, "");
    assert_true(same_files("first.o", "second.o"));
    check("build toy.hn -o second --emit=obj --batch 31", 0, "");
    assert_false(same_files("first.o", "second.o"));
}

static void test_options_change_the_model(void **state)
{
    (void)state;
    check("explain --plan toy.hn", 0, "f32[12, 64]");
    check("explain --plan toy.hn -D width=20", 0, "f32[20, 64]");
    check("explain toy.hn --batch 7", 0, "batches of 7");
    check("explain toy.hn --float=f64", 0, "model toy, f64");
    check("explain toy.hn --train fixed", 0, "train fixed: bilevel, 2 epochs");
    check("explain toy.hn", 0, "bytes of scratch");
    check("build toy.hn --train fixed --emit=ir", 0, "");
    assert_int_equal(run_command("grep -q 'func @fixed.lower(' toy.ir"), 0);
    assert_int_equal(run_command("grep -q 'func @tune' toy.ir"), 1);
}

static void test_passes_shown_and_verified(void **state)
{
    (void)state;
    check("build toy.hn --emit=ir -o shown --print-after=all --verify-each", 0, "# after lower");
    static const char *const stages[] = {"weights",       "conditions", "batch", "factor", "merge",
                                         "differentiate", "simplify",   "cse",   "dce"};
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        char command[96];
        snprintf(command, sizeof command, "check toy.hn --print-after=%s", stages[i]);
        check(command, 0, stages[i]);
        assert_null(strstr(command_output(), "# after lower"));
    }
}

/* The IR that build emits is finished: opt gives its text back unchanged, and the clean-up passes find nothing left to do. */
static void test_opt(void **state)
{
    (void)state;
    check("build toy.hn --emit=ir", 0, "");
    check("opt toy.ir -o same.ir", 0, "");
    assert_true(same_files("toy.ir", "same.ir"));
    check("opt --passes=simplify,cse,dce --verify-each toy.ir -o clean.ir", 0, "");
    assert_true(same_files("toy.ir", "clean.ir"));
    check("opt --passes=simplify,cse,dce clean.ir", 0, "func @tune.lower(");
    check("opt --passes=simplify,frob toy.ir", 2, "unknown pass 'frob'; passes are simplify, outer, cse");
    check("opt toy.ir -o /nonexistent/out", 1, "cannot write '/nonexistent/out'");
    check("opt toy.hn", 1, "toy.hn:2:1: error");
    check("opt missing.ir", 1, "cannot read 'missing.ir'");
}

static void test_check(void **state)
{
    (void)state;
    check("check toy.hn", 0, "toy.hn: no errors");
    check("check --gradients toy.hn", 0, "tune.upper.gradients");
    assert_null(strstr(command_output(), "WRONG"));
}

/* What `hnc check --gradients` says of the losses of toy.hn after an edit. */
static void read_losses(const char *edit, char *losses, size_t size)
{
    int status = run_command(
        "sed '/train fixed/,/^}/d; %s' toy.hn > edited.hn; '%s/hnc' check -W no-unused-hyper --gradients edited.hn > all; "
        "status=$?; grep loss all; exit $status",
        edit, HNC_BINARY_DIR);
    if (status != 0)
        fail_msg("hnc check --gradients, after %s: exit status %d:\n%s", edit, status, command_output());
    snprintf(losses, size, "%s", command_output());
}

/* A hyperparameter that the train does not tune is a constant: another group's, and under `fit` any. */
static void test_untuned_hyperparameters(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"s/^net/hyper mu { drop: rate(0, 0.5) = 0.4 } ; net/; s/lam.drop/mu.drop/", "s/lam.drop/0.4/"},
        {"s/tune = bilevel(lam)/tune = fit/; s/lower/minimise/; /upper/d; /sample/d; /every/d; s/stn(lam)/free/",
         "s/tune = bilevel(lam)/tune = fit/; s/lower/minimise/; /upper/d; /sample/d; /every/d; s/stn(lam)/free/; "
         "s/lam.drop/0.05/"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char losses[2][256];
        for (size_t side = 0; side < 2; side++)
            read_losses(pairs[i][side], losses[side], sizeof losses[side]);
        assert_string_equal(losses[0], losses[1]);
        assert_non_null(strstr(losses[0], "loss 1."));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_help, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_explain_fits_a_screen, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_usage, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_processor_of_environment, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_input, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_warnings, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_output, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_neighbours_are_left_alone, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_emit, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_reproducible, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_options_change_the_model, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_passes_shown_and_verified, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_opt, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_check, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_untuned_hyperparameters, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
