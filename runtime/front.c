#include "runtime/front.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pareto/pareto.h"
#include "runtime/checkpoint.h"
#include "runtime/metrics_log.h"
#include "runtime/report.h"

_Static_assert(MAX_OBJECTIVES == (int)PARETO_MOST_OBJECTIVES && MAX_RAYS == (int)PARETO_MOST_RAYS &&
                   MAX_TRUE_POINTS == (int)PARETO_MOST_TRUE_POINTS,
               "limits of pareto/pareto.h");

/* ---- counts ---- */

const char *const front_counter_names[FRONT_COUNTERS] = {"fallbacks", "undefined"};

const StateInfo *front_counter(const Manifest *manifest, size_t number)
{
    char key[256];
    snprintf(key, sizeof key, "%.200s/%s", manifest->train->name, front_counter_names[number]);
    return manifest_state(manifest, key);
}

/* ---- the front ---- */

bool front_open(Front *front, const Program *program)
{
    const TrainInfo *train = program->manifest->train;
    *front = (Front){.info = train->pareto, .hypervolume = NAN, .uniformity = NAN, .igd = NAN};
    if (!train->pareto)
        return true;
    front->points = calloc(train->pareto->ray_count * train->pareto->m, sizeof *front->points);
    return front->points || report_error("out of memory");
}

void front_close(Front *front)
{
    free(front->points);
    *front = (Front){0};
}

void front_set_ray(const Front *front, const Program *program, size_t ray)
{
    const ParetoInfo *info = front->info;
    program_write_reals(program, &program->manifest->states[info->ray], 0, info->rays + ray * info->m, info->m);
    if (info->all_rays != NONE)
        program_write_reals(program, &program->manifest->states[info->all_rays], 0, info->rays, info->ray_count * info->m);
}

/* The least loss of the front and whose it is. */
static double least_loss(const Front *front, size_t *objective)
{
    double least = INFINITY;
    for (size_t i = 0; i < front->count * front->info->m; i++)
        if (front->points[i] < least) {
            least = front->points[i];
            *objective = i % front->info->m;
        }
    return least;
}

/* A reference somewhat beyond every point. */
static void suggest_reference(const Front *front, double *reference)
{
    double low[MAX_OBJECTIVES];
    objective_ranges((unsigned)front->info->m, (unsigned)front->count, front->points, low, reference);
    for (size_t i = 0; i < front->info->m; i++)
        reference[i] += 0.1 * fabs(reference[i]);
}

/* At how many points an objective is not finite, of the first one that is not anywhere; 0: all are. */
static size_t undefined_points(const Front *front, size_t *objective)
{
    size_t m = front->info->m, undefined = 0;
    for (*objective = 0; *objective < m; ++*objective) {
        for (size_t i = 0; i < front->count; i++)
            undefined += !isfinite(front->points[i * m + *objective]);
        if (undefined)
            break;
    }
    return undefined;
}

