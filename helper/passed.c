/*
 * A descriptor that one process has sent to another (SCM_RIGHTS), and that has
 * not been received yet, is in nobody's /proc/PID/fd. It lies in the unix socket
 * of the receiver, and that is in somebody's.
 */
#include "passed.h"

#include <stdio.h>

#include "look.h"

/* fdinfo says so of a unix socket from Linux 5.6 on. */
static size_t count_in(const struct open_socket *held)
{
    char name[64];
    char text[PROC_FILE_SIZE];

    snprintf(name, sizeof name, "fdinfo/%d", held->fd);
    if (read_proc_file(held->pid, name, text, sizeof text) <= 0)
        return 0;
    return status_number(text, "\nscm_fds:", 10);
}

size_t count_passed(const struct look *look)
{
    size_t count = 0;

    for (size_t i = 0; i < look->held_count; i++)
        if (i == 0 || look->held[i - 1].inode != look->held[i].inode)
            count += count_in(&look->held[i]);
    return count;
}
