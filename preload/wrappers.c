/*
 * Everything that this library exports, and nothing else. Each symbol is a line
 * or two; what it does stands behind it under a name of its own. Exports carry
 * no version, so that callers of any version of the name arrive here.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "adopt.h"
#include "blocking.h"
#include "groups.h"
#include "kernel.h"
#include "multicast.h"
#include "names.h"
#include "old_signals.h"
#include "paths.h"
#include "process.h"
#include "program_memory.h"
#include "real.h"
#include "sandbox.h"
#include "shutdown.h"
#include "signals.h"
#include "steering.h"
#include "waits.h"

/*
 * The symbol's name is given to the assembler alone: libc's headers declare the
 * same function with transparent unions and fortified inlines.
 */
#define EXPORT(type, symbol, parameters)                                                           \
    type export_##symbol parameters __asm__(#symbol) __attribute__((visibility("default"), used)); \
    type export_##symbol parameters

/* Another name of one that is exported here. */
#define EXPORT_AS(type, symbol, parameters, exported)                                              \
    type export_##symbol parameters __asm__(#symbol)                                               \
        __attribute__((visibility("default"), alias(#exported)))

EXPORT(int, bind, (int fd, const struct sockaddr *address, socklen_t length))
{
    return session.active ? bind_or_adopt(fd, address, length) : real()->bind(fd, address, length);
}

EXPORT(int, listen, (int fd, int backlog))
{
    return session.active ? listen_and_tell(fd, backlog) : real()->listen(fd, backlog);
}

EXPORT(int, connect, (int fd, const struct sockaddr *address, socklen_t length))
{
    return attends(ATTENTION_UNLISTENED) ? connect_client(fd, address, length)
                                         : real()->connect(fd, address, length);
}

EXPORT(int, accept, (int fd, struct sockaddr *address, socklen_t *length))
{
    return wait_accept(fd, address, length, 0);
}

EXPORT(int, accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags))
{
    return wait_accept(fd, address, length, flags);
}

EXPORT(int, getsockname, (int fd, struct sockaddr *address, socklen_t *length))
{
    return name_of_socket(fd, address, length);
}

EXPORT(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length))
{
    int saved = errno;
    int result;

    if (session.active)
        note_before_device(fd, level, name);
    announce_steering(level, name);
    result = real()->setsockopt(fd, level, name, value, length);
    if (result == -1 && has_inherited_membership(fd, level, name)) {
        errno = saved;
        return 0;
    }
    return result;
}

EXPORT(int, shutdown, (int fd, int how))
{
    return session.inherits || attends(ATTENTION_UPGRADE) ? shut_down_own(fd, how)
                                                          : real()->shutdown(fd, how);
}

EXPORT(int, kill, (pid_t target, int number))
{
    return kill_own_generation(target, number);
}

/* POSIX: the group of the caller for 0, and no group that is negative. */
EXPORT(int, killpg, (pid_t group, int number))
{
    if (group < 0) {
        errno = EINVAL;
        return -1;
    }
    return kill_own_generation(-group, number);
}

EXPORT(int, unlink, (const char *path))
{
    return must_keep_path(AT_FDCWD, path) ? 0 : real()->unlink(path);
}

EXPORT(int, unlinkat, (int directory, const char *path, int flags))
{
    return !(flags & AT_REMOVEDIR) && must_keep_path(directory, path)
               ? 0
               : real()->unlinkat(directory, path, flags);
}

EXPORT(int, remove, (const char *path))
{
    return must_keep_path(AT_FDCWD, path) ? 0 : real()->remove(path);
}

EXPORT(int, prctl, (int option, ...))
{
    unsigned long argument[4];
    va_list arguments;

    va_start(arguments, option);
    for (int i = 0; i < 4; i++)
        argument[i] = va_arg(arguments, unsigned long);
    va_end(arguments);
    return option == PR_SET_SECCOMP
               ? enter_sandbox_by_prctl(real()->prctl, option, argument)
               : real()->prctl(option, argument[0], argument[1], argument[2], argument[3]);
}

EXPORT(int, seccomp_load, (const void *context))
{
    return enter_sandbox_by_libseccomp(context);
}

/* Every command takes one argument that fits a long, or none and ignores it: fcntl(2). */
static int set_or_get_flags(int (*call)(int, int, ...), int fd, int command, long argument)
{
    int result;

    if (!attends(ATTENTION_FLAGS) || (command != F_SETFL && command != F_GETFL))
        return call(fd, command, argument);
    if (command == F_SETFL && !program_sets_nonblocking(fd, argument & O_NONBLOCK))
        argument |= O_NONBLOCK;
    result = call(fd, command, argument);
    if (command == F_GETFL && result != -1 && program_believes_blocking(fd))
        result &= ~O_NONBLOCK;
    return result;
}

EXPORT(int, fcntl, (int fd, int command, ...))
{
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    return set_or_get_flags(real()->fcntl, fd, command, argument);
}

EXPORT(int, fcntl64, (int fd, int command, ...))
{
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    return set_or_get_flags(real()->fcntl64, fd, command, argument);
}

EXPORT(int, ioctl, (int fd, unsigned long request, ...))
{
    va_list arguments;
    void *argument;
    int nonblocking;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == FIONBIO && attends(ATTENTION_FLAGS) &&
        read_program_memory(&nonblocking, argument, sizeof nonblocking) &&
        !program_sets_nonblocking(fd, nonblocking))
        return 0;
    return real()->ioctl(fd, request, argument);
}

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

