/* How many connections the generation that serves has open, for who asks for its status. */
#ifndef TFHELPER_OPEN_CONNECTIONS_H
#define TFHELPER_OPEN_CONNECTIONS_H

#include <stdint.h>

struct generation;

/*
 * The connections that have come in at a listener of this generation, been accepted and not been
 * closed by it, TCP, unix and datagram sockets that are connected to clients. -1: nobody can say,
 * as a process may not be looked into. The number may be as old as twenty looks take.
 */
int64_t count_open_connections(struct generation *generation);

#endif
