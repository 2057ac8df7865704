/* The preferences of a train by pareto: what `sample` draws them from, and the `rays` on which the front is judged. */
#include "frontend/train_plan.h"

#include <string.h>

/* ---- sample ---- */

void read_sample_of_rays(TrainPlan *plan)
{
    Session *s = plan->s;
    Pareto *pareto = plan->train.pareto;
    const Setting *setting = find_setting(plan, "sample");
    const Expr *expr = setting ? setting->values.first : NULL;
    double *concentration = arena_alloc(&s->module->arena, PARETO_MOST_OBJECTIVES * sizeof *concentration);
    for (unsigned i = 0; i < PARETO_MOST_OBJECTIVES; i++)
        concentration[i] = 1;
    pareto->concentration = concentration;
    need_setting(plan, "sample", "sample dirichlet(0.2)");
    if (!expr)
        return;
    if (setting->by)
        fail(s, setting->by->span, "rays are drawn from a fixed distribution: 'sample' of pareto takes no optimizer");
    const char *name = head_name(expr);
    if (strcmp(name, "dirichlet") == 0) {
        static const char *const label = "concentration";
        const Expr *value;
        bool fine = read_arguments(s, expr, 1, &label, "dirichlet(0.2)", &value);
        if (fine && !value)
            fail(s, expr->span, "dirichlet takes its concentration, as in dirichlet(0.2)");
        else if (fine)
            read_numbers(s, value, "the concentration", pareto->m ? pareto->m : 1, SIGN_POSITIVE, concentration);
    } else if (strcmp(name, "each") == 0 && expr->kind == EXPR_NAME) {
        pareto->each = true;
    } else if (strcmp(name, "rays") == 0 && expr->kind == EXPR_NAME) {
        pareto->fixed = true;
    } else if (strcmp(name, "uniform") != 0 || expr->kind != EXPR_NAME) {
        fail(s, expr->span, "rays are drawn by dirichlet(0.2) or uniform or from the 'rays', or 'each' trains one net for each of them");
    }
}

/* ---- rays ---- */

/* Memory of the train's n rays; NULL after an error. */
static double *new_rays(TrainPlan *plan, unsigned n, Span span)
{
    Pareto *pareto = plan->train.pareto;
    if (n == 0 || n > PARETO_MOST_RAYS) {
        fail(plan->s, span, "between 1 and %d rays can be evaluated, but these are %u", PARETO_MOST_RAYS, n);
        return NULL;
    }
    double *rays = arena_alloc(&plan->s->module->arena, (size_t)n * pareto->m * sizeof *rays);
    pareto->ray_count = n;
    pareto->rays = rays;
    return rays;
}

enum { DEFAULT_CIRCLE = 25, DEFAULT_CENTROIDS = 5 };
#define DEFAULT_MARGIN 0.1 /* of the circle: Navon et al. */

static void circle_rays(TrainPlan *plan, unsigned n, double margin, Span span)
{
    if (plan->train.pareto->m != 2) {
        fail(plan->s, span, "a circle is for two objectives, but there are %u", plan->train.pareto->m);
        return;
    }
    double *rays = new_rays(plan, n, span);
    if (rays)
        rays_circle(n, margin, rays);
}

static void simplex_rays(TrainPlan *plan, unsigned partitions, bool positive, Span span)
{
    unsigned n = rays_das_dennis(plan->train.pareto->m, partitions, positive, NULL);
    double *rays = new_rays(plan, n, span);
    if (rays)
        rays_das_dennis(plan->train.pareto->m, partitions, positive, rays);
}

static void centroid_rays(TrainPlan *plan, unsigned partitions, bool upright, Span span)
{
    if (plan->train.pareto->m != 3) {
        fail(plan->s, span, "centroids of triangles are for three objectives, but there are %u", plan->train.pareto->m);
        return;
    }
    unsigned n = rays_centroids(partitions, upright, NULL);
    double *rays = new_rays(plan, n, span);
    if (rays)
        rays_centroids(partitions, upright, rays);
}

