/* A server that goes to the background: the command returns, supervision goes on. */
#ifndef TFHELPER_HANDOVER_H
#define TFHELPER_HANDOVER_H

#include <stdbool.h>

struct carrier;
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

/* Whether we have followed it: helper/base/carry.h. */
void carry_handover(struct carrier *carrier);

#endif
