/* Step 7 of an upgrade: the old generation finishes its connections. */
#ifndef TFHELPER_DRAIN_H
#define TFHELPER_DRAIN_H

#include <stdbool.h>

struct generation;

/* The generation accepts no more: wait for its connections, until the deadline it has. */
void begin_draining(struct generation *generation);

/* DRAINING, ANSWERED: how many are left, now that all who were asked have answered? */
void look_at_answers(struct generation *generation);

/* Have a generation that drains end now, for this reason; false if it does not drain. */
bool cut_short(struct generation *generation, const char *why);

/* DRAINING, CUT: end it. */
void drain_no_longer(struct generation *generation);

/* DRAINING, TIMER: how many are left? */
void drain_again(struct generation *generation);

#endif
