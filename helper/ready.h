/* Step 5 of an upgrade: is the new generation ready? */
#ifndef TFHELPER_READY_H
#define TFHELPER_READY_H

#include <stdint.h>

struct generation;

/* A thread waits for clients: ready, if all that is inherited is claimed; else let it settle. */
void settle_or_ready(struct generation *generation);

/* STARTING has begun: arrange for what TFPRELOAD_READY asks for. */
void begin_readiness(struct generation *generation);

/* TOLD: it says that it is ready, or what the operator has chosen says so. */
void ready_as_told(struct generation *generation);

/* What is still unclaimed now will not be claimed: ready without it. */
void settled(struct generation *generation);

/* STARTING, TIMER: is it ready by what is not an event, or has the ready timeout passed? */
void wait_for_ready(struct generation *generation);

/* READY, WAITING and TOLD: a first generation that was not ready in time may be now. */
void waits_late(struct generation *generation);
void told_late(struct generation *generation);

/* The generation has bound a datagram socket: whoever receives on it waits for clients. */
void datagram_socket_bound(struct generation *generation, uint64_t inode);

/*
 * All processes of the older generation have given up their listeners: let go
 * of ours, once no client waits that nobody might know of. Also READY, TIMER.
 */
void finish_upgrade(struct generation *generation);

#endif