void front_note_limits(const Front *front)
{
    const ParetoInfo *info = front->info;
    size_t objective = 0, undefined = undefined_points(front, &objective);
    if (undefined) {
        report_warning("no indicators of the front: the objective '%s' is not a finite number at %zu of %zu points",
                       info->objectives[objective], undefined, front->count);
        return;
    }
    if (info->reference && front->count && front->hypervolume == 0) {
        double reference[MAX_OBJECTIVES];
        char text[512] = "";
        suggest_reference(front, reference);
        for (size_t i = 0, at = 0; i < info->m && at < sizeof text - 32; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%.3g", i ? ", " : "", reference[i]);
        report_warning("hypervolume 0: every point of the front lies beyond the reference in some objective; the reference [%s] "
                       "would hold all points",
                       text);
    }
    double least = least_loss(front, &objective);
    if (info->uniformity && least < 0)
        report_warning("no uniformity: it is not defined for negative losses, and '%s' is %.6g", info->objectives[objective],
                       least);
}

static void judge(Front *front)
{
    const ParetoInfo *info = front->info;
    size_t which;
    front->hypervolume = front->uniformity = front->igd = NAN;
    if (undefined_points(front, &which))
        return;
    if (info->reference)
        front->hypervolume = hypervolume((unsigned)info->m, (unsigned)front->count, front->points, info->reference);
    double sum = 0;
    for (size_t i = 0; i < front->count; i++)
        sum += uniformity((unsigned)info->m, front->points + i * info->m, info->rays + i * info->m);
    size_t objective;
    if (info->uniformity) /* of losses that are not negative */
        front->uniformity = least_loss(front, &objective) < 0 ? NAN : sum / (double)front->count;
    if (info->true_front)
        front->igd = inverted_generational_distance((unsigned)info->m, (unsigned)front->count, front->points,
                                                    (unsigned)info->true_count, info->true_front);
}

void front_evaluate(Front *front, Evaluation *evaluation, const Program *program, size_t trained)
{
    const ParetoInfo *info = front->info;
    front->count = info->each ? trained : info->ray_count;
    if (info->each && trained > 0) {
        const StateInfo *state = &program->manifest->states[info->losses];
        double losses[MAX_OBJECTIVES];
        front_set_ray(front, program, trained - 1);
        evaluation_run_all(evaluation, program, losses);
        program_write_reals(program, state, (trained - 1) * info->m, losses, info->m);
        program_read_reals(program, state, front->points);
    }
    for (size_t i = 0; !info->each && i < info->ray_count; i++) {
        front_set_ray(front, program, i);
        evaluation_run_all(evaluation, program, front->points + i * info->m);
    }
    judge(front);
}

void front_evaluate_net(const Front *front, Evaluation *evaluation, const Program *program, double *ray, double *losses)
{
    program_read_reals(program, &program->manifest->states[front->info->ray], ray);
    evaluation_run_all(evaluation, program, losses);
}

bool front_load(const Front *front, const Program *program, const char *checkpoint)
{
    const StateInfo *ray = &program->manifest->states[front->info->ray];
    bool found;
    for (size_t i = 0; i < FRONT_COUNTERS; i++) {
        const StateInfo *state = front_counter(program->manifest, i);
        if (state && !checkpoint_load_state(checkpoint, program, state, &found))
            return false;
    }
    if (!front->info->each)
        return true;
    return checkpoint_load_state(checkpoint, program, ray, &found) &&
           (found || report_error("%s: lacks %s, the ray that its net was trained for", checkpoint, ray->tensor.name));
}

/* ---- as JSON ---- */

void front_add_indicators(const Front *front, json_t *object)
{
    const ParetoInfo *info = front->info;
    double low[MAX_OBJECTIVES], high[MAX_OBJECTIVES];
    if (info->reference)
        json_object_set_new(object, "hypervolume", json_finite(front->hypervolume));
    if (info->uniformity)
        json_object_set_new(object, "uniformity", json_finite(front->uniformity));
    if (info->true_front)
        json_object_set_new(object, "igd", json_finite(front->igd));
    objective_ranges((unsigned)info->m, (unsigned)front->count, front->points, low, high);
    for (size_t i = 0; i < info->m; i++) {
        char key[256];
        snprintf(key, sizeof key, "%.240s.least", info->objectives[i]);
        json_object_set_new(object, key, json_finite(low[i]));
        snprintf(key, sizeof key, "%.240s.largest", info->objectives[i]);
        json_object_set_new(object, key, json_finite(high[i]));
    }
}

static json_t *vector_json(size_t count, const double *values)
{
    json_t *vector = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(vector, json_finite(values[i]));
    return vector;
}

static json_t *matrix_json(size_t rows, size_t columns, const double *values)
{
    json_t *matrix = json_array();
    for (size_t i = 0; i < rows; i++)
        json_array_append_new(matrix, vector_json(columns, values + i * columns));
    return matrix;
}

static void add_counts(const Program *program, json_t *object)
{
    for (size_t i = 0; i < FRONT_COUNTERS; i++) {
        const StateInfo *state = front_counter(program->manifest, i);
        int32_t count;
        if (!state)
            continue;
        memcpy(&count, program_state(program, state), sizeof count);
        json_object_set_new(object, front_counter_names[i], json_integer(count));
    }
}

/* What is measured, and on which split. */
static json_t *describe(const ParetoInfo *info, const char *metric)
{
    static const char prefix[] = "front on ";
    json_t *json = json_object(), *objectives = json_array();
    for (size_t i = 0; i < info->m; i++)
        json_array_append_new(objectives, json_string(info->objectives[i]));
    json_object_set_new(json, "objectives", objectives);
    json_object_set_new(json, "solver", json_string(info->solver));
    json_object_set_new(json, "split",
                        json_string(strncmp(metric, prefix, sizeof prefix - 1) ? metric : metric + sizeof prefix - 1));
    return json;
}

json_t *front_json(const Front *front, const Program *program, const char *metric)
{
    const ParetoInfo *info = front->info;
    json_t *json = describe(info, metric), *kept = json_array();
    bool keep[MAX_RAYS];
    non_dominated((unsigned)info->m, (unsigned)front->count, front->points, keep);
    for (size_t i = 0; i < front->count; i++)
        json_array_append_new(kept, json_boolean(keep[i]));
    if (info->reference)
        json_object_set_new(json, "reference", vector_json(info->m, info->reference));
    if (info->reference && front->count && front->hypervolume == 0) {
        double reference[MAX_OBJECTIVES];
        suggest_reference(front, reference);
        json_object_set_new(json, "beyond_reference", json_true());
        json_object_set_new(json, "suggested_reference", vector_json(info->m, reference));
    }
    front_add_indicators(front, json);
    add_counts(program, json);
    json_object_set_new(json, "rays", matrix_json(front->count, info->m, info->rays));
    json_object_set_new(json, "points", matrix_json(front->count, info->m, front->points));
    json_object_set_new(json, "non_dominated", kept);
    return json;
}

json_t *front_net_json(const Front *front, const char *metric, const double *ray, const double *losses)
{
    json_t *json = describe(front->info, metric);
    json_object_set_new(json, "ray", vector_json(front->info->m, ray));
    json_object_set_new(json, "point", vector_json(front->info->m, losses));
    return json;
}
