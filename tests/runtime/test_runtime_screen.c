/* What a run says on stdout: its header, the table, the progress, the end; where its folder is; and checkpoints within epochs,
 * which the next run's header shows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/run/screen.h"
#include "runtime/run/progress_table.h"
#include "run_command.h"
#include "toy_data.h"

#define TOY TOY_FOLDER "/toy"

/* What compiled code would define; no function is called here. */
const char hn_manifest[] = "";
void (*const hn_functions[1])(void) = {NULL};

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    mkdir("data", 0777);
    write_toy_data("data");
    return 0;
}

/* ---- texts ---- */

static void test_durations_and_counts(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } durations[] = {{0, "0.0 s"},      {7.26, "7.3 s"},      {59.94, "59.9 s"},  {59.96, "1:00"},   {754, "12:34"},
                     {3723, "1:02:03"}, {359999, "99:59:59"}, {360000, "4d 04h"}, {8.6e6, "99d 12h"}};
    char text[DURATION_SIZE], count[COUNT_SIZE];
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        assert_string_equal(screen_duration(durations[i].seconds, text), durations[i].text);
        assert_true(strlen(text) <= 8);
    }
    assert_string_equal(screen_count(1, "epoch", count), "1 epoch");
    assert_string_equal(screen_count(0, "step", count), "0 steps");
    assert_string_equal(screen_count(2.5, "epoch", count), "2.5 epochs");
    assert_string_equal(screen_count(1234567890, "step", count), "1234567890 steps");
}

/* ---- the table ---- */

enum { METRICS = 30, HYPERS = 20 };

/* A model with far more to show than a line holds. */
typedef struct Wide {
    char names[METRICS + HYPERS][64];
    MetricInfo metrics[METRICS];
    TensorInfo outputs[HYPERS], step[2];
    FunctionInfo functions[2];
    PhaseInfo phase;
    TrainInfo train;
    Manifest manifest;
    RunPlan plan;
} Wide;

static void make_wide(Wide *wide, size_t metrics, size_t hypers, int64_t epochs)
{
    memset(wide, 0, sizeof *wide);
    for (size_t i = 0; i < metrics; i++) {
        snprintf(wide->names[i], sizeof wide->names[i],
                 i % 3 ? "m%zu(set.valid)" : "a_metric_with_a_very_long_name_%zu(set.test)", i);
        wide->metrics[i] = (MetricInfo){.name = wide->names[i]};
    }
    for (size_t i = 0; i < hypers; i++) {
        snprintf(wide->names[METRICS + i], sizeof wide->names[METRICS + i], "lam.h%zu", i);
        wide->outputs[i] = (TensorInfo){.name = wide->names[METRICS + i], .rank = i == 1};
    }
    wide->step[0] = (TensorInfo){.name = "loss"};
    wide->step[1] = (TensorInfo){.name = "rate"};
    wide->functions[0] = (FunctionInfo){.outputs = wide->step, .output_count = 2};
    wide->functions[1] = (FunctionInfo){.outputs = wide->outputs, .output_count = hypers};
    wide->phase = (PhaseInfo){.name = "minimise"};
    wide->train = (TrainInfo){
        .phases = &wide->phase, .phase_count = 1, .metrics = wide->metrics, .metric_count = metrics, .select = 0, .hypers = 1};
    wide->manifest = (Manifest){.functions = wide->functions, .function_count = 2, .train = &wide->train};
    wide->plan = (RunPlan){.epoch_steps = 390, .total_steps = 390 * epochs};
}

/* Everything that the table of a run prints on a screen of that width, in the file "table". */
static void print_table(const Wide *wide, int columns, ProgressTable *table)
{
    fflush(stdout);
    int before = dup(STDOUT_FILENO);
    assert_non_null(freopen("table", "w", stdout));
    json_t *event = json_object();
    json_object_set_new(event, "step", json_real(0.99 * (double)wide->plan.total_steps));
    json_object_set_new(event, "loss.minimise", json_real(-1.234567e-11));
    for (size_t i = 0; i < wide->train.metric_count; i++)
        json_object_set_new(event, wide->metrics[i].name, i == 1 ? json_null() : json_real(-12345.678));
    progress_table_open(table, &wide->manifest, &wide->plan, columns);
    progress_table_print_heading(table, &wide->train);
    progress_table_print_event(table, event, true, 359999, 86399);
    json_decref(event);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
}

