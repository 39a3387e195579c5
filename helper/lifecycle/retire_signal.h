/* TFPRELOAD_RETIRE_SIGNAL: a generation that has retired says goodbye in its own words. */
#ifndef TFHELPER_RETIRE_SIGNAL_H
#define TFHELPER_RETIRE_SIGNAL_H

#include <stdbool.h>

struct generation;

/*
 * DRAINING: send the signal, if there is one, to whom it has not been sent yet. One that is kept
 * on probation does not get it before that is over: it may have to serve again.
 */
void send_retire_signal(struct generation *old);

/* It has no connections any more: may it still be about to end by itself? */
bool may_end_by_itself(struct generation *old);

#endif
