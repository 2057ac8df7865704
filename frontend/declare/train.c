/* A train declaration: its method, which reads the rest. */
#include "frontend/declare/declare.h"
#include "frontend/declare/train_plan.h"

#define METHOD(KIND, name, ...) extern const MethodReader reader_##name;
#include "ir/methods.def"
#undef METHOD

static const MethodReader *const readers[METHOD_COUNT] = {
#define METHOD(KIND, name, ...) &reader_##name,
#include "ir/methods.def"
#undef METHOD
};

#define METHOD(KIND, name, example, takes, most) _Static_assert((most) <= MOST_PARAMETERS, #name);
#include "ir/methods.def"
#undef METHOD

/* How a model writes it: METHOD(CONDITION, ...). */
static Construct method_construct(const MethodTraits *method)
{
    Construct construct = {.name = method->name, .example = method->example};
    for (uint32_t i = 0; i < method->most; i++)
        construct.parameters[i] = (Parameter){"condition", TAKES_EXPRESSION, ANY_NUMBER, 0};
    return construct;
}

/* The declarations of the conditions that a method takes, as a set; `reader`: of the first kind. */
static unsigned declarations_taken(const MethodTraits *method, const ConditionReader **reader)
{
    unsigned declarations = 0;
    for (int kind = CONDITION_COUNT; kind-- > 0;)
        if (method->takes >> kind & 1) {
            declarations |= 1u << condition_declaration((ConditionKind)kind);
            *reader = condition_readers[kind];
        }
    return declarations;
}

static bool is_any_declared(const ModelFile *file, unsigned declarations)
{
    for (uint32_t i = 0; i < file->symbols.len; i++)
        if (declarations >> file->symbols.data[i]->decl->kind & 1)
            return true;
    return false;
}

static void read_conditions(TrainPlan *plan, const MethodTraits *method, const Argument *arguments)
{
    Session *s = plan->s;
    const ConditionReader *reader = NULL;
    unsigned declarations = declarations_taken(method, &reader);
    if (!declarations)
        return;
    if (!arguments[0].expr)
        fail(s, plan->decl->value->span, "%s takes the name of %s, as in %s", method->name, reader->noun, method->example);
    for (uint32_t i = 0; i < method->most && arguments[i].expr; i++) {
        const Expr *expr = arguments[i].expr;
        const Symbol *symbol = choose_declared(s, declarations, expr, "%s takes the name of %s", method->name, reader->noun);
        if (!symbol && !is_any_declared(s->file, declarations))
            add_help(s, "declare one, as in '%s'", reader->example);
        else if (!symbol || !symbol->extent)
            continue; /* it was said, or its declaration has an error */
        else if (find_train_condition(&plan->train, symbol->condition))
            fail(s, expr->span, "%s names '%s' twice", method->name, symbol->decl->name.text);
        else
            vec_push(&plan->train.conditions,
                     (TrainCondition){.kind = condition_kind(symbol->decl->kind), .condition = symbol->condition});
    }
}

/* The method's row, or -1 after an error. */
static int read_method(TrainPlan *plan)
{
    Session *s = plan->s;
    const Expr *expr = plan->decl->value;
    Construct constructs[METHOD_COUNT];
    Argument arguments[MOST_PARAMETERS];
    for (int i = 0; i < METHOD_COUNT; i++)
        constructs[i] = method_construct(&method_traits[i]);
    int row = read_construct(s, expr, CONSTRUCTS(constructs), "a method to train by", arguments);
    plan->method = row < 0 ? 0 : 1u << row;
    plan->train.method = (MethodKind)(row < 0 ? 0 : row);
    if (row >= 0)
        read_conditions(plan, &method_traits[row], arguments);
    return row;
}

/* A schedule that follows the metric that selects the best evaluation, as models write it; NULL: there is none. */
static const char *watching_schedule(const Phase *phase)
{
    for (uint32_t i = 0; i <= phase->parts.len; i++) {
        const Optimizer *optimizer = phase_optimizer(phase, i);
        if (schedule_traits[optimizer->schedule.kind].watches)
            return schedule_traits[optimizer->schedule.kind].name;
    }
    return NULL;
}

static void add_help_on_watching(TrainPlan *plan, const char *what)
{
    if (plan->method & (IN_PLAIN | IN_JOINT))
        add_help(plan->s, "add a line such as 'validate fit(mnist.valid)'");
    else
        add_help(plan->s, "'%s' selects no evaluation; no %s of it follows a metric", method_traits[plan->train.method].name, what);
}

static void check_watched(TrainPlan *plan)
{
    Session *s = plan->s;
    const AverageTraits *average = &average_traits[plan->train.average.kind];
    bool watched = plan->train.select >= 0 || plan->missing;
    if (!watched && average->watches) {
        fail(s, find_setting(plan, "average")->span, "the average '%s' needs something to watch", average->name);
        add_help_on_watching(plan, "average");
    }
    for (uint32_t i = 0; i < plan->train.phases.len && !watched; i++) {
        const Phase *phase = &plan->train.phases.data[i];
        const Setting *setting = find_setting(plan, phase->name);
        const char *schedule = watching_schedule(phase);
        if (!setting || !schedule)
            continue;
        fail(s, setting->span, "the schedule '%s' needs something to watch", schedule);
        add_help_on_watching(plan, "schedule");
    }
}

void lower_train(Session *s, const Decl *decl)
{
    TrainPlan plan = {.s = s, .decl = decl};
    unsigned column;
    if (read_method(&plan) < 0)
        return;
    plan.train.name = arena_copy(&s->module->arena, decl->name.text);
    span_place(decl->span, &plan.train.line, &column);
    for (const Setting *setting = decl->settings.first; setting; setting = setting->next)
        check_setting(&plan, setting);
    read_average(&plan);
    readers[plan.train.method]->lower(&plan);
    check_watched(&plan);
    report_missing(&plan);
    vec_push(&s->model->trains, plan.train);
}

void check_response(Session *s, const Decl *decl)
{
    const Train *train = &vec_last(&s->model->trains);
    const MethodReader *reader = readers[train->method];
    if (!check_drawn(s, decl, train) || !reader->check_response)
        return;
    for (uint32_t i = 0; i < train->conditions.len; i++) {
        uint32_t condition = train->conditions.data[i].condition;
        if (responds(s->model, condition))
            continue;
        reader->check_response(s, decl, train, condition);
        return;
    }
}

const MethodReader *reader_of(const Train *train)
{
    return readers[train->method];
}
