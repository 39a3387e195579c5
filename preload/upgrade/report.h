/* Step 7 of an upgrade, in the old generation: which connections are there to finish? */
#ifndef TFPRELOAD_REPORT_H
#define TFPRELOAD_REPORT_H

#include <stdbool.h>

/*
 * Tell the helper of the sockets that this process holds, over an exchange that is under
 * way: of all if they are few, else of the first. Async-signal-safe.
 */
void report_first_sockets(int control);

/*
 * The same in an exchange of its own, of as many as are described in a moment; then, by
 * `go_on`, of the next ones, until the helper has been told that these were the last. In a
 * handler.
 */
void report_sockets(bool go_on);

#endif
