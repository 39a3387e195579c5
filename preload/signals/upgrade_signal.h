/*
 * The upgrade signal: whose it is, and how it reaches programs that block it and take
 * it with sigwait() or from a signalfd.
 */
#ifndef TFPRELOAD_UPGRADE_SIGNAL_H
#define TFPRELOAD_UPGRADE_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

/*
 * Has the helper taken this signal for a request to upgrade? It is asked, unless
 * the kernel or a timer has sent it. Changes errno; async-signal-safe. False for
 * the program's own.
 */
bool helper_takes_signal(const siginfo_t *info);

/*
 * One that is the program's own, and that the calling thread believes to have
 * blocked: queue it for the thread that waits. Returns whether there is one. In the
 * signal handler of this `context` only.
 */
bool leave_to_waiter(const siginfo_t *info, void *context);

/*
 * What sigwait() and the like are to wait for: `set` without the reserved signals,
 * but with the upgrade signal if the program waits for that.
 */
const sigset_t *set_to_await(const sigset_t *set, sigset_t *copy);

/*
 * They have got this signal: was it a request that the helper has taken, so that
 * the wait goes on? Keeps errno.
 */
bool is_upgrade_request(int number, siginfo_t *info);

/* As signalfd(2) for the program. */
int program_signalfd(int fd, const sigset_t *mask, int flags);

#endif
