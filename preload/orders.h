/* The handler of the reserved signals: orders from the helper, and upgrades asked of us. */
#ifndef TFPRELOAD_ORDERS_H
#define TFPRELOAD_ORDERS_H

#include <signal.h>

/* How often an order has interrupted this thread: tells our EINTR from the program's own. */
extern _Thread_local unsigned order_interruptions;

void handle_reserved_signal(int number, siginfo_t *info, void *context);

#endif
