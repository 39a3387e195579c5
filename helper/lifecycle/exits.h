/* Processes that have ended: ours, the server's, and whoever of it is nobody's child. */
#ifndef TFHELPER_EXITS_H
#define TFHELPER_EXITS_H

#include <stdint.h>

/* Reap what has ended, and say so of each generation that it was a part of. */
void processes_ended(void);

/*
 * Reap what has ended, without a look at who is left. For who has just looked and found nobody: the
 * last one has ended by then, and a moment ago it had not.
 */
void reap(void);

/*
 * Where processes could not be looked at then, look again, if it is time. Asked before each wait;
 * next_review() says when that will be, 0 for never.
 */
void review_ends(void);
int64_t next_review(void);

/*
 * After a hand-over the processes of the first generation are nobody's
 * children: watch them through descriptors, since no SIGCHLD tells of their
 * end. Called after each look at the family.
 */
void watch_foreign_members(void);

#endif