static void test_table_is_never_wider_than_the_screen(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{METRICS, HYPERS}, {METRICS, 0}, {1, HYPERS}, {1, 0}, {4, 3}};
    static Wide wide;
    ProgressTable table;
    size_t size;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int columns = 40; columns <= 100; columns++)
            for (int64_t epochs = 0; epochs < 100000; epochs = 15 * epochs + 1) {
                make_wide(&wide, sizes[i][0], sizes[i][1], epochs);
                print_table(&wide, columns, &table);
                char *text = read_file("table", &size), *rest = text, *line;
                while ((line = strsep(&rest, "\n")))
                    if (strncmp(line, "table", 5) && line[0] != ' ' && line[0] != '*' && *line)
                        assert_true(strlen(line) <= 100); /* the line above the heading knows the real screen */
                    else if (line[0] == '*' || strstr(line, "time"))
                        if (strlen(line) > (size_t)columns)
                            fail_msg("%d columns: '%s'", columns, line);
                free(text);
                /* nothing is lost: what is not shown is counted (+ 2: the loss and the rate) */
                assert_int_equal(table.count + table.left_out, sizes[i][0] + sizes[i][1] + 2);
            }
}

static void test_table_shows_the_important_first(void **state)
{
    (void)state;
    static Wide wide;
    ProgressTable table;
    size_t size;
    make_wide(&wide, 4, 3, 200);
    print_table(&wide, 100, &table);
    assert_string_equal(table.columns[0].key, "loss.minimise");
    assert_string_equal(table.columns[1].key, "rate.minimise");
    assert_string_equal(table.columns[2].key, wide.names[0]);
    assert_string_equal(table.columns[2].name, "a_metric_with..");
    assert_string_equal(table.columns[2].of, "test"); /* all splits are of one data set */
    print_table(&wide, 62, &table);
    assert_true(table.count == 2 && table.left_out == 7);
    char *text = read_file("table", &size);
    if (!strstr(text, "; 7 more"))
        fail_msg("%s", text);
    assert_non_null(strstr(text, "\n*    198/200 "));
    free(text);
}

/* ---- a run ---- */

static void test_header_and_end(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --epochs 1 --seed 7"), 0);
    assert_true(output_has("model      toy, train tune (bilevel): 1 epoch of 12 steps, batches of 8\n"));
    assert_true(output_has("data       toy: train 100, valid 35; from data\n"));
    assert_true(output_has("1 hyperparameter"));
    assert_true(output_has("seed       7\nthreads    1\nfolder     runs/toy-tune-1\n"));
    assert_true(output_has("* is the best so far, by the least fit(toy.valid)"));
    assert_true(output_has("\n*      1/1 "));
    assert_true(output_has("\nended      after 12 steps (1 epoch) in "));
    assert_true(output_has("best       epoch 1: fit(toy.valid) "));
    assert_true(output_has("/toy plot runs/toy-tune-1\n"));
    assert_true(output_has("/toy eval --weights runs/toy-tune-1/best.safetensors --data data\n"));
    assert_int_equal(run_command(TOY " train --data data --epochs 0 --threads 1000"), 0); /* more than any machine of ours has */
    assert_true(output_has("\nthreads    1000 on ") && output_has("; a run is slower with more threads than processors\n"));
    assert_true(output_has("; 1 more value of each evaluation is in\n           metrics.jsonl\n")); /* lam.decay.sigma */
    assert_true(output_has("ended      after 0 steps (0 epochs) in "));
    assert_false(output_has("best.safetensors"));
    assert_int_equal(run_command(TOY " train --data data --epochs 1 --quiet"), 0);
    assert_int_equal(strncmp(command_output(), "tune: 12 steps (1 epoch) in ", 28), 0);
    assert_int_equal(strchr(command_output(), '\n')[1], '\0'); /* one line */
    assert_int_equal(
        run_command("COLUMNS=52 " TOY " train --data data --epochs 2 | awk '!/toy (plot|eval)/ && length > 52' | grep ."), 1);
}

