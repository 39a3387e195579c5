/* The calls that wait, for clients or for time, and that the library exports: see export.h. */
#include "export.h"
#include "preload/kernel/real.h"
#include "preload/process/notes.h"
#include "preload/process/process.h"
#include "preload/upgrade/registration.h"
#include "waits.h"

EXPORT(int, poll, (struct pollfd * fds, nfds_t count, int timeout))
{
    return wait_poll(fds, count, timeout);
}

EXPORT(int, ppoll,
       (struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask))
{
    return wait_ppoll(fds, count, timeout, mask);
}

/* What -D_FORTIFY_SOURCE calls: `size` is that of the array behind fds. */
EXPORT(int, __poll_chk, (struct pollfd * fds, nfds_t count, int timeout, size_t size))
{
    if (size / sizeof *fds < count)
        return real()->__poll_chk(fds, count, timeout, size);
    return wait_poll(fds, count, timeout);
}

EXPORT(int, __ppoll_chk,
       (struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
        size_t size))
{
    if (size / sizeof *fds < count)
        return real()->__ppoll_chk(fds, count, timeout, mask, size);
    return wait_ppoll(fds, count, timeout, mask);
}

EXPORT(int, select,
       (int highest, fd_set *readers, fd_set *writers, fd_set *exceptions, struct timeval *timeout))
{
    return wait_select(highest, readers, writers, exceptions, timeout);
}

EXPORT(int, pselect,
       (int highest, fd_set *readers, fd_set *writers, fd_set *exceptions,
        const struct timespec *timeout, const sigset_t *mask))
{
    return wait_pselect(highest, readers, writers, exceptions, timeout, mask);
}

EXPORT(int, epoll_ctl, (int set, int operation, int fd, struct epoll_event *event))
{
    return attends(ATTENTION_ADOPTED | ATTENTION_UPGRADE) || is_marked(fd)
               ? change_registration(set, operation, fd, event)
               : real()->epoll_ctl(set, operation, fd, event);
}

EXPORT(int, epoll_wait, (int set, struct epoll_event *events, int count, int timeout))
{
    return wait_epoll(set, events, count, timeout, NULL);
}

EXPORT(int, epoll_pwait,
       (int set, struct epoll_event *events, int count, int timeout, const sigset_t *mask))
{
    return wait_epoll(set, events, count, timeout, mask);
}

EXPORT(int, epoll_pwait2,
       (int set, struct epoll_event *events, int count, const struct timespec *timeout,
        const sigset_t *mask))
{
    return wait_epoll_pwait2(set, events, count, timeout, mask);
}

EXPORT(int, pause, (void))
{
    return wait_pause();
}

EXPORT(int, nanosleep, (const struct timespec *request, struct timespec *left))
{
    return wait_nanosleep(request, left);
}

EXPORT(int, clock_nanosleep,
       (clockid_t clock, int flags, const struct timespec *request, struct timespec *left))
{
    return wait_clock_nanosleep(clock, flags, request, left);
}

EXPORT(unsigned, sleep, (unsigned seconds))
{
    return wait_sleep(seconds);
}

EXPORT(int, usleep, (useconds_t microseconds))
{
    return wait_usleep(microseconds);
}

EXPORT(int, thrd_sleep, (const struct timespec *request, struct timespec *left))
{
    return wait_thrd_sleep(request, left);
}

EXPORT(int, sigsuspend, (const sigset_t *mask))
{
    return wait_sigsuspend(mask);
}
