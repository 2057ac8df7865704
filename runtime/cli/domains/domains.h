/* What a user writes for a condition that has no value of its own, by the domain of its values (runtime/abi/domains.def). */
#ifndef HN_RUNTIME_DOMAINS_H
#define HN_RUNTIME_DOMAINS_H

#include "runtime/core/manifest.h"

enum { DOMAIN_TEXT = 640 };

/* One file per row of domains.def. */
typedef struct Domain {
    /* The `width` numbers of the condition, which the flag ("--task") gives. False (reported) if the text is no value of it. */
    bool (*parse)(const char *flag, const ConditionInfo *condition, const char *text, double *values);
    /* What is to be said of it, behind "say with --task": "which one, from 0 to 9". */
    void (*wanted)(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT]);
    /* What --help says of the flag. */
    void (*help)(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT]);
} Domain;
#define DOMAIN(KIND, name, ...) extern const Domain domain_##name;
#include "runtime/abi/domains.def"
#undef DOMAIN
const Domain *domain_of(const ConditionInfo *condition);

/* The hyperparameter whose name these bytes are; NULL (reported): the model has none of that name. */
const HyperInfo *find_hyper(const Manifest *manifest, const char *name, size_t length);
/* The unconstrained numbers of the natural values in the text, which the flag ("--hyper") gives. False (reported) if it is no
 * value of the hyperparameter. */
bool parse_hyper(const char *flag, const HyperInfo *hyper, const char *text, double *raw);

/* "1,2,1" as `count` finite numbers. */
bool parse_numbers(const char *text, size_t count, double *numbers);
/* Reports that the text is no such list; `name`: of what the flag ("--task") gives, or "". */
bool refuse_numbers(const char *flag, const char *name, size_t count, const char *text);
/* "its 16 numbers" */
void wanted_numbers(const Manifest *manifest, const ConditionInfo *condition, char text[static DOMAIN_TEXT]);

#endif
