/* Threads that wait for datagrams in a call that no wrapper sees. */
#ifndef TFHELPER_RECEIVERS_H
#define TFHELPER_RECEIVERS_H

#include <stdbool.h>

struct generation;

/* Does a thread of this generation sit in a receive on one of its datagram sockets? */
bool has_receiver(const struct generation *generation);

#endif
