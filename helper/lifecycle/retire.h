/* Step 6 of an upgrade: no process of the old generation accepts any more. */
#ifndef TFHELPER_RETIRE_H
#define TFHELPER_RETIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct generation;
struct listener_key;

/* READY, REPLACED: its successor is ready. Tell the old generation to give up its listeners. */
void begin_retiring(struct generation *old);

/* RETIRING and CLOSING, TIMER and ANSWERED: who has not done so yet? */
void retire_again(struct generation *old);

/* EMPTYING, TIMER: do clients wait still that its successor will not serve? */
void empty_queues(struct generation *old);

/* Its successor is rolled back before all have: let clients in again where nobody new was. */
void abandon_retirement(struct generation *old);

/*
 * However its retirement has ended: what was needed for it is not any more, and the current
 * generation is told of clients who may wait.
 */
void retirement_over(struct generation *old);

/* A process says that it has given up its listeners, or the errno of why it could not. */
void process_retired(struct generation *old, pid_t pid, int error);

/*
 * An upgrade begins (NULL), or somebody is about to bind to this key: the
 * SO_REUSEPORT sets are to be whole for as long as that takes.
 */
void let_join_sets(const struct listener_key *key);

/* RETIRING, EMPTYING and CLOSING, EMPTY: there are no processes any more. */
void ended_while_retiring(struct generation *old);

/*
 * May a process that retires keep the listener with this inode, since clients
 * wait there that its successor will not serve? And is there any such?
 */
bool keeps_listener(struct generation *old, uint64_t inode);
bool may_keep_listeners(const struct generation *old);

/* May one of its processes receive datagrams still that its successor waits for? */
bool may_still_receive(const struct generation *old);

#endif
