/*
 * The calls that signal(7) says are never restarted after a handler, made so
 * that our own orders do not show: an EINTR that only an order caused is waited
 * out, with the time that was left. Each returns and sets errno as the call of
 * its name does.
 */
#ifndef TFPRELOAD_WAITS_H
#define TFPRELOAD_WAITS_H

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

int wait_accept(int fd, struct sockaddr *address, socklen_t *length, int flags);
int wait_poll(struct pollfd *fds, nfds_t count, int timeout);
int wait_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
               const sigset_t *mask);
int wait_select(int highest, fd_set *readers, fd_set *writers, fd_set *exceptions,
                struct timeval *timeout);
int wait_pselect(int highest, fd_set *readers, fd_set *writers, fd_set *exceptions,
                 const struct timespec *timeout, const sigset_t *mask);
int wait_epoll(int set, struct epoll_event *events, int count, int timeout, const sigset_t *mask);
int wait_epoll_pwait2(int set, struct epoll_event *events, int count,
                      const struct timespec *timeout, const sigset_t *mask);
int wait_pause(void);
int wait_sigsuspend(const sigset_t *mask);
int wait_nanosleep(const struct timespec *request, struct timespec *left);
int wait_clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                         struct timespec *left);
unsigned wait_sleep(unsigned seconds);
int wait_thrd_sleep(const struct timespec *request, struct timespec *left);
int wait_usleep(unsigned microseconds);
int wait_sigwait(const sigset_t *set, int *number);
int wait_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);

#endif
