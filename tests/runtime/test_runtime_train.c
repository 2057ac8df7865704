/* A built model's command line: training, its files, and every refusal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/abi/frame.h"
#include "runtime/core/manifest.h"
#include "tests/runtime/run_command.h"
#include "tests/runtime/toy_data.h"

#define TOY TOY_FOLDER "/toy"

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    mkdir("data", 0777);
    write_toy_data("data");
    return 0;
}

/* Line `number` of a run's metrics.jsonl. */
static json_t *read_event(const char *path, int number)
{
    FILE *file = fopen(path, "r");
    char line[4096];
    json_t *event = NULL;
    assert_non_null(file);
    for (int i = 0; fgets(line, sizeof line, file) && !event; i++)
        if (i == number)
            event = json_loads(line, 0, NULL);
    fclose(file);
    return event;
}

static double number_in(const json_t *object, const char *key)
{
    if (!json_is_number(json_object_get(object, key)))
        fail_msg("no number '%s'", key);
    return json_number_value(json_object_get(object, key));
}

static void test_training_learns_and_reports(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out run"), 0);
    assert_true(output_has("  6/6  "));
    assert_true(output_has("\nended      after 72 steps (6 epochs) in "));
    assert_true(output_has(" of training: all planned steps are done\n"));
    json_t *first = read_event("run/metrics.jsonl", 0), *last = read_event("run/metrics.jsonl", 5);
    assert_null(read_event("run/metrics.jsonl", 6));
    assert_true(number_in(last, "loss.lower") < 0.2 * number_in(first, "loss.lower"));
    assert_true(number_in(last, "fit(toy.valid)") < number_in(first, "fit(toy.valid)"));
    assert_int_equal(number_in(last, "step"), 72); /* 6 epochs of 100 / 8 */
    assert_int_equal(number_in(last, "epoch"), 6);
    assert_int_equal(number_in(last, "steps.upper"), 40); /* 60 steps after the warm-up, 2 every 3 */
    assert_true(number_in(last, "grad_norm.lower") > 0 && number_in(last, "loss.upper") > 0);
    assert_true(number_in(last, "lam.decay") > 0 && number_in(last, "lam.decay.sigma") == 0.5);
    assert_null(json_object_get(first, "loss.upper"));

    json_t *result = json_load_file("run/result.json", 0, NULL), *config = json_load_file("run/config.json", 0, NULL);
    assert_int_equal(number_in(result, "steps"), 72);
    assert_true(number_in(json_object_get(json_object_get(result, "last"), "metrics"), "fit(toy.valid)") ==
                number_in(last, "fit(toy.valid)"));
    assert_true(number_in(json_object_get(result, "best"), "value") <= number_in(last, "fit(toy.valid)") + 1e-6);
    assert_true(number_in(result, "peak_rss_bytes") > 1e6 && number_in(result, "steps_per_second") > 0);
    assert_int_equal(number_in(config, "epoch_steps"), 12);
    assert_int_equal(number_in(json_object_get(config, "splits"), "toy.valid"), 35);
    json_decref(first);
    json_decref(last);
    json_decref(result);
    json_decref(config);
}

static void test_evaluation_is_masked_and_exact(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out run --quiet"), 0);
    assert_null(strchr(command_output(), '\n')[1] ? command_output() : NULL); /* the closing line only */
    json_t *last = read_event("run/metrics.jsonl", 5);
    /* Batches of 4 instead of 8, 35 rows: another padding, the same value. */
    for (int other = 0; other < 2; other++) {
        assert_int_equal(run_command("%s eval --weights run/last.safetensors --data data --json", other ? TOY "_batch" : TOY), 0);
        json_t *metrics = json_loads(command_output(), 0, NULL);
        assert_true(number_in(metrics, "fit(toy.valid)") == number_in(last, "fit(toy.valid)"));
        json_decref(metrics);
    }
    assert_int_equal(run_command("HNC_DATA=data " TOY " eval --weights run/best.safetensors"), 0);
    assert_true(output_has("fit(toy.valid) 0.0"));
    json_decref(last);
}

