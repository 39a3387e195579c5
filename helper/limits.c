/*
 * The soft limit is the server's (1024, for the sake of select(2)), which needs one descriptor for
 * each listener and perhaps no other. We need more, and never call select().
 */
#include "limits.h"

#include <stdbool.h>
#include <sys/resource.h>

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
