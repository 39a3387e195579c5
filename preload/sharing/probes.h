/* A server that connects to its own address, to see whether there is another one. */
#ifndef TFPRELOAD_PROBES_H
#define TFPRELOAD_PROBES_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Does connect() lead to the predecessor, before this generation is ready, so that it is to be
 * refused? Keeps errno; may be called in a signal handler of the program.
 */
bool is_refused(int fd, const struct sockaddr *address, socklen_t length);

/* What connect() returns then: -1, with errno ECONNREFUSED. */
int refuse_connection(void);

#endif
