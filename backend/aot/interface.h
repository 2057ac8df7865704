/* The C functions of an object that `hnc aot` makes, as the header declares them and the object defines them:
 *
 *     NAME_generate(conditions..., weights, workspace)               once per value of the conditions
 *     NAME_EXPORT_with(weights, example..., result, workspace)       with what NAME_generate left in `weights`
 *     NAME_EXPORT(arguments in the export's order..., result, workspace)
 *
 * An export that takes no conditions has the last one alone. All give a status. They write only to `weights`, the result and the
 * workspace, so any number of threads may call them, each with a workspace of its own. */
#ifndef HNC_BACKEND_AOT_INTERFACE_H
#define HNC_BACKEND_AOT_INTERFACE_H

#include "passes/schedule.h"
#include "passes/serve.h"

typedef enum {
    PARAMETER_PARAMETERS, /* the trained numbers, where the object does not hold them */
    PARAMETER_WEIGHTS,    /* what conditions generate: written by generate, read by _with */
    PARAMETER_CONDITION,  /* a vector by address, an index as a number */
    PARAMETER_EXAMPLE,    /* by address: of all examples of a call, one behind the other */
    PARAMETER_ROW,        /* the number of the example, where the export draws random numbers */
    PARAMETER_COUNT,      /* how many examples, where calls may have any number */
    PARAMETER_RESULT,     /* by address, as of the example */
    PARAMETER_WORKSPACE,
} ParameterKind;

typedef struct Parameter {
    ParameterKind kind;
    const char *name; /* as C has it */
    const char *argument; /* as the model has it; NULL: it is no argument */
    Type type;        /* of conditions, of examples and results: with the axis of a batch. Others: unused */
    int condition;    /* the number of the condition; -1: it is none */
} Parameter;

typedef enum { AOT_GENERATE, AOT_WITH, AOT_WHOLE } AotKind;

typedef struct AotFunction {
    AotKind kind;
    const char *name; /* "adult_score_with" */
    const char *macro; /* the same in capitals, without "_WITH" */
    int served, generator; /* numbers in the service; -1: none */
    VEC(Parameter) parameters;
    int64_t workspace; /* bytes */
} AotFunction;

/* Status codes beside ServeStatus. */
enum { AOT_POINTER = 3 }; /* an address is NULL, or not aligned to AOT_ALIGNMENT where that is asked for */
enum { AOT_ALIGNMENT = 16 }; /* of workspace and weights: what malloc gives */

typedef struct Interface {
    Arena arena;
    const char *file; /* as given, of which the files' names are made */
    const char *name; /* "adult": a C identifier */
    const char *version; /* of hnc */
    const Service *service;
    const Plan *plan; /* PLAN_SERVED, of the service's functions */
    bool external;    /* the numbers are in a file of their own */
    VEC(AotFunction) functions;
} Interface;

/* `name` may be any text: what C does not allow in an identifier becomes '_'. Free it with interface_free. */
void interface_make(Interface *interface, const char *name, const char *version, const Service *service, const Plan *plan,
                    bool external);
void interface_free(Interface *interface);

int64_t largest_workspace(const Interface *interface); /* bytes, of all functions */
/* The number of the function in the plan. */
uint32_t schedule_of(const Plan *plan, const Function *function);
/* A name for a parameter or a member: the name itself or, where that is a word of C or C++, one that may be a macro or that hnc gives, or differs
 * from one of the others at most in case (macros are made of it), with `_` behind it. */
const char *parameter_name(Arena *arena, const char *name, uint32_t count, const char *const *others);
/* "adult" -> "ADULT" */
const char *in_capitals(Arena *arena, const char *text);
/* The conditions' numbers after a generator's name; the C name of the generator's function. */
const char *generator_name(const Interface *interface, int generator);

#endif
