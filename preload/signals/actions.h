/*
 * What the program has set for the reserved signals, and the handler of ours that
 * the kernel has instead. What that handler does stands in upgrade/orders.c.
 */
#ifndef TFPRELOAD_ACTIONS_H
#define TFPRELOAD_ACTIONS_H

#include <signal.h>
#include <stdbool.h>

typedef void signal_handler(int number, siginfo_t *info, void *context);

/* The handler of ours, for the constructor: before anything else here is called. */
void set_signal_handler(signal_handler *handler);

/* Is it that one? Async-signal-safe. */
bool is_our_action(const struct sigaction *action);

/*
 * Install our handler for both signals in this process, if it is not there yet, and
 * unblock them in the calling thread. Keeps errno; not in a signal handler.
 */
void protect_signals(void);

/*
 * A process enters a sandbox and is left alone. Both signals are then the program's
 * own: it has the handlers that it asked for, and its calling thread has blocked
 * what it believes to have blocked. Our handler stays for orders if the program has
 * none there. Call this before session.active is reset.
 */
void give_back_signals(void);

/* The sandbox has failed: both are ours again. Call this after session.active is set. */
void take_signals_again(void);

/* What the program has asked for last; and now asks for. Both async-signal-safe. */
const struct sigaction *program_action(int index);
void remember_action(int index, const struct sigaction *action);

/* As sigaction(2), signal(2) and siginterrupt(3) for the program, with any signal. */
int program_sigaction(int number, const struct sigaction *action, struct sigaction *old);
void (*program_signal(int number, void (*handler)(int)))(int);
int program_siginterrupt(int number, int interrupt);

#endif
