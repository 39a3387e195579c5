/* A generation that ends after it was ready, while its predecessor lives: that one serves again. */
#ifndef TFHELPER_ROLL_BACK_H
#define TFHELPER_ROLL_BACK_H

#include <stdint.h>
#include <sys/types.h>

struct carrier;
struct generation;

/* READY, ROLL_BACK: end it, and have the older one take its listeners back. */
void roll_back(struct generation *failed);

/* RETIRING, EMPTYING, CLOSING and DRAINING, RECALLED: tell its processes to. */
void begin_taking_back(struct generation *old);

/* RETURNING, TIMER and ANSWERED: who has not done so yet? */
void take_back_again(struct generation *old);

/* RETURNING, EMPTY: it has ended before it served again. */
void ended_while_returning(struct generation *old);

/* The listener with this inode, for a process that is to have it back; -1: it is not there. */
int listener_to_take_back(struct generation *generation, uint64_t inode);

/* A process has taken back what it had, or the errno of why it could not. */
void process_took_back(struct generation *old, pid_t pid, int error);

/* Let go of the listeners that were kept for this, if nobody is left who could take them. */
void release_if_alone(void);

/* How the one has ended that was rolled back last: helper/base/carry.h. */
void carry_roll_back(struct carrier *carrier);

#endif