static void test_equal_seeds_equal_bits(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out a --seed 5 && " TOY " train --data data --out b --seed 5 && " TOY
                                     " train --data data --out c --seed 6"),
                     0);
    assert_true(same_files("a/last.safetensors", "b/last.safetensors"));
    assert_true(same_files("a/best.safetensors", "b/best.safetensors"));
    assert_false(same_files("a/last.safetensors", "c/last.safetensors"));
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out steps --steps 30"), 0);
    json_t *last = read_event("steps/metrics.jsonl", 2); /* epochs end after 12 and 24, the run in the third */
    assert_int_equal(number_in(last, "step"), 30);
    assert_true(number_in(last, "epoch") == 2.5);
    json_decref(last);
    assert_int_equal(run_command(TOY " train --data data --out epochs --epochs 2"), 0);
    assert_true(output_has("24 steps (2 epochs)"));
    assert_int_equal(run_command("TOY_SLEEP=2000 " TOY " train --data data --out seconds --epochs 100000 --seconds 0.2"), 0);
    assert_true(output_has(": its 0.2 s of training are over\n"));
    assert_int_equal(run_command(TOY " train --data data --out none --steps 0"), 0);
    assert_int_equal(run_command(TOY " train --data data --out many --epochs 2000000000"), 1);
    assert_true(output_has("too many"));
}

static void test_fit_without_selection(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY "_fit train --data data"), 0);
    json_t *event = read_event("runs/toy-tune-1/metrics.jsonl", 5);
    assert_true(number_in(event, "loss.minimise") > 0);
    json_decref(event);
    /* The last is the best: equal but for the file's own end marks. */
    assert_true(same_files("runs/toy-tune-1/best.safetensors", "runs/toy-tune-1/last.safetensors"));
}

static void test_nothing_allocates_between_steps(void **state)
{
    (void)state;
    assert_int_equal(run_command("TOY_STRICT=1 " TOY " train --data data --out run"), 0);
}

/* The kernels of 2004 that OpenBLAS falls back to on a processor it does not know are not accepted. */
static void test_blas_suits_the_processor(void **state)
{
    (void)state;
    if (access(TOY "_blas", X_OK) != 0) {
        print_message("skipped: OpenBLAS is not installed\n");
        skip();
    }
    assert_int_equal(run_command("env -u OPENBLAS_CORETYPE " TOY "_blas train --data data --out run --threads 2"), 0);
    json_t *result = json_load_file("run/result.json", 0, NULL);
    const char *core = json_string_value(json_object_get(result, "openblas"));
    assert_non_null(core);
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        assert_string_not_equal(core, "Prescott");
#endif
    json_decref(result);
    assert_int_equal(run_command("OPENBLAS_CORETYPE=Prescott " TOY "_blas train --data data --out chosen"), 0);
    result = json_load_file("chosen/result.json", 0, NULL);
    assert_string_equal(json_string_value(json_object_get(result, "openblas")), "Prescott"); /* the user's choice stands */
    json_decref(result);
}

