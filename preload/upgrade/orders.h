/* The handler of the reserved signals: orders from the helper, and upgrades asked of us. */
#ifndef TFPRELOAD_ORDERS_H
#define TFPRELOAD_ORDERS_H

#include <signal.h>

/*
 * The library's one signal handler, of type signal_handler. It carries out what the
 * helper orders, passes a request to upgrade on to the helper, and delivers what is
 * neither to the program.
 */
void handle_reserved_signal(int number, siginfo_t *info, void *context);

#endif
