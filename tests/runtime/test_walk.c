/* The walk over a procedure: thousands of random trees give the sequence that their definition does, however often they are left
 * and resumed; the sequences of the three methods as they always were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/run/walk.h"

enum { MOST_STEPS = 4000 };

static uint64_t dice;

static int64_t roll(int64_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((dice >> 33) % (uint64_t)sides);
}

/* ---- the definition, as plainly as it can be said ---- */

typedef struct Sequence {
    size_t acts[MOST_STEPS];
    size_t length;
} Sequence;

/* Measures without improvement, as a function of how many were taken: both walks see the same. */
static int64_t worse_after(uint64_t seed, int64_t measures)
{
    int64_t worse = 0;
    for (int64_t i = 0; i < measures; i++)
        worse = (seed >> (i % 61) & 3) == 0 ? 0 : worse + 1;
    return worse;
}

/* A measure without improvement ends the outermost repeat around it whose patience is used up: `ends` is then the place of this
 * repeat. */
static void define(const Walk *walk, size_t repeat, uint64_t seed, int64_t *measures, size_t *ends, Sequence *sequence)
{
    const PlannedAct *r = &walk->acts[repeat];
    for (int64_t round = 1; round <= r->rounds; round++)
        for (size_t child = repeat + 1; child < repeat + r->size; child += walk->acts[child].size) {
            const PlannedAct *a = &walk->acts[child];
            bool due = (round > a->after && (round - a->after) % (int64_t)a->every == 0) || (a->last && round == r->rounds);
            due = a->once ? round == 1 : due;
            if (due && a->kind == ACT_REPEAT)
                define(walk, child, seed, measures, ends, sequence);
            else if (due && sequence->length < MOST_STEPS)
                sequence->acts[sequence->length++] = child;
            if (due && a->kind == ACT_MEASURE) {
                int64_t worse = worse_after(seed, ++*measures);
                for (size_t around = 0; around <= repeat && *ends == WALK_END; around++)
                    if (walk->acts[around].kind == ACT_REPEAT && child < around + walk->acts[around].size &&
                        walk->acts[around].patience && worse >= walk->acts[around].patience)
                        *ends = around;
            }
            if (*ends == WALK_END)
                continue;
            if (*ends == repeat)
                *ends = WALK_END;
            return;
        }
}

/* ---- random trees ---- */

/* Appends a repeat and what is below it. Its first child is due in every round. */
static void add_repeat(Walk *walk, unsigned depth)
{
    size_t repeat = walk->count++;
    int64_t children = 1 + roll(4);
    walk->acts[repeat] =
        (PlannedAct){.kind = ACT_REPEAT, .rounds = roll(6), .every = 1 + roll(3), .after = roll(3), .last = roll(2)};
    walk->acts[repeat].patience = roll(4) ? 0 : 1 + roll(4);
    for (int64_t i = 0; i < children && walk->count + 8 < MAX_ACTS; i++) {
        if (depth > 0 && i > 0 && roll(3) == 0) {
            add_repeat(walk, depth - 1);
            continue;
        }
        static const ActKind kinds[] = {ACT_STEP, ACT_CALL, ACT_SET, ACT_SET, ACT_RESET, ACT_MEASURE};
        PlannedAct act = {.kind = kinds[roll(6)], .size = 1, .every = 1, .last = roll(2)};
        if (i > 0) {
            act.every = 1 + roll(4);
            act.after = roll(4);
            act.once = roll(5) == 0;
        }
        walk->acts[walk->count++] = act;
    }
    walk->acts[repeat].size = walk->count - repeat;
}

static void walk_all(const Walk *walk, uint64_t seed, bool interrupt, Sequence *sequence)
{
    Counts done = {0};
    int64_t measures = 0;
    for (size_t act; (act = walk_next(walk, done)) != WALK_END && sequence->length < MOST_STEPS;) {
        assert_true(walk->acts[act].kind != ACT_REPEAT && walk_is_possible(walk, done));
        sequence->acts[sequence->length++] = act;
        measures += walk->acts[act].kind == ACT_MEASURE;
        walk_advance(walk, done, act, worse_after(seed, measures));
        if (interrupt && roll(3) == 0) { /* all that a file would hold */
            Counts stored;
            memcpy(stored, done, sizeof stored);
            memset(done, 0x55, sizeof done);
            memcpy(done, stored, walk->count * sizeof *done);
        }
    }
}

static void test_random_procedures(void **state)
{
    (void)state;
    static Sequence defined, walked, interrupted;
    size_t longest = 0, stopped = 0;
    for (dice = 1; dice < 20000; dice += 7) {
        uint64_t number = dice, seed = dice * 0x9e3779b97f4a7c15u;
        Walk walk = {0};
        int64_t measures = 0;
        size_t ends = WALK_END;
        add_repeat(&walk, 3);
        defined.length = walked.length = interrupted.length = 0;
        define(&walk, 0, seed, &measures, &ends, &defined);
        walk_all(&walk, seed, false, &walked);
        walk_all(&walk, seed, true, &interrupted);
        assert_int_equal(defined.length, walked.length);
        assert_int_equal(defined.length, interrupted.length);
        assert_memory_equal(defined.acts, walked.acts, defined.length * sizeof *defined.acts);
        assert_memory_equal(defined.acts, interrupted.acts, defined.length * sizeof *defined.acts);
        longest = defined.length > longest ? defined.length : longest;
        stopped += walk.acts[0].patience && worse_after(seed, measures) >= walk.acts[0].patience;
        dice = number;
    }
    assert_true(longest > 100 && stopped > 50);
}

