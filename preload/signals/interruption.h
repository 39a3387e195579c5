/* An order interrupts a thread in a system call: how the program does not see that. */
#ifndef TFPRELOAD_INTERRUPTION_H
#define TFPRELOAD_INTERRUPTION_H

#include <stdbool.h>

/* How often an order has interrupted this thread: tells our EINTR from the program's own. */
extern _Thread_local unsigned order_interruptions;

/*
 * This thread waits in a call of ours in place of accept(), which SA_RESTART would make again: a
 * signal of the program's that has such a handler, and comes with ours, must not show.
 */
extern _Thread_local bool stands_for_accept;

/*
 * The handler of an order is about to return. `context` is its third argument. Only
 * in a handler of ours.
 */
void hide_interruption(void *context);

#endif
