/* The handler of the reserved signals: orders from the helper, and upgrades asked of us. */
#ifndef TFPRELOAD_ORDERS_H
#define TFPRELOAD_ORDERS_H

#include <signal.h>
#include <stdbool.h>

/* How often an order has interrupted this thread: tells our EINTR from the program's own. */
extern _Thread_local unsigned order_interruptions;

/* Whose upgrade signal is it? Asks the helper, and changes errno. Returns false for the program's
 * own. */
bool helper_takes_signal(const siginfo_t *info);

void handle_reserved_signal(int number, siginfo_t *info, void *context);

#endif
