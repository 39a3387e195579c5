/* TFPRELOAD_RESTART: a server that has ended by itself is started again, while clients wait. */
#ifndef TFHELPER_RESTART_H
#define TFHELPER_RESTART_H

#include <stdbool.h>

struct carrier;
struct generation;

/*
 * `ended`, which served or was to be started again, has ended by itself, as `wait_status` and its
 * reason say. Returns whether another generation is started in its place: then that has what it
 * listened on, and what is left of `ended` is seen to.
 */
bool restart_after(struct generation *ended, int wait_status);

/* RESTARTING, TIMER: the back-off is over. */
void start_again(struct generation *generation);

/* RESTARTING, END: the service ends as the generation before has. */
void do_not_restart(struct generation *generation);

/* Somebody has an idea why it should work now: wait no longer. */
void hurry_restart(void);

/* How often that has been, and when: helper/base/carry.h. */
void carry_restarts(struct carrier *carrier);

#endif
