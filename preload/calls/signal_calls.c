/* The calls about signals that the library exports: see export.h. */
#include <stdbool.h>

#include "export.h"
#include "old_signals.h"
#include "preload/kernel/real.h"
#include "preload/signals/actions.h"
#include "preload/signals/masks.h"
#include "preload/signals/upgrade_signal.h"
#include "waits.h"

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
