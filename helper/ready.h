/* Step 5 of an upgrade: is the new generation ready? */
#ifndef TFHELPER_READY_H
#define TFHELPER_READY_H

#include <stdint.h>

struct generation;

/* A thread waits for clients: ready, if all that is inherited is claimed; else let it settle. */
void settle_or_ready(struct generation *generation);

/* What is still unclaimed now will not be claimed: ready without it. */
void settled(struct generation *generation);

/* STARTING, TIMER: does a thread receive datagrams by now, or has the ready timeout passed? */
void wait_for_ready(struct generation *generation);

/* The generation has bound a datagram socket: whoever receives on it waits for clients. */
void datagram_socket_bound(struct generation *generation, uint64_t inode);

/*
 * All processes of the older generation have given up their listeners: let go
 * of ours, once no client waits that nobody might know of. Also READY, TIMER.
 */
void finish_upgrade(struct generation *generation);

#endif
