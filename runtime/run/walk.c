#include "runtime/run/walk.h"

#include <math.h>
#include <string.h>

size_t walk_budget(const TrainInfo *train)
{
    size_t act = 0;
    while (act + 1 < train->act_count && !train->acts[act].budget)
        act++;
    return act;
}

/* Saturates far beyond the number of rounds that a run can do. */
static int64_t in_rounds(double epochs, double epoch_rounds)
{
    double rounds = ceil(epochs * epoch_rounds);
    return rounds < INT32_MAX ? (int64_t)rounds : INT32_MAX;
}

void walk_plan(Walk *walk, const TrainInfo *train, int64_t epoch_steps, int64_t budget)
{
    double batches = train->phase_count ? (double)train->phases[0].batches : 1, epoch_rounds = (double)epoch_steps / batches;
    *walk = (Walk){.count = train->act_count};
    for (size_t i = 0; i < train->act_count; i++) {
        const ActInfo *info = &train->acts[i];
        PlannedAct *act = &walk->acts[i];
        *act = (PlannedAct){.kind = info->kind,
                            .size = info->size,
                            .rounds = info->in_epochs ? in_rounds((double)info->rounds, epoch_rounds) : info->rounds,
                            .every = info->every_in_epochs ? info->every * epoch_rounds : info->every,
                            .after = in_rounds(info->after, epoch_rounds),
                            .last = info->last,
                            .once = info->once,
                            .patience = info->patience};
        if (info->budget && budget >= 0)
            act->rounds = (int64_t)ceil((double)budget / batches);
    }
}

static bool is_repeat(const Walk *walk, size_t act)
{
    return walk->acts[act].kind == ACT_REPEAT;
}

static size_t behind(const Walk *walk, size_t act)
{
    return act + walk->acts[act].size;
}

size_t walk_parent(const Walk *walk, size_t act)
{
    for (size_t i = act; i-- > 0;)
        if (is_repeat(walk, i) && act < behind(walk, i))
            return i;
    return WALK_END;
}

static bool is_finished(const Walk *walk, const Counts done, size_t repeat)
{
    return done[repeat] < 0 || done[repeat] >= walk->acts[repeat].rounds;
}

/* How often an act that is due once per `every` rounds was due in the first `rounds` of them. A multiple of a fraction that is a
 * whole number but for the rounding of the machine counts as this number. */
static double times_due(int64_t rounds, double every)
{
    return rounds <= 0 ? 0 : floor((double)rounds / every * (1 + 1e-12));
}

/* In the parent's round that follows `before` finished rounds. */
static bool is_due(const Walk *walk, size_t parent, size_t act, int64_t before)
{
    const PlannedAct *a = &walk->acts[act];
    int64_t round = before + 1;
    if (a->once)
        return round == 1;
    return times_due(round - a->after, a->every) > times_due(before - a->after, a->every) ||
           (a->last && round == walk->acts[parent].rounds);
}

/* The next act of this repeat's current round; WALK_END: the round is done. */
static size_t next_within(const Walk *walk, const Counts done, size_t repeat)
{
    if (is_finished(walk, done, repeat))
        return WALK_END;
    for (size_t child = repeat + 1; child < behind(walk, repeat); child = behind(walk, child)) {
        if (!is_due(walk, repeat, child, done[repeat]))
            continue;
        size_t next = is_repeat(walk, child) ? next_within(walk, done, child) : done[child] ? WALK_END : child;
        if (next != WALK_END)
            return next;
    }
    return WALK_END;
}

size_t walk_next(const Walk *walk, const Counts done)
{
    return next_within(walk, done, 0);
}

void walk_end(Counts done, size_t repeat)
{
    if (done[repeat] >= 0)
        done[repeat] = -1 - done[repeat];
}

/* A measure without improvement ends every repeat around it whose patience is used up. */
static void lose_patience(const Walk *walk, Counts done, size_t act, int64_t worse)
{
    for (size_t repeat = walk_parent(walk, act); repeat != WALK_END; repeat = walk_parent(walk, repeat))
        if (walk->acts[repeat].patience > 0 && worse >= walk->acts[repeat].patience)
            walk_end(done, repeat);
}

void walk_advance(const Walk *walk, Counts done, size_t act, int64_t worse)
{
    done[act] = 1;
    if (walk->acts[act].kind == ACT_MEASURE)
        lose_patience(walk, done, act, worse);
    for (size_t repeat = walk_parent(walk, act); repeat != WALK_END; repeat = walk_parent(walk, repeat))
        while (!is_finished(walk, done, repeat) && next_within(walk, done, repeat) == WALK_END) {
            done[repeat]++;
            memset(done + repeat + 1, 0, (walk->acts[repeat].size - 1) * sizeof *done);
        }
}

/* As how many steps of the phase one step of the phase `of` counts. */
static double steps_counted(const TrainInfo *train, size_t of, size_t phase)
{
    return of == phase ? (double)train->phases[of].batches : train->phases[of].reads_next && of + 1 == phase;
}

int64_t walk_most_steps(const Walk *walk, const TrainInfo *train, size_t phase)
{
    double most = 0;
    for (size_t i = 0; i < walk->count; i++) {
        double times = walk->acts[i].kind == ACT_STEP ? steps_counted(train, train->acts[i].phase, phase) : 0;
        for (size_t repeat = walk_parent(walk, i); repeat != WALK_END; repeat = walk_parent(walk, repeat))
            times *= (double)walk->acts[repeat].rounds;
        most += times;
    }
    return most < 0x1p62 ? (int64_t)most : INT64_MAX;
}

bool walk_is_possible(const Walk *walk, const Counts done)
{
    for (size_t i = 0; i < walk->count; i++)
        if (is_repeat(walk, i) ? done[i] < -1 - walk->acts[i].rounds || done[i] > walk->acts[i].rounds
                               : done[i] < 0 || done[i] > 1)
            return false;
    return true;
}