static void test_progress_bar_on_a_terminal(void **state)
{
    (void)state;
    int terminal;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(child >= 0);
    if (child == 0) {
        setenv("TOY_SLEEP", "5000", 1);
        setenv("TOY_STRICT", "1", 1); /* the bar allocates nothing either */
        execl(TOY, "toy", "train", "--data", "data", "--out", "run", (char *)NULL);
        _exit(127);
    }
    char text[1 << 16];
    size_t length = 0;
    for (ssize_t got; length < sizeof text - 1 && (got = read(terminal, text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = '\0';
    int status;
    waitpid(child, &status, 0);
    close(terminal);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text, "steps/s"));
    assert_non_null(strstr(text, " left"));
    assert_non_null(strstr(text, "\r\033[K"));
}

static void test_nan_stops_and_keeps(void **state)
{
    (void)state;
    assert_int_equal(run_command("TOY_NAN_AT=30 " TOY " train --data data --out run"), 1);
    assert_true(output_has("toy: error: the loss of phase 'lower' of train tune is not a number (nan) at its step 30"));
    assert_true(output_has("run/last.safetensors"));
    assert_int_equal(run_command(TOY " train --data data --out reference --epochs 2"), 0);
    assert_int_equal(run_command(TOY " eval --weights run/last.safetensors --data data"), 0);
    json_t *second = read_event("run/metrics.jsonl", 1);
    assert_int_equal(number_in(second, "step"), 24);
    assert_null(read_event("run/metrics.jsonl", 2));
    json_decref(second);
    /* Without the fault the run continues from the checkpoint that was kept. */
    assert_int_equal(run_command(TOY " train --data data --out run --resume"), 0);
    assert_int_equal(run_command(TOY " train --data data --out whole"), 0);
    assert_true(same_files("run/last.safetensors", "whole/last.safetensors"));
}

static void test_refuses_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY), 2);
    assert_int_equal(run_command(TOY " trian"), 2);
    assert_int_equal(run_command(TOY " train --epoch 3"), 2);
    assert_true(output_has("'--epoch' is not a flag of 'train'; did you mean '--epochs'?"));
    assert_int_equal(run_command(TOY " train --batch 3"), 2);
    assert_true(output_has("chosen when the program is built, as in 'hnc build MODEL.hn --batch 64 -D CONST=VALUE'"));
    assert_int_equal(run_command(TOY " train -D width=3"), 2);
    assert_true(output_has("chosen when the program is built"));
    assert_int_equal(run_command(TOY " train --lr=0.1"), 2);
    assert_true(output_has("'--lr=0.1' is not a flag of 'train': this stands in the model file"));
    assert_int_equal(run_command(TOY " eval --out run"), 2);
    assert_true(output_has("'--out' is not a flag of 'eval', but of 'train'"));
    assert_int_equal(run_command(TOY " train --output run"), 2);
    assert_true(output_has("'--output' is not a flag of 'train'; did you mean '--out'?"));
    assert_int_equal(run_command(TOY " train --device cuda"), 2);
    assert_true(output_has("all code runs on the processors of the machine"));
    assert_int_equal(run_command(TOY " eval run/best.safetensors"), 2);
    assert_true(output_has("did you mean '--weights run/best.safetensors'?"));
    assert_int_equal(run_command(TOY " train data"), 2);
    assert_true(output_has("train takes no file, but got 'data'; did you mean '--data data'?"));
    assert_int_equal(run_command(TOY " --epochs 3"), 2);
    assert_true(output_has("'--epochs' is not a command: flags stand behind one"));
    assert_int_equal(run_command(TOY " train more"), 2);
    assert_true(output_has("train takes no file, but got 'more'"));
    assert_int_equal(run_command(TOY " info other"), 2);
    assert_true(output_has("info takes no file, but got 'other'"));
    assert_int_equal(run_command(TOY " train --out --resume"), 2);
    assert_true(output_has("--out expects a value"));
    assert_int_equal(access("--resume", F_OK), -1);
    assert_int_equal(run_command(TOY " eval"), 1);
    assert_true(output_has("eval needs --weights FILE: in runs/ there is no run of this model"));
    assert_int_equal(run_command(TOY " --help"), 0);
    assert_true(output_has("usage: toy train"));
    for (const char *line = command_output(); *line; line += strcspn(line, "\n"), line += *line == '\n')
        assert_in_range(strcspn(line, "\n"), 0, 100);     /* columns of a terminal */
    assert_int_equal(run_command(TOY " eval --help"), 0); /* of this command only */
    assert_true(output_has("usage: toy eval [--weights FILE]") && output_has("--json") && !output_has("--out"));
    assert_int_equal(run_command(TOY " help train"), 0);
    assert_true(output_has("usage: toy train") && output_has("--out RUNDIR") && !output_has("--json"));
    assert_int_equal(run_command(TOY " help trian"), 2);
    assert_int_equal(run_command(TOY " plot --help"), 0);
    assert_true(output_has("usage: toy plot [--out RUNDIR] [--png] [RUNDIR...]") && !output_has("--seed"));
    assert_int_equal(run_command(TOY " info"), 0);
    assert_true(output_has("toy.x: u8[4] from toy-x.gz"));
    assert_int_equal(run_command("(" TOY " info > /dev/full)"), 1);
}

