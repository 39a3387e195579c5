/*
 * The program keeps its descriptor number, and another socket stands behind it. No
 * wrapper is needed for that, and no table: which numbers and which epoll sets are
 * meant is what scan.c has found.
 */
#include "replace.h"

#include <errno.h>
#include <sched.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "scan.h"

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28) /* Linux 4.5 */
#endif

/*
 * epoll(7) watches the open file description, not the number: once the number
 * is replaced, the old registration can be removed by nobody and reports
 * events for ever. So: remove, replace, add.
 */
static int unregister(const struct registration *registration)
{
    kernel_epoll_ctl(registration->set, EPOLL_CTL_DEL, registration->fd, NULL);
    return 0;
}

/* A set that the program has under two numbers (dup(2), as Rust's mio) is found twice. */
static int register_again(const struct registration *registration)
{
    struct epoll_event event = {.events = registration->events, .data.u64 = registration->data};
    int result = kernel_epoll_ctl(registration->set, EPOLL_CTL_ADD, registration->fd, &event);

    return result == -1 && errno == EEXIST ? 0 : result;
}

static int put_behind(const struct scan *scan, int fd, int socket, int flags)
{
    int error = 0;

    for_each_registration(scan, fd, unregister);
    if (kernel_dup3(socket, fd, flags) == -1)
        error = errno;
    if (for_each_registration(scan, fd, register_again) == -1 && error == 0)
        error = errno;
    if (error)
        errno = error;
    return error ? -1 : 0;
}

/*
 * A set may have no room (ENOSPC: other processes of this user share it), and what is in none waits
 * for ever: then the program keeps what it has. What has been taken out has left room for that.
 */
static int put_behind_or_undo(const struct scan *scan, int fd, int socket, int flags)
{
    int before = kernel_fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int result;
    int error;

    if (before == -1)
        return -1;
    result = put_behind(scan, fd, socket, flags);
    error = errno;
    if (result == -1)
        put_behind(scan, fd, before, flags);
    kernel_close(before);
    errno = error;
    return result;
}

int replace_descriptor(const struct scan *scan, int fd, int replacement)
{
    int flags = kernel_fcntl(fd, F_GETFD, 0) & FD_CLOEXEC ? O_CLOEXEC : 0;
    const struct found_socket *found = find_found(scan, fd);

    if (scan->sockets > 0 && (!found || found->inode != socket_inode(fd))) {
        errno = ESTALE;
        return -1;
    }
    if (found && found->registered)
        return put_behind_or_undo(scan, fd, replacement, flags);
    return put_behind(scan, fd, replacement, flags);
}

/*
 * Threads change registrations meanwhile, and none may be missing for a moment. What EPOLLONESHOT
 * has disarmed is left alone: a thread has been told of a client, and arms it when it has accepted
 * it. An exclusive one cannot be changed, epoll_ctl(2), and so no thread does.
 */
static void renew(const struct registration *registration)
{
    struct epoll_event event = {.events = registration->events, .data.u64 = registration->data};

    if (event.events & EPOLLEXCLUSIVE) {
        unregister(registration);
        register_again(registration);
    } else if (!(event.events & EPOLLONESHOT) || event.events & EPOLLIN) {
        kernel_epoll_ctl(registration->set, EPOLL_CTL_MOD, registration->fd, &event);
    }
}

void renew_registrations(const struct scan *scan)
{
    for (unsigned i = 0; i < scan->registrations; i++)
        renew(&scan->registration[i]);
}

int replace_socket(struct scan *scan, int fd, int replacement)
{
    int result = -1;

    scan_for_socket(scan, socket_inode(fd));
    for (unsigned i = 0; i < scan->sockets; i++)
        if (replace_descriptor(scan, scan->socket[i].fd, replacement) == 0 &&
            scan->socket[i].fd == fd)
            result = 0;
    /* /proc is missing: then at least the number that we were given */
    return result == 0 ? 0 : replace_descriptor(scan, fd, replacement);
}

int put_in_place(int fd, int socket)
{
    struct scan *scan;
    int result;

    while (!(scan = lock_scan()))
        sched_yield();
    result = replace_socket(scan, fd, socket);
    unlock_scan(scan);
    return result;
}
