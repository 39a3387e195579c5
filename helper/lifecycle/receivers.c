/*
 * The data path is not wrapped, recvfrom() included, and a thread may have begun
 * to wait before another one adds the listener to its epoll set, or waits by
 * system calls of its own. /proc/PID/task/TID/syscall says who sits in which
 * call, and fdinfo what an epoll set watches.
 */
#include "receivers.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/any_thread.h"

bool has_bound(const struct generation *generation, uint64_t inode)
{
    for (size_t i = 0; i < generation->signs.bound_count; i++)
        if (generation->signs.bound[i] == inode)
            return true;
    return false;
}

static bool waits_on(const struct generation *generation, pid_t pid, unsigned fd, int depth);

/* A line of fdinfo: "tfd: 3 events: 19 data: …", the events in hexadecimal: proc(5). */
static bool watches_bound(const struct generation *generation, pid_t pid, unsigned set, int depth)
{
    char path[64];
    char *line = NULL;
    size_t size = 0;
    unsigned fd;
    unsigned events;
    bool found = false;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%u", pid, set);
    file = fopen(path, "re");
    while (file && !found && getline(&line, &size, file) > 0)
        found = sscanf(line, "tfd: %u events: %x", &fd, &events) == 2 && events & EPOLLIN &&
                waits_on(generation, pid, fd, depth);
    free(line);
    if (file)
        fclose(file);
    return found;
}

/* Epoll sets may be in one another, as deep as the kernel lets them: EP_MAX_NESTS. */
enum { MOST_NESTED = 4 };

/* Is this one of our sockets, or an epoll set with one of them? */
static bool waits_on(const struct generation *generation, pid_t pid, unsigned fd, int depth)
{
    char target[LINK_SIZE];
    unsigned long long inode;

    if (fd > INT_MAX || read_fd_link(pid, (int)fd, target) != IS_THERE)
        return false;
    if (parse_socket_link(target, &inode))
        return has_bound(generation, inode);
    return depth > 0 && strcmp(target, "anon_inode:[eventpoll]") == 0 &&
           watches_bound(generation, pid, fd, depth - 1);
}

/* Calls whose first argument is what a client comes to. */
static const long calls[] = {
#ifdef SYS_accept
    SYS_accept,
#endif
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
    SYS_accept4,      SYS_epoll_pwait, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_read,
};

static bool is_receiving_call(long number)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i] == number)
            return true;
    return false;
}

static bool is_receiving(pid_t pid, pid_t thread, const void *data)
{
    const struct generation *generation = data;
    struct thread_call call;

    return read_syscall(pid, thread, &call) == IS_THERE && is_receiving_call(call.number) &&
           waits_on(generation, pid, (unsigned)call.first_argument, MOST_NESTED);
}

bool has_receiver(const struct generation *generation)
{
    return any_thread_of(generation->number, is_receiving, generation);
}
