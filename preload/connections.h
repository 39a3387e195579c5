/* Step 7 of an upgrade, in the old generation: which connections are there to finish? */
#ifndef TFPRELOAD_CONNECTIONS_H
#define TFPRELOAD_CONNECTIONS_H

/*
 * Tell the helper of every socket that this process holds, over an exchange
 * that is under way. Returns 0, or the errno of what failed. Async-signal-safe.
 */
int report_sockets(int control);

/* The same, in an exchange of its own. In a handler. */
void count_connections(void);

#endif
