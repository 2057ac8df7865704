#include "runtime/cli/domains/domains.h"

const Domain *domain_of(const ConditionInfo *condition)
{
    static const Domain *const domains[DOMAIN_COUNT] = {
#define DOMAIN(KIND, name, ...) &domain_##name,
#include "runtime/abi/domains.def"
#undef DOMAIN
    };
    return domains[condition->domain];
}
