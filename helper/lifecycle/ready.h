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

/* TRYING, TAKEN: clients have shown it. */
void served_in_trial(struct generation *generation);

/* STARTING, TIMER: is it ready by what is not an event, or has the ready timeout passed? */
void wait_for_ready(struct generation *generation);

/* STARTING, DENIED: ask the probe again in a moment. */
void probe_later(struct generation *generation);

/* UNREADY, WAITING and TOLD: a first generation that was not ready in time may be now. */
void waits_late(struct generation *generation);
void told_late(struct generation *generation);

/* The generation has bound a socket to serve there: whoever waits on it waits for clients. */
void socket_bound(struct generation *generation, uint64_t inode);

/* STARTING, BOUND: look soon whether somebody receives on it. */
void look_for_receivers(struct generation *generation);

#endif
