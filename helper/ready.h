/* Step 5 of an upgrade: is the new generation ready? */
#ifndef TFHELPER_READY_H
#define TFHELPER_READY_H

struct generation;

/* A thread waits for clients: ready, if all that is inherited is claimed; else let it settle. */
void settle_or_ready(struct generation *generation);

/* What is still unclaimed now will not be claimed: ready without it. */
void settled(struct generation *generation);

/* The ready timeout has passed. */
void ready_timed_out(struct generation *generation);

/*
 * All processes of the older generation have given up their listeners: let go
 * of ours, once no client waits that nobody might know of. Also READY, TIMER.
 */
void finish_upgrade(struct generation *generation);

#endif
