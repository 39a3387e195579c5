/* libc's own versions of the functions that the library exports (preload/calls). */
#ifndef TFPRELOAD_REAL_H
#define TFPRELOAD_REAL_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

/* In musl these are other names of functions, which would make members of one name. */
#undef open64
#undef openat64

typedef void (*program_handler)(int);

/* return type, name, parameters */
#define REAL_FUNCTIONS(F)                                                                          \
    F(int, bind, (int, const struct sockaddr *, socklen_t))                                        \
    F(int, listen, (int, int))                                                                     \
    F(int, connect, (int, const struct sockaddr *, socklen_t))                                     \
    F(int, accept, (int, struct sockaddr *, socklen_t *))                                          \
    F(int, accept4, (int, struct sockaddr *, socklen_t *, int))                                    \
    F(int, getsockname, (int, struct sockaddr *, socklen_t *))                                     \
    F(int, setsockopt, (int, int, int, const void *, socklen_t))                                   \
    F(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *))               \
    F(ssize_t, __recvfrom_chk, (int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *)) \
    F(ssize_t, recvmsg, (int, struct msghdr *, int))                                               \
    F(int, recvmmsg, (int, struct mmsghdr *, unsigned, int, struct timespec *))                    \
    F(ssize_t, sendto, (int, const void *, size_t, int, const struct sockaddr *, socklen_t))       \
    F(ssize_t, sendmsg, (int, const struct msghdr *, int))                                         \
    F(int, sendmmsg, (int, struct mmsghdr *, unsigned, int))                                       \
    F(int, shutdown, (int, int))                                                                   \
    F(int, kill, (pid_t, int))                                                                     \
    F(int, sigqueue, (pid_t, int, const union sigval))                                             \
    F(int, pidfd_open, (pid_t, unsigned))                                                          \
    F(int, execve, (const char *, char *const[], char *const[]))                                   \
    F(int, prctl, (int, ...))                                                                      \
    F(int, unlink, (const char *))                                                                 \
    F(int, unlinkat, (int, const char *, int))                                                     \
    F(int, remove, (const char *))                                                                 \
    F(int, rename, (const char *, const char *))                                                   \
    F(int, renameat, (int, const char *, int, const char *))                                       \
    F(int, renameat2, (int, const char *, int, const char *, unsigned))                            \
    F(int, link, (const char *, const char *))                                                     \
    F(int, linkat, (int, const char *, int, const char *, int))                                    \
    F(int, fcntl, (int, int, ...))                                                                 \
    F(int, fcntl64, (int, int, ...))                                                               \
    F(int, flock, (int, int))                                                                      \
    F(int, lockf, (int, int, off_t))                                                               \
    F(int, open, (const char *, int, ...))                                                         \
    F(int, open64, (const char *, int, ...))                                                       \
    F(int, openat, (int, const char *, int, ...))                                                  \
    F(int, openat64, (int, const char *, int, ...))                                                \
    F(int, ioctl, (int, unsigned long, ...))                                                       \
    F(int, poll, (struct pollfd *, nfds_t, int))                                                   \
    F(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))            \
    F(int, __poll_chk, (struct pollfd *, nfds_t, int, size_t))                                     \
    F(int, __ppoll_chk,                                                                            \
      (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t))                \
    F(int, select, (int, fd_set *, fd_set *, fd_set *, struct timeval *))                          \
    F(int, pselect,                                                                                \
      (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *))              \
    F(int, epoll_ctl, (int, int, int, struct epoll_event *))                                       \
    F(int, epoll_wait, (int, struct epoll_event *, int, int))                                      \
    F(int, epoll_pwait, (int, struct epoll_event *, int, int, const sigset_t *))                   \
    F(int, epoll_pwait2,                                                                           \
      (int, struct epoll_event *, int, const struct timespec *, const sigset_t *))                 \
    F(int, pause, (void))                                                                          \
    F(int, nanosleep, (const struct timespec *, struct timespec *))                                \
    F(int, clock_nanosleep, (clockid_t, int, const struct timespec *, struct timespec *))          \
    F(int, sigsuspend, (const sigset_t *))                                                         \
    F(int, sigwait, (const sigset_t *, int *))                                                     \
    F(int, sigwaitinfo, (const sigset_t *, siginfo_t *))                                           \
    F(int, sigtimedwait, (const sigset_t *, siginfo_t *, const struct timespec *))                 \
    F(int, signalfd, (int, const sigset_t *, int))                                                 \
    F(program_handler, signal, (int, program_handler))                                             \
    F(int, siginterrupt, (int, int))                                                               \
    F(int, sigaction, (int, const struct sigaction *, struct sigaction *))                         \
    F(int, sigprocmask, (int, const sigset_t *, sigset_t *))                                       \
    F(int, pthread_sigmask, (int, const sigset_t *, sigset_t *))                                   \
    F(int, pthread_attr_setsigmask_np, (pthread_attr_t *, const sigset_t *))

struct real {
#define REAL_MEMBER(type, name, parameters) type(*name) parameters;
    REAL_FUNCTIONS(REAL_MEMBER)
#undef REAL_MEMBER
};

/*
 * The table, resolved on first use: by the constructor, or by a call that comes
 * even earlier (an allocator that starts itself). A function that this libc
 * lacks is there too, and fails with ENOSYS.
 */
const struct real *real(void);

#endif
