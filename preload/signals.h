/*
 * The two reserved signals: SIGURG, which carries the helper's orders, and the
 * upgrade signal. They stay unblocked and ours whatever the program does, and
 * the program sees of them what it would without us.
 */
#ifndef TFPRELOAD_SIGNALS_H
#define TFPRELOAD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* Install our handlers in this process, once. Keeps errno; not in a signal handler. */
void protect_signals(void);

/* SIGURG must reach a process that blocks everything before it listens. For the constructor. */
void unblock_order_signal(void);

/* Copy `set` without the reserved signals; returns `copy`, or NULL for NULL. */
const sigset_t *without_reserved(const sigset_t *set, sigset_t *copy);

/*
 * What sigwait() and the like are to wait for: as above, but for the upgrade
 * signal, if it is in `set`. Of what they get, is it a request that the helper
 * has taken? Keeps errno.
 */
const sigset_t *set_to_await(const sigset_t *set, sigset_t *copy);
bool is_upgrade_request(int number, siginfo_t *info);

/* As sigaction(2), signal(2), siginterrupt(3), sigprocmask(2), signalfd(2): what the program sets
 * and gets. */
int program_sigaction(int number, const struct sigaction *action, struct sigaction *old);
void (*program_signal(int number, void (*handler)(int)))(int);
int program_siginterrupt(int number, int interrupt);
int program_sigmask(int (*set_mask)(int, const sigset_t *, sigset_t *), int how,
                    const sigset_t *set, sigset_t *old);
int program_signalfd(int fd, const sigset_t *mask, int flags);

/*
 * Deliver a reserved signal that is not ours as the program wanted it: its
 * handler, the default, or nothing. In the signal handler only.
 */
void deliver_to_program(int number, siginfo_t *info, void *context);

/*
 * In a process that is left alone, the reserved signals are the program's own,
 * but for orders that it has no handler for, and its calling thread has blocked
 * what it believes to have; and ours again. The first must come before
 * session.active is reset, the second after it is set.
 */
void give_back_signals(void);
void take_signals_again(void);

#endif
