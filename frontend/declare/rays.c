/* The preferences of a train by pareto: what `sample` draws them from, and the `rays` on which the front is judged. */
#include "frontend/declare/train_plan.h"

/* ---- sample ---- */

/* uniform: dirichlet(1); rays: the rays of the front; each: the same, with one net per ray. */
enum { SAMPLE_DIRICHLET, SAMPLE_UNIFORM, SAMPLE_RAYS, SAMPLE_EACH };
static const Construct sample_rows[] = {
    CALLED("dirichlet", "dirichlet(0.2)", {"concentration", TAKES_EXPRESSION, ANY_NUMBER, 0}),
    ALONE("uniform"),
    ALONE("rays"),
    ALONE("each"),
};

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
    if (setting->by.count)
        fail(s, setting->by.first->span, "rays are drawn from a fixed distribution: 'sample' of pareto takes no optimizer");
    Argument arguments[MOST_PARAMETERS];
    const Expr *value;
    switch (read_construct(s, expr, CONSTRUCTS(sample_rows), "a way to draw rays", arguments)) {
    case SAMPLE_DIRICHLET:
        value = arguments[0].expr;
        if (value)
            read_numbers(s, value, "the concentration", (Range)ABOVE(0), pareto->m ? pareto->m : 1, concentration);
        else
            fail(s, expr->span, "dirichlet takes its concentration, as in dirichlet(0.2)");
        break;
    case SAMPLE_RAYS:
        pareto->fixed = true;
        break;
    case SAMPLE_EACH:
        pareto->each = true;
        break;
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
    plan->train.sweep->count = n;
    plan->train.sweep->points = rays;
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

/* rays 25: the default set of that size for the train's number of objectives. */
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
        add_help(plan->s, "the nearest numbers are %u and %u; or give das_dennis(6), or a list of rays", sizes[0], sizes[1]);
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
            fail(s, expr->span, "a ray is a list of one number per objective, as in [0.5, 0.5]");
            return;
        }
        if (!read_numbers(s, expr, "a ray", (Range)AT_LEAST(0), m, ray))
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

enum { MOST_PARTS = 1000 };
#define COUNTED(word, example) CALLED(word, example, {"count", TAKES_WHOLE, WITHIN(1, MOST_PARTS), NAN})
enum { RULE_CIRCLE, RULE_DAS_DENNIS, RULE_CENTROIDS, RULE_UPRIGHT_CENTROIDS };
static const Construct rule_rows[] = {
    COUNTED("circle", "circle(25)"),
    COUNTED("das_dennis", "das_dennis(6)"),
    COUNTED("centroids", "centroids(5)"),
    COUNTED("upright_centroids", "upright_centroids(5)"),
};

/* rays das_dennis(6) */
static void ruled_rays(TrainPlan *plan, const Expr *expr)
{
    Argument arguments[MOST_PARAMETERS];
    int rule = read_construct(plan->s, expr, CONSTRUCTS(rule_rows), "a rule that makes rays", arguments);
    unsigned count = (unsigned)arguments[0].number;
    if (rule == RULE_CIRCLE)
        circle_rays(plan, count, DEFAULT_MARGIN, expr->span);
    else if (rule == RULE_DAS_DENNIS)
        simplex_rays(plan, count, false, expr->span);
    else if (rule >= 0)
        centroid_rays(plan, count, rule == RULE_UPRIGHT_CENTROIDS, expr->span);
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
    if (expr->kind == EXPR_LIST)
        listed_rays(plan, setting);
    else if (setting->values.count != 1)
        fail(s, setting->span, "rays are a number of them, one rule that makes them, or lists");
    else if (find_word(WORDS(rule_rows), head_name(expr)) >= 0 || expr->kind == EXPR_CALL)
        ruled_rays(plan, expr);
    else if (as_integer(s, evaluate(s, expr), expr->span, "the number of rays", 1, PARETO_MOST_RAYS, &size))
        counted_rays(plan, (unsigned)size, span);
}
