/* The graceful end of the service: as an upgrade, with nobody to follow. */
#ifndef TFHELPER_SHUTDOWN_H
#define TFHELPER_SHUTDOWN_H

#include <stdbool.h>

struct generation;

/* Stop accepting, finish what has been accepted, then end. Once it has begun there is no way back.
 */
void shut_down(void);

/* Has the end of the service begun, in this way or another? */
bool is_shutting_down(void);

/* COLLECTING, ANSWERED, of the last "generation": the listeners are ours, the server may retire. */
void listeners_handed_over(struct generation *last);

/* The same, where a process does not answer: then the server is stopped as it is. */
void listeners_not_handed_over(struct generation *last, const char *reason);

#endif
