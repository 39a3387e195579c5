/* Step 6 of an upgrade, in the old generation: stop accepting, unnoticed by the program. */
#ifndef TFPRELOAD_RETIRE_H
#define TFPRELOAD_RETIRE_H

#include <stdbool.h>

/*
 * Point every listener's number at a socket that never becomes ready, and wake
 * the threads that wait in accept(), so that they wait on that one. In a handler,
 * or in a thread that is about to wait for clients: `waits`.
 */
void retire_listeners(bool waits);

/*
 * In the new generation: register every listener anew with the epoll sets that
 * watch it, so that they look at its queue again. In a handler.
 */
void rearm_listeners(void);

#endif
