/* Whatever this library opens, it opens beside what the program has: that may be all it is allowed.
 */
#include "descriptor_limit.h"

#include <sys/resource.h>

#include "process.h"

/* An exchange needs a connection and two descriptors that are passed. */
enum { SPARE_DESCRIPTORS = 8 };

/*
 * A server that has used up its descriptors can still be upgraded. The limit is
 * that of all threads: two that lifted it would not restore what it was.
 */
bool lift_descriptor_limit(struct kernel_limit *limit)
{
    struct own_state *own = own_state();
    struct kernel_limit lifted;

    if (!own || atomic_flag_test_and_set(&own->limit_lock))
        return false;
    if (kernel_prlimit(RLIMIT_NOFILE, NULL, limit) == -1) {
        atomic_flag_clear(&own->limit_lock);
        return false;
    }
    lifted = *limit;
    lifted.present = limit->most - limit->present > SPARE_DESCRIPTORS
                         ? limit->present + SPARE_DESCRIPTORS
                         : limit->most;
    kernel_prlimit(RLIMIT_NOFILE, &lifted, NULL);
    return true;
}

void restore_descriptor_limit(const struct kernel_limit *limit)
{
    kernel_prlimit(RLIMIT_NOFILE, limit, NULL);
    atomic_flag_clear(&own_state()->limit_lock);
}
