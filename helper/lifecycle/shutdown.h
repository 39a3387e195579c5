/* The graceful end of the service: as an upgrade, with nobody to follow. */
#ifndef TFHELPER_SHUTDOWN_H
#define TFHELPER_SHUTDOWN_H

#include <stdbool.h>

struct generation;

/* Stop accepting, finish what has been accepted, then end. Once it has begun there is no way back.
 */
void shut_down(void);

/* Is this a signal by which a service is told to end at once? */
bool ends_service(int number);

/* It is sent such a signal, by `sender` (for the log): nothing is upgraded any more. */
void told_to_end(const char *sender);

/* STARTING and SETTLING, END: there is nothing to finish. */
void stop_unready(struct generation *generation);

/* READY and UNREADY, END: have its listeners handed over, to one that HOLDS them. */
void hold_listeners(struct generation *serving);

/* HOLDING, ANSWERED: the listeners are ours, the server may retire. */
void listeners_handed_over(struct generation *holder);

/* HOLDING, FAILED: a process does not answer; then the server is stopped as it is. */
void listeners_not_handed_over(struct generation *holder);

#endif
