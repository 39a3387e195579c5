/* TFPRELOAD_UDP=sessions: who talks to a generation over a datagram socket stays with it. */
#ifndef TFHELPER_SESSIONS_H
#define TFHELPER_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;

/*
 * All of the current generation's listeners have been collected for `new`: where it serves
 * datagrams, have `new` inherit sockets of its own, to which nothing comes before it is ready.
 */
void split_sessions(struct generation *new);

/* `new` has become the current generation: it gets everybody but who is its predecessors' peer. */
void hand_over_sessions(struct generation *new, struct generation *old);

/* `old` is the current one again, with what its successor had inherited. */
void take_sessions_back(struct generation *old);

/* Where each datagram goes is decided anew: peers are new, or silent, or a generation is gone. */
void route_sessions(void);

/*
 * A process has told of a new peer, at this time: is that to be heard later, since others have just
 * had it decided, and nobody has since? Then, or if not, have it decided.
 */
bool has_to_wait_for_routes(int64_t told);
void route_new_peer(void);

/* The same, if that is due; then how many peers this retired generation has. */
size_t count_sessions(const struct generation *generation);

/* May this retired generation keep the socket with this inode, on which it has peers? */
bool keeps_sessions_on(const struct generation *generation, uint64_t inode);

/* The same of any of its sockets. */
bool keeps_sessions(const struct generation *generation);

/* Generations have gone: what was needed for them is not any more. */
void tidy_sessions(void);

#endif
