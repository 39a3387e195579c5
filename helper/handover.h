/* A server that goes to the background: the command returns, supervision goes on. */
#ifndef TFHELPER_HANDOVER_H
#define TFHELPER_HANDOVER_H

#include <stdbool.h>

struct generation;

/*
 * Has the first process ended with status 0 and left processes behind? Then
 * they are the server: it has gone to the background.
 */
bool left_a_daemon(const struct generation *generation);

/* Has that happened? Then nobody waits for the helper, and only the log says how things end. */
bool in_background(void);

/*
 * The server has gone to the background: the pid that the user knows must end
 * now, as it would have. A child carries on as the helper, and only the child
 * returns from this. For later generations nothing is to be done.
 */
void hand_over_to_background(struct generation *generation);

/*
 * After a hand-over the processes of the first generation are nobody's
 * children: watch them through descriptors, since no SIGCHLD tells of their
 * end. Called after each look at the family.
 */
void watch_foreign_members(void);

#endif
