/* Threads that wait for datagrams in a call that no wrapper sees. */
#ifndef TFHELPER_RECEIVERS_H
#define TFHELPER_RECEIVERS_H

#include <stdbool.h>
#include <stdint.h>

struct generation;

/* Is this one of the datagram sockets that the generation has bound, or was activated with? */
bool has_bound(const struct generation *generation, uint64_t inode);

/* Does a thread of this generation sit in a receive on one of its datagram sockets? */
bool has_receiver(const struct generation *generation);

#endif
