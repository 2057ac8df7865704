#include "runtime/run/pruners.h"

#include "runtime/core/numbers.h"

/* A row of pruners.def. */
typedef struct Pruner {
    bool (*looks)(const TrialsInfo *info, size_t evaluations);
    bool (*ends)(const TrialsInfo *info, double own, const double *others, size_t count); /* others: the least first, at least one */
} Pruner;

static bool never(const TrialsInfo *info, size_t evaluations)
{
    (void)info, (void)evaluations;
    return false;
}

static const Pruner pruner_none = {never, NULL};

/* ---- median: D. Golovin et al., Google Vizier, KDD 2017 ---- */

static bool is_late(const TrialsInfo *info, size_t evaluations)
{
    return evaluations > (size_t)info->first;
}

static bool is_above_median(const TrialsInfo *info, double own, const double *others, size_t count)
{
    return count >= (size_t)info->second && own > (others[(count - 1) / 2] + others[count / 2]) / 2;
}

static const Pruner pruner_median = {is_late, is_above_median};

/* ---- halving: L. Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, algorithm 2 ---- */

/* Whether it is evaluation number first * factor^k. */
static bool is_rung(const TrialsInfo *info, size_t evaluations)
{
    size_t rung = (size_t)info->first;
    while (rung < evaluations)
        rung *= (size_t)info->second;
    return rung == evaluations;
}

/* Of all that came to the rung, this one too, the best share goes on. */
static bool is_not_among_best(const TrialsInfo *info, double own, const double *others, size_t count)
{
    size_t kept = (count + 1) / (size_t)info->second;
    return count + 1 >= (size_t)info->second && own > others[kept > 0 ? kept - 1 : 0];
}

static const Pruner pruner_halving = {is_rung, is_not_among_best};

/* ---- all ---- */

static const Pruner *const pruners[PRUNER_COUNT] = {
#define PRUNER(KIND, name, ...) &pruner_##name,
#include "runtime/abi/pruners.def"
#undef PRUNER
};

bool pruner_looks(const TrialsInfo *info, size_t evaluations)
{
    return pruners[info->pruner]->looks(info, evaluations);
}

bool pruner_ends(const TrialsInfo *info, double own, double *others, size_t count)
{
    numbers_sort(others, count);
    return pruners[info->pruner]->ends(info, own, others, count);
}
