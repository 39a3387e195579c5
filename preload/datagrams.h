/* Datagram sockets: bound, never listening, and shared by two generations all the same. */
#ifndef TFPRELOAD_DATAGRAMS_H
#define TFPRELOAD_DATAGRAMS_H

#include <stdbool.h>

/*
 * A socket for the old generation in place of datagram socket `service`: bound
 * to the same address, so that late answers leave from there, and deaf. Where
 * that cannot be had, one that is deaf and unbound. Close-on-exec; the caller
 * owns it. -1 with errno set. Async-signal-safe.
 */
int open_deaf_sender(int service);

#endif
