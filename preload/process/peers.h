/*
 * Whom this process talks to over its datagram sockets: TFPRELOAD_UDP=sessions. At an upgrade the
 * helper leaves these peers to the old generation, and the kernel could not say who they are.
 */
#ifndef TFPRELOAD_PEERS_H
#define TFPRELOAD_PEERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "preload/wire/peer_table.h"

extern struct peer_table *_Atomic peer_table;

/* Is there anything to do for the wrappers of sending and receiving? */
static inline bool keeps_peers(void)
{
    return atomic_load_explicit(&peer_table, memory_order_acquire) != NULL;
}

/*
 * Map the table that the helper keeps for this generation, if it does and we have not yet. Not in a
 * signal handler. Changes errno.
 */
void begin_keeping_peers(void);

/* Socket `fd` serves: its peers are kept. Other numbers are looked up anew. Async-signal-safe. */
void keep_peers_of(int fd, ino_t inode);

/*
 * Something has come from this address to `fd`, or gone to it. Where a successor serves and the
 * peer is new, the helper is told before this returns: its next datagram comes here, too. For any
 * descriptor, if keeps_peers(). Async-signal-safe; keeps errno.
 */
void note_received(int fd, const struct sockaddr *address, socklen_t length);
void note_sent(int fd, const struct sockaddr *address, socklen_t length);

/* Has a successor taken over, so that a new peer must be noted before something is sent to it? */
bool has_peer_successor(void);

#endif
