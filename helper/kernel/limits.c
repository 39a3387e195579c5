/*
 * The soft limit is the server's (1024, for the sake of select(2)), which needs one descriptor for
 * each listener and perhaps no other. We need more, and never call select().
 */
#include "limits.h"

#include <stdbool.h>
#include <sys/resource.h>

#include "helper/base/carry.h"

static struct rlimit original;
static bool lifted;

void lift_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &original) == -1)
        return;
    limit = original;
    limit.rlim_cur = limit.rlim_max;
    lifted = setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void restore_descriptor_limit(void)
{
    if (lifted)
        setrlimit(RLIMIT_NOFILE, &original);
}

/* RLIM_INFINITY is -1 here. */
static rlim_t carry_limit(struct carrier *carrier, const char *name, rlim_t limit)
{
    return (rlim_t)carry_number(carrier, name, (int64_t)limit, -1, INT64_MAX);
}

void carry_descriptor_limit(struct carrier *carrier)
{
    lifted = carry_bool(carrier, "limit-lifted", lifted);
    original.rlim_cur = carry_limit(carrier, "limit-soft", original.rlim_cur);
    original.rlim_max = carry_limit(carrier, "limit-hard", original.rlim_max);
}
