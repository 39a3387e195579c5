/*
 * A descriptor that one process has sent to another (SCM_RIGHTS), and that has
 * not been received yet, is in nobody's /proc/PID/fd. It lies in the unix socket
 * of the receiver, and that is in somebody's.
 */
#include "passed.h"

#include <stdint.h>

#include "look.h"

/* fdinfo says so of a unix socket from Linux 5.6 on. */
static size_t count_in(const struct open_socket *held)
{
    uint64_t count;

    switch (read_fdinfo(held->pid, held->fd, "scm_fds:", &count)) {
    case IS_THERE:
        return (size_t)count;
    case CANNOT_TELL: /* there may be one, for all we know */
        return 1;
    case IS_GONE:
        break;
    }
    return 0;
}

size_t count_passed(const struct look *look)
{
    size_t count = 0;

    for (size_t i = 0; i < look->held_count; i++)
        if (i == 0 || look->held[i - 1].inode != look->held[i].inode)
            count += count_in(&look->held[i]);
    return count;
}
