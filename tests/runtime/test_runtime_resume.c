/* Runs that are interrupted, killed and continued end with the same bits as runs that were left alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* Starts `toy train --resume --out run` and sends it `number` after a while; its wait status. */
static int train_until_signal(const char *epochs, int number, useconds_t delay)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("signal.out", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execl(TOY, "toy", "train", "--resume", "--data", "data", "--out", "run", "--epochs", epochs, (char *)NULL);
        _exit(127);
    }
    usleep(delay);
    kill(child, number);
    int status;
    waitpid(child, &status, 0);
    return status;
}

/* Everything but the times must agree. */
static void assert_same_run(const char *left, const char *right)
{
    char a[128], b[128];
    static const char *const files[] = {"last.safetensors", "best.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(a, sizeof a, "%s/%s", left, files[i]);
        snprintf(b, sizeof b, "%s/%s", right, files[i]);
        assert_true(same_files(a, b));
    }
    assert_int_equal(run_command("for r in %s %s; do sed 's/\"seconds\": [^,]*,//' $r/metrics.jsonl > $r.events; done; "
                                 "cmp %s.events %s.events",
                                 left, right, left, right),
                     0);
}

static unsigned microseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)(now.tv_sec % 1000) * 1000000u + (unsigned)(now.tv_nsec / 1000);
}

/* Kills runs at random moments, each within the time that a run takes on this machine, until `kills` kills have hit a run that
 * had begun. Each run that finishes, and the last one, must equal the undisturbed run. */
static void kill_and_resume(const char *epochs, int kills)
{
    unsigned begin = microseconds_now();
    assert_int_equal(run_command(TOY " train --data data --out whole --epochs %s", epochs), 0);
    unsigned longest = (microseconds_now() + 1000000000u - begin) % 1000000000u, random = (unsigned)getpid();
    print_message("random moments from %u, within %u us\n", random, longest);
    int killed = 0;
    for (int attempts = 0; killed < kills; attempts++) {
        assert_in_range(attempts, 0, 50 * kills);
        random = random * 1664525u + 1013904223u;
        int status = train_until_signal(epochs, SIGKILL, (random >> 8) % longest);
        if (WIFSIGNALED(status)) {
            killed += access("run/last.safetensors", F_OK) == 0;
            continue;
        }
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_same_run("run", "whole");
        assert_int_equal(run_command("rm -r run"), 0);
        longest -= longest / 8; /* this run was faster than the one that was measured */
    }
    assert_int_equal(run_command(TOY " train --resume --data data --out run --epochs %s", epochs), 0);
    assert_same_run("run", "whole");
}

/* Steps that take time: most kills hit one. */
static void test_killed_in_steps(void **state)
{
    (void)state;
    setenv("TOY_SLEEP", "500", 1);
    kill_and_resume("8", 8);
    unsetenv("TOY_SLEEP");
}

/* Steps that take no time: nearly all time goes to checkpoints, and most kills hit one. */
static void test_killed_in_checkpoints(void **state)
{
    (void)state;
    kill_and_resume("40", 30);
}

/* Killed at each operation on a file in turn, in the middle of writes: every moment at which a file could be left half done. */
static void test_killed_at_each_file_operation(void **state)
{
    (void)state;
#ifdef HNC_SANITIZE
    print_message("skipped: the sanitizers own the calls that this test replaces\n");
    skip();
#endif
    assert_int_equal(run_command(TOY " train --data data --out whole --epochs 2"), 0);
    int operation = 1;
    while (run_command("TOY_KILL_AT=%d " TOY " train --data data --out run --epochs 2 --quiet", operation) == 128 + SIGKILL) {
        assert_int_equal(run_command(TOY " train --data data --out run --epochs 2 --quiet --resume"), 0);
        assert_same_run("run", "whole");
        assert_int_equal(access("run/result.json", F_OK), 0);
        assert_int_equal(run_command("rm -r run"), 0);
        operation++;
    }
    assert_in_range(operation, 50, 1000);
    assert_same_run("run", "whole");
}

