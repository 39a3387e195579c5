/* A client that has hung up already: what a program may see where another generation took the real
 * one. */
#ifndef TFPRELOAD_DEPARTED_H
#define TFPRELOAD_DEPARTED_H

#include <sys/socket.h>

/*
 * accept4() of a client of the listener's family that has connected and hung up
 * before it was accepted. Returns a descriptor, or -1 with errno set. Not in a
 * signal handler.
 */
int accept_departed(int listener, struct sockaddr *address, socklen_t *length, int flags);

#endif
