#include "read_member.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../preload/protocol.h"
#include "family.h"
#include "procfile.h"

/* proc(5): mode 1 is strict, mode 2 has filters; Linux 5.9 and on say how many. */
static unsigned long long seccomp_filters(const char *status)
{
    unsigned long long mode = status_number(status, "\nSeccomp:", 10);

    if (mode == 1)
        return ULLONG_MAX;
    return strstr(status, "\nSeccomp_filters:") ? status_number(status, "\nSeccomp_filters:", 10)
                                                : mode;
}

/* Those of a container, or of a unit, are the helper's as well, and let it do its work. */
static bool has_filters_of_its_own(const char *status)
{
    static char own_status[PROC_FILE_SIZE];

    if (!own_status[0] && read_proc_file(getpid(), "status", own_status, sizeof own_status) <= 0)
        return false;
    return seccomp_filters(status) > seccomp_filters(own_status);
}

bool read_member(pid_t pid, struct member *member)
{
    char text[PROC_FILE_SIZE];
    const char *field;
    char state = 'Z';
    long threads = 0;

    if (read_proc_file(pid, "stat", text, sizeof text) <= 0)
        return false;
    field = strrchr(text, ')'); /* the command's name may hold anything: proc(5) */
    if (!field ||
        sscanf(field + 1,
               " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
               "%ld %*d %llu",
               &state, &member->group, &threads, (unsigned long long *)&member->started) != 4)
        return false;
    /* main() may have ended by pthread_exit(3), and its threads live on */
    if ((state == 'Z' && threads <= 1) || state == 'X')
        return false;
    if (read_proc_file(pid, "status", text, sizeof text) > 0) {
        member->takes_orders = status_number(text, "\nSigCgt:", 16) >> (ORDER_SIGNAL - 1) & 1;
        member->sandboxed = has_filters_of_its_own(text);
    }
    return true;
}