static void test_interrupted_and_resumed(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    assert_int_equal(run_command(TOY " train --data data --out whole"), 0);
    setenv("TOY_SLEEP", "3000", 1);
    for (size_t i = 0; i < 2; i++) {
        int status = train_until_signal("6", signals[i], 150000);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 130);
        assert_int_equal(run_command("cat signal.out"), 0);
        assert_true(output_has("interrupted at step"));
        assert_true(output_has("toy train --resume --out run --data data"));
    }
    unsetenv("TOY_SLEEP");
    assert_int_equal(run_command(TOY " train --resume --data data --out run"), 0); /* the plan comes from the checkpoint */
    assert_same_run("run", "whole");
    assert_int_equal(run_command(TOY " train --resume --data data --out run"), 0);
    assert_true(output_has("the run in run is finished"));
    assert_same_run("run", "whole");
}

/* The advice is a command that can be given as it stands. */
static void test_advice_quotes_paths(void **state)
{
    (void)state;
    assert_int_equal(run_command("mkdir 'it'\\''s data' && cp data/* 'it'\\''s data' && cp " TOY " 'a toy'"), 0);
    assert_int_equal(
        run_command("TOY_SLEEP=20000 './a toy' train --quiet --data \"it's data\" --out 'a run; exit 3' > out & child=$!; "
                    "sleep 0.3; kill $child; wait $child"),
        130);
    assert_int_equal(run_command("cat out"), 0);
    assert_true(output_has("continue with: './a toy' train --resume --out 'a run; exit 3' --data 'it'\\''s data'\n"));
    assert_int_equal(run_command("eval \"$(sed -n 's/.*continue with: //p' out)\""), 0);
    assert_true(output_has("all planned steps are done"));
    assert_true(output_has(" --weights 'a run; exit 3/best.safetensors' --data 'it'\\''s data'\n"));
}

static void test_resume_keeps_seed_and_threads(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out whole --seed 9 --threads 2"), 0);
    assert_int_equal(run_command("TOY_NAN_AT=40 " TOY " train --data data --out run --seed 9 --threads 2"), 1);
    assert_int_equal(run_command(TOY " train --data data --out run --resume"), 0);
    assert_same_run("run", "whole");
}

static void test_resume_refuses_other_runs(void **state)
{
    (void)state;
    assert_int_equal(run_command("TOY_NAN_AT=40 " TOY " train --data data --out run"), 1);
    assert_int_equal(run_command("cp run/last.safetensors kept"), 0);
    assert_int_equal(run_command(TOY " train --data data --out run --resume --seed 1"), 1);
    assert_true(output_has("belongs to a run with --seed 0, not 1"));
    assert_int_equal(run_command(TOY "_batch train --data data --out run --resume"), 1);
    assert_true(output_has("batches of 8 examples; this model was compiled for 4"));
    assert_int_equal(run_command(TOY "_other train --data data --out run --resume"), 1);
    assert_true(output_has("belongs to another model"));
    assert_int_equal(run_command(TOY "_other eval --weights run/last.safetensors --data data"), 1);
    assert_true(output_has("when its weights were others: it does not have the tensor net.v"));
    assert_true(same_files("run/last.safetensors", "kept"));
    assert_int_equal(run_command("head -c 1000 kept > run/last.safetensors; " TOY " train --data data --out run --resume"), 1);
    assert_true(output_has("run/last.safetensors: truncated"));
}

static void test_resume_refuses_other_data(void **state)
{
    (void)state;
    size_t size;
    assert_int_equal(run_command(TOY " train --data data --out whole"), 0);
    assert_int_equal(run_command("TOY_NAN_AT=40 " TOY " train --data data --out run"), 1);
    assert_int_equal(
        run_command("cp run/last.safetensors kept; mkdir other; gunzip -c data/toy-x.gz > other/toy-x; cp data/toy-y other"), 0);
    char *bytes = read_file("other/toy-x", &size);
    static const size_t places[] = {12, 12 + 7, 12 + 64,
                                    12 + 65}; /* in each half of a word, in the first and in the second stride */
    for (size_t i = 0; i <= sizeof places / sizeof places[0]; i++) {
        size_t place = i < sizeof places / sizeof places[0] ? places[i] : size - 1;
        bytes[place] ^= 1;
        write_file("other/toy-x", bytes, size);
        assert_int_equal(run_command(TOY " train --data other --out run --resume"), 1);
        assert_true(
            output_has("run/last.safetensors belongs to a run on other data: the files of the data set toy have changed"));
        bytes[place] ^= 1;
    }
    assert_true(same_files("run/last.safetensors", "kept"));
    write_file("other/toy-x", bytes, size);
    free(bytes);
    assert_int_equal(run_command(TOY " train --data other --out run --resume"), 0); /* the same examples, not in the same file */
    assert_same_run("run", "whole");
}