EXPORT(int, sigwait, (const sigset_t *set, int *number))
{
    return wait_sigwait(set, number);
}

EXPORT(int, sigwaitinfo, (const sigset_t *set, siginfo_t *info))
{
    return wait_sigtimedwait(set, info, NULL);
}

EXPORT(int, sigtimedwait, (const sigset_t *set, siginfo_t *info, const struct timespec *timeout))
{
    return wait_sigtimedwait(set, info, timeout);
}

EXPORT(int, signalfd, (int fd, const sigset_t *mask, int flags))
{
    return program_signalfd(fd, mask, flags);
}

EXPORT(int, sigaction, (int number, const struct sigaction *action, struct sigaction *old))
{
    return program_sigaction(number, action, old);
}

EXPORT(program_handler, signal, (int number, program_handler handler))
{
    return program_signal(number, handler);
}

EXPORT(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old))
{
    return program_sigmask(real()->sigprocmask, how, set, old);
}

EXPORT(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *old))
{
    return program_sigmask(real()->pthread_sigmask, how, set, old);
}

/* The mask that a thread begins with: no wrapper sees it later. */
EXPORT(int, pthread_attr_setsigmask_np, (pthread_attr_t * attributes, const sigset_t *set))
{
    sigset_t copy;

    return real()->pthread_attr_setsigmask_np(attributes, without_reserved(set, &copy));
}

EXPORT_AS(program_handler, bsd_signal, (int number, program_handler handler), signal);
EXPORT_AS(program_handler, ssignal, (int number, program_handler handler), signal);

/* What signal() is under -ansi or _XOPEN_SOURCE: signal(2). */
EXPORT(program_handler, __sysv_signal, (int number, program_handler handler))
{
    return program_sysv_signal(number, handler);
}

EXPORT_AS(program_handler, sysv_signal, (int number, program_handler handler), __sysv_signal);

EXPORT(program_handler, sigset, (int number, program_handler handler))
{
    return program_sigset(number, handler);
}

EXPORT(int, sigignore, (int number))
{
    return program_sigignore(number);
}

EXPORT(int, sighold, (int number))
{
    return program_sighold(SIG_BLOCK, number);
}

EXPORT(int, sigrelse, (int number))
{
    return program_sighold(SIG_UNBLOCK, number);
}

EXPORT(int, sigblock, (int mask))
{
    return program_sigblock(SIG_BLOCK, mask);
}

EXPORT(int, sigsetmask, (int mask))
{
    return program_sigblock(SIG_SETMASK, mask);
}

EXPORT(int, siginterrupt, (int number, int interrupt))
{
    return program_siginterrupt(number, interrupt);
}

EXPORT(int, __sigpause, (int signal_or_mask, int is_signal))
{
    return program_sigpause(signal_or_mask, is_signal);
}

/* POSIX gives it a signal, BSD a mask: glibc's header says which, and musl has but the first. */
EXPORT(int, __xpg_sigpause, (int number))
{
    return program_sigpause(number, true);
}

EXPORT(int, sigpause, (int signal_or_mask))
{
#ifdef __GLIBC__
    return program_sigpause(signal_or_mask, false);
#else
    return program_sigpause(signal_or_mask, true);
#endif
}