/* What is drawn over and what stays, on a terminal of 60 columns. */
static void test_a_narrow_terminal(void **state)
{
    (void)state;
    enum { WIDTH = 60 };
    struct winsize size = {.ws_row = 24, .ws_col = WIDTH};
    int terminal, status;
    pid_t child = forkpty(&terminal, NULL, NULL, &size);
    assert_true(child >= 0);
    if (child == 0) {
        setenv("TOY_SLEEP", "15000", 1);
        execl(TOY, "toy", "train", "--data", "data", "--out", "run", (char *)NULL);
        _exit(127);
    }
    static char text[1 << 16];
    size_t length = 0;
    for (ssize_t got; length < sizeof text - 1 && (got = read(terminal, text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = '\0';
    waitpid(child, &status, 0);
    close(terminal);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text, "\r\033[K  ["));
    size_t rows = 0;
    for (char *state_of = NULL, *line = strtok_r(text, "\r\n", &state_of); line; line = strtok_r(NULL, "\r\n", &state_of)) {
        line += strncmp(line, "\033[K", 3) ? 0 : 3;
        rows += line[0] == '*' || strstr(line, "/6  ");
        if (strlen(line) > WIDTH && !strstr(line, "toy plot") && !strstr(line, "toy eval"))
            fail_msg("too wide: '%s'", line);
    }
    assert_true(rows >= 6);
}

static void test_progress_without_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(run_command("TOY_SLEEP=4000 HNC_PROGRESS_SECONDS=0.02 " TOY " train --data data --epochs 1"), 0);
    assert_true(output_has("\n  epoch 0."));
    assert_true(output_has(" steps/s"));
    assert_true(output_has(" left  loss.lower "));
    assert_int_equal(run_command("TOY_SLEEP=4000 " TOY " train --data data --epochs 1"), 0); /* half a minute */
    assert_false(output_has(" steps/s"));
    assert_int_equal(run_command("TOY_SLEEP=4000 HNC_PROGRESS_SECONDS=0.02 " TOY " train --data data --epochs 1 --quiet"), 0);
    assert_false(output_has(" steps/s"));
    assert_int_equal(run_command("TOY_SLEEP=4000 HNC_PROGRESS_SECONDS=x " TOY " train --data data --epochs 1"), 0);
    assert_false(output_has(" steps/s"));
}

/* ---- folders ---- */

static void test_each_run_has_its_own_folder(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --quiet --epochs 1"), 0);
    assert_int_equal(run_command(TOY " train --data data --quiet --epochs 2"), 0);
    assert_true(output_has("; runs/toy-tune-2\n"));
    assert_int_equal(run_command("rm -r runs/toy-tune-1 && mkdir runs/toy-tune-9 runs/toy-tune-x runs/toy-tune-07; " TOY
                                 " train --data data --quiet --epochs 1 --seed 5"),
                     0);
    assert_true(output_has("; runs/toy-tune-10\n")); /* numbers go on behind the largest: the newest run has it */
    assert_int_equal(run_command(TOY " train --data data --quiet --resume --epochs 3"), 0);
    assert_true(output_has("36 steps (3 epochs)"));
    assert_true(output_has("; runs/toy-tune-10\n"));
    assert_int_equal(run_command(TOY " eval --data data"), 0);
    assert_true(output_has("note: the weights are those of the newest run: runs/toy-tune-10/best.safetensors\n"));
    assert_int_equal(run_command("mkdir runs/toy-tune-11; " TOY " eval --data data"), 0); /* a folder without a run */
    assert_true(output_has("runs/toy-tune-10/best.safetensors\n"));
}

static void test_runs_at_the_same_time(void **state)
{
    (void)state;
    assert_int_equal(run_command("for i in 1 2 3 4 5 6 7 8; do " TOY
                                 " train --data data --quiet --epochs 2 --seed $i & done; wait; "
                                 "ls runs | sort -V | tr '\\n' ' '; ls runs/*/result.json | wc -l"),
                     0);
    assert_true(output_has("toy-tune-1 toy-tune-2 toy-tune-3 toy-tune-4 toy-tune-5 toy-tune-6 toy-tune-7 toy-tune-8 8\n"));
}

static void test_resume_without_a_run(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --quiet --resume --epochs 1"), 0);
    assert_true(output_has("runs/toy-tune-1"));
    assert_int_equal(run_command("mv runs/toy-tune-1 runs/toy-tune; " TOY " train --data data --quiet --resume --epochs 2"), 0);
    assert_true(output_has("24 steps (2 epochs)")); /* a folder as older versions named it */
}

/* ---- checkpoints within epochs ---- */

static void test_checkpoint_within_an_epoch(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " train --data data --out whole"), 0);
    /* The run breaks at step 30, in its third epoch of 12. */
    assert_int_equal(run_command("TOY_NAN_AT=30 " TOY " train --data data --out rare"), 1);
    assert_int_equal(run_command(TOY " train --data data --out rare --resume"), 0);
    assert_true(output_has("folder     rare, resumed at step 24\n"));
    assert_int_equal(run_command("TOY_NAN_AT=30 " TOY " train --data data --out often --checkpoint-every 1e-9"), 1);
    assert_int_equal(run_command(TOY " train --data data --out often --resume"), 0);
    assert_true(output_has("folder     often, resumed at step 29\n"));
    assert_true(same_files("whole/last.safetensors", "rare/last.safetensors"));
    assert_true(same_files("whole/last.safetensors", "often/last.safetensors"));
    assert_true(same_files("whole/best.safetensors", "often/best.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_and_counts),
        cmocka_unit_test_setup_teardown(test_table_is_never_wider_than_the_screen, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_table_shows_the_important_first, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_header_and_end, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_a_narrow_terminal, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_progress_without_a_terminal, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_each_run_has_its_own_folder, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_runs_at_the_same_time, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_resume_without_a_run, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_checkpoint_within_an_epoch, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