/* ---- today's methods ---- */

#define LEAF(k, e, a, l) {.kind = ACT_##k, .size = 1, .every = (e), .after = (a), .last = (l)}

/* Steps as the letters of their places, measures as E, acts that prepare a new net as n. */
static void trace(const Walk *walk, const char *letters, char *text, size_t size)
{
    Counts done = {0};
    size_t length = 0;
    for (size_t act; (act = walk_next(walk, done)) != WALK_END && length + 1 < size; walk_advance(walk, done, act, 0))
        text[length++] = letters[act];
    text[length] = '\0';
}

static void check_trace(const Walk *walk, const char *letters, const char *expected)
{
    char text[256];
    trace(walk, letters, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_sequences_of_the_methods(void **state)
{
    (void)state;
    Walk fit = {3,
                {{.kind = ACT_REPEAT, .size = 3, .rounds = 6, .every = 1}, LEAF(STEP, 1, 0, false), LEAF(MEASURE, 4, 0, true)}};
    check_trace(&fit, "-lE", "llllEllE");
    fit.acts[0].rounds = 7;
    check_trace(&fit, "-lE", "llllElllE");
    fit.acts[0].rounds = 0;
    check_trace(&fit, "-lE", "");
    Walk two_phases = {5,
                       {{.kind = ACT_REPEAT, .size = 5, .rounds = 12, .every = 1},
                        LEAF(STEP, 1, 0, false),
                        {.kind = ACT_REPEAT, .size = 2, .rounds = 2, .every = 3, .after = 4},
                        LEAF(STEP, 1, 0, false),
                        LEAF(MEASURE, 4, 0, true)}};
    check_trace(&two_phases, "-l-uE", "llllEllluulElluullE");
    Walk nets = {6,
                 {{.kind = ACT_REPEAT, .size = 6, .rounds = 3, .every = 1},
                  LEAF(RESET, 1, 0, false),
                  LEAF(SET, 1, 0, false),
                  {.kind = ACT_REPEAT, .size = 2, .rounds = 4, .every = 1},
                  LEAF(STEP, 1, 0, false),
                  LEAF(MEASURE, 1, 0, false)}};
    check_trace(&nets, "-ns-lE", "nsllllEnsllllEnsllllE");
}

/* "lllE": steps and measures of a train of `rounds` steps, measured once per `every` of them, in epochs of `epoch_steps`. */
static void check_measures(double every, bool in_epochs, int64_t epoch_steps, int64_t rounds, const char *expected)
{
    ActInfo acts[] = {{.kind = ACT_REPEAT, .size = 3, .rounds = 1, .in_epochs = true, .budget = true, .every = 1},
                      {.kind = ACT_STEP, .size = 1, .every = 1},
                      {.kind = ACT_MEASURE, .size = 1, .every = every, .every_in_epochs = in_epochs, .last = true}};
    TrainInfo train = {.acts = acts, .act_count = 3};
    Walk walk;
    walk_plan(&walk, &train, epoch_steps, rounds);
    check_trace(&walk, "-lE", expected);
}

static void test_measures_within_epochs(void **state)
{
    (void)state;
    check_measures(0.5, true, 6, 12, "lllElllElllElllE");
    check_measures(0.25, true, 10, 20,
                   "lllEllElllEllElllEllElllEllE");   /* 2.5 steps: at 3, 5, 8, 10, and so at each epoch's end */
    check_measures(0.1, true, 30, 9, "lllElllElllE"); /* 0.1 x 30 is not quite 3 */
    check_measures(1.5, true, 4, 8, "llllllEllE");
    check_measures(0.01, true, 10, 4, "lElElElE"); /* no more than one per step */
    check_measures(4, false, 100, 10, "llllEllllEllE");
    check_measures(1e9, false, 100, 3, "lllE");
}

static void test_impossible_counts(void **state)
{
    (void)state;
    Walk fit = {3,
                {{.kind = ACT_REPEAT, .size = 3, .rounds = 6, .every = 1}, LEAF(STEP, 1, 0, false), LEAF(MEASURE, 4, 0, true)}};
    assert_true(walk_is_possible(&fit, (Counts){6, 1, 0}));
    assert_false(walk_is_possible(&fit, (Counts){7}));
    assert_false(walk_is_possible(&fit, (Counts){-8}));
    assert_false(walk_is_possible(&fit, (Counts){2, 2}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_procedures),
        cmocka_unit_test(test_sequences_of_the_methods),
        cmocka_unit_test(test_measures_within_epochs),
        cmocka_unit_test(test_impossible_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