/* Weights that were deleted come back with the next better evaluation, and the run says that they are gone. */
/* The first number of the padding, where toy_call counts its calls. */
static float calls_counted(const char *path)
{
    size_t size;
    float count;
    uint64_t header;
    char *bytes = read_file(path, &size);
    assert_non_null(bytes);
    memcpy(&header, bytes, sizeof header);
    char *padding = strstr(bytes + 8, "\"padding\":");
    assert_non_null(padding);
    char *offset = strstr(padding, "\"data_offsets\":[");
    assert_non_null(offset);
    memcpy(&count, bytes + 8 + header + strtoul(offset + strlen("\"data_offsets\":["), NULL, 10), sizeof count);
    free(bytes);
    return count;
}

/* A function that is called once per epoch, however often the run is left. */
static void test_calls_are_counted_once(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY_FOLDER "/toy_call info"), 0);
    assert_true(output_has("    call tune.note, every epoch\n"));
    assert_int_equal(run_command(TOY_FOLDER "/toy_call train --data data --out whole --epochs 7"), 0);
    assert_true(calls_counted("whole/last.safetensors") == 7);
    assert_int_equal(run_command(TOY_FOLDER "/toy_call train --data data --out run --epochs 2"), 0);
    assert_true(calls_counted("run/last.safetensors") == 2);
    assert_int_equal(run_command(TOY_FOLDER "/toy_call train --data data --out run --epochs 7 --resume"), 0);
    assert_true(calls_counted("run/last.safetensors") == 7);
    for (int operation = 8; operation < 32; operation += 6) {
        run_command("rm -rf run; TOY_KILL_AT=%d " TOY_FOLDER "/toy_call train --data data --out run --epochs 7", operation);
        assert_int_equal(run_command(TOY_FOLDER "/toy_call train --data data --out run --epochs 7 --resume"), 0);
        assert_same_run("whole", "run");
    }
}

static void test_best_weights_are_gone(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out run --epochs 4"), 0);
    assert_false(output_has("is gone"));
    assert_int_equal(run_command("rm run/best.safetensors; " TOY " train --resume --data data --out run"), 0);
    assert_true(output_has(
        "note: run/best.safetensors, which was written after evaluation 4, is gone; only an evaluation that is better"));
    assert_false(access("run/best.safetensors", F_OK) == 0);
    assert_int_equal(run_command(TOY " train --resume --data data --out run --epochs 6"), 0);
    assert_true(output_has("is gone"));
    assert_int_equal(access("run/best.safetensors", F_OK), 0);
    assert_int_equal(run_command(TOY " train --resume --data data --out run"), 0);
    assert_false(output_has("is gone"));
}

/* Two processes may not write into one folder. */
static void test_one_process_a_folder(void **state)
{
    (void)state;
    assert_int_equal(run_command("TOY_SLEEP=20000 " TOY " train --data data --out run --quiet & child=$!; sleep 0.5; " TOY
                                 " train --data data --out run --resume; status=$?; kill $child; wait $child; exit $status"),
                     1);
    assert_true(output_has("another process is training in run"));
}

static void test_foreign_metrics_are_cut(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out whole"), 0);
    assert_int_equal(run_command("TOY_NAN_AT=40 " TOY " train --data data --out run"), 1);
    assert_int_equal(run_command("seq 2000 >> run/metrics.jsonl"), 0);
    assert_int_equal(run_command(TOY " train --data data --out run --resume"), 0);
    assert_same_run("run", "whole");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_in_steps, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_killed_in_checkpoints, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_killed_at_each_file_operation, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_interrupted_and_resumed, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_advice_quotes_paths, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_resume_keeps_seed_and_threads, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_resume_refuses_other_runs, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_resume_refuses_other_data, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_calls_are_counted_once, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_best_weights_are_gone, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_one_process_a_folder, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_metrics_are_cut, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
