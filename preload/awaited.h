/* The upgrade signal in programs that block it and take it with sigwait() or from a signalfd. */
#ifndef TFPRELOAD_AWAITED_H
#define TFPRELOAD_AWAITED_H

#include <signal.h>
#include <stdbool.h>

/* The calling thread waits for it: with sigwait() and the like, or with a signalfd of this set. */
void await_upgrade_signal(void);
void await_on_signalfd(int fd, const sigset_t *set);

/*
 * One that is the program's own, and that the calling thread believes to have
 * blocked: queue it for who waits. Returns whether somebody does. In the signal
 * handler of this `context` only.
 */
bool leave_to_waiter(const siginfo_t *info, void *context);

/* Has it been left so? Then `info` becomes what it was. */
bool was_left(siginfo_t *info);

#endif