/* rays 25: the customary set of that size for so many objectives. */
static void counted_rays(TrainPlan *plan, unsigned n, Span span)
{
    unsigned m = plan->train.pareto->m, sizes[3] = {0};
    if (m == 2) {
        circle_rays(plan, n, DEFAULT_MARGIN, span);
        return;
    }
    for (unsigned p = 1; p <= 64; p++) {
        if (m == 3 && rays_centroids(p, false, NULL) == n) {
            centroid_rays(plan, p, false, span);
            return;
        }
        if (m == 3 && rays_centroids(p, true, NULL) == n) {
            centroid_rays(plan, p, true, span);
            return;
        }
        unsigned positive = rays_das_dennis(m, p, true, NULL);
        if (m != 3 && positive == n && n > 0) {
            simplex_rays(plan, p, true, span);
            return;
        }
        if (m != 3 && positive && positive < n)
            sizes[0] = positive;
        else if (m != 3 && positive > n && !sizes[1])
            sizes[1] = positive;
    }
    fail(plan->s, span, "there is no even set of %u rays for %u objectives", n, m);
    if (m == 3)
        add_help(
            plan->s,
            "the simplex is cut into 1, 3, 4, 6, 9, 10, 15, 16, 21, 25, 28, 36 ... triangles; or give das_dennis(6), or a list");
    else
        add_help(plan->s, "near it are %u and %u; or give das_dennis(6), or a list of rays", sizes[0], sizes[1]);
}

/* rays [0.5, 0.5], [0.9, 0.1] */
static void listed_rays(TrainPlan *plan, const Setting *setting)
{
    Session *s = plan->s;
    uint32_t m = plan->train.pareto->m;
    double *ray = new_rays(plan, setting->values.count, setting->span);
    for (const Expr *expr = ray ? setting->values.first : NULL; expr; expr = expr->next, ray += m) {
        double sum = 0;
        if (expr->kind != EXPR_LIST) {
            fail(s, expr->span, "a ray is a list of one number an objective, as in [0.5, 0.5]");
            return;
        }
        if (!read_numbers(s, expr, "a ray", m, SIGN_NOT_NEGATIVE, ray))
            return;
        for (uint32_t i = 0; i < m; i++)
            sum += ray[i];
        if (sum <= 0) {
            fail(s, expr->span, "a ray must have an entry above 0");
            return;
        }
        for (uint32_t i = 0; i < m; i++)
            ray[i] /= sum;
    }
}

void read_rays(TrainPlan *plan)
{
    Session *s = plan->s;
    const Setting *setting = find_setting(plan, "rays");
    Span span = setting ? setting->span : plan->decl->name.span;
    const Expr *expr = setting ? setting->values.first : NULL;
    unsigned m = plan->train.pareto->m;
    int64_t size;
    if (m == 0)
        return;
    if (!expr) {
        if (m == 2)
            circle_rays(plan, DEFAULT_CIRCLE, DEFAULT_MARGIN, span);
        else if (m == 3)
            centroid_rays(plan, DEFAULT_CENTROIDS, false, span);
        else
            simplex_rays(plan, m == 1 ? 1 : m + 2, true, span);
        return;
    }
    const char *name = head_name(expr);
    if (expr->kind == EXPR_LIST) {
        listed_rays(plan, setting);
        return;
    }
    if (setting->values.count != 1) {
        fail(s, setting->span, "rays are a number of them, one rule that makes them, or lists");
        return;
    }
    static const char *const rules[] = {"circle", "das_dennis", "centroids", "upright_centroids"};
    for (unsigned i = 0; expr->kind == EXPR_CALL && i < COUNT_OF(rules); i++) {
        static const char *const label = "count";
        const Expr *value;
        if (strcmp(rules[i], name) != 0)
            continue;
        if (!read_arguments(s, expr, 1, &label, "with one number, as in das_dennis(6)", &value))
            return;
        if (!value) {
            fail(s, expr->span, "'%s' takes one whole number", name);
            return;
        }
        if (!as_integer(s, evaluate(s, value), value->span, "the number of rays or parts", 1, 1000, &size))
            return;
        if (i == 0)
            circle_rays(plan, (unsigned)size, DEFAULT_MARGIN, span);
        else if (i == 1)
            simplex_rays(plan, (unsigned)size, false, span);
        else
            centroid_rays(plan, (unsigned)size, i == 3, span);
        return;
    }
    if (expr->kind == EXPR_CALL) {
        fail(s, expr->span, "rays are made by circle(n), das_dennis(parts), centroids(parts) or upright_centroids(parts)");
        Candidates candidates = {0};
        for (size_t i = 0; i < COUNT_OF(rules); i++)
            vec_push(&candidates.names, rules[i]);
        suggest(s, name, &candidates);
        return;
    }
    if (as_integer(s, evaluate(s, expr), expr->span, "the number of rays", 1, PARETO_MOST_RAYS, &size))
        counted_rays(plan, (unsigned)size, span);
}