static void test_weights_that_are_none(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out run --quiet"), 0);
    assert_int_equal(run_command(TOY " eval --data data --weights run/config.json"), 1);
    assert_true(output_has("run/config.json: is a text file, not a checkpoint; the checkpoints of a run are best.safetensors"));
    assert_int_equal(run_command(TOY " eval --data data --weights run"), 1);
    assert_true(output_has("run: is the folder of a run: name one of its checkpoints, best.safetensors or last.safetensors"));
    assert_int_equal(run_command("env -u HNC_DATA " TOY " eval --weights run/last.safetensors"), 1);
    assert_true(output_has("the run that wrote run/last.safetensors read its data from the folder data: --data data"));
    assert_int_equal(run_command(TOY " eval --data nowhere --weights run/last.safetensors"), 1);
    assert_false(output_has("read its data from")); /* a folder was named */
}

static void test_refuses_bad_surroundings(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data nowhere"), 1);
    assert_true(output_has("nowhere/toy-x.gz: No such file"));
    assert_int_equal(access("runs", F_OK), -1); /* nothing is created before the data is there */
    assert_int_equal(run_command(TOY " train --data data --out data/toy-y/run"), 1);
    assert_true(output_has("data/toy-y"));
    assert_int_equal(run_command(TOY " train --data data --out /proc/run"), 1);
    assert_true(output_has("/proc/run"));
    assert_int_equal(run_command(TOY "_abi info"), 1);
    char linked[64];
    snprintf(linked, sizeof linked, "version 1 of the runtime, but linked with version %d", HN_ABI_VERSION);
    assert_true(output_has(linked));
    assert_int_equal(run_command(TOY " train --data data --out run && " TOY " train --data data --out run"), 1);
    assert_true(output_has("already holds a run (last.safetensors); continue it with --resume"));
    write_file("data/toy-y", "\0\0\10\1\0\0\0\214\1\2\3", 11);
    assert_int_equal(run_command(TOY " train --data data --out other"), 1);
    assert_true(output_has("truncated"));
}

/* A run whose last checkpoint cannot be written ends with an error, also where an older one and the best one are there. */
static void test_last_checkpoint_must_be_written(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out run --epochs 2"), 0);
    assert_int_equal(run_command("mkdir run/last.safetensors.tmp; cp run/last.safetensors kept; " TOY
                                 " train --data data --out run --resume --epochs 4"),
                     1);
    assert_true(output_has("cannot create run/last.safetensors.tmp: File exists; the previous file is kept"));
    assert_true(same_files("run/last.safetensors", "kept"));
    assert_int_equal(access("run/result.json", F_OK), -1); /* it has not ended */
    assert_int_equal(run_command("rmdir run/last.safetensors.tmp; " TOY " train --data data --out run --resume"), 0);
}

/* A file size limit fails writes as a full disk does. */
static void test_full_disk(void **state)
{
    (void)state;
    assert_int_equal(run_command("ulimit -f 100; " TOY " train --data data --out run"), 1);
    assert_true(output_has("cannot write run/last.safetensors.tmp: File too large; no file was written"));
    assert_int_equal(access("run/last.safetensors", F_OK), -1);
    assert_int_equal(access("run/last.safetensors.tmp", F_OK), -1);
    assert_int_equal(run_command(TOY " train --data data --out run --epochs 2"), 0);
    assert_int_equal(
        run_command("cp run/last.safetensors kept; ulimit -f 100; " TOY " train --data data --out run --resume --epochs 4"), 1);
    assert_true(output_has("the previous file is kept"));
    assert_true(same_files("run/last.safetensors", "kept"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_training_learns_and_reports, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_evaluation_is_masked_and_exact, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_equal_seeds_equal_bits, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_fit_without_selection, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_allocates_between_steps, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_blas_suits_the_processor, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_progress_bar_on_a_terminal, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_nan_stops_and_keeps, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_wrong_usage, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_weights_that_are_none, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_bad_surroundings, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_last_checkpoint_must_be_written, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
