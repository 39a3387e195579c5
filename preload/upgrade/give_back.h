/* What was adopted for a listener turns out to be a client's socket: undo the adoption. */
#ifndef TFPRELOAD_GIVE_BACK_H
#define TFPRELOAD_GIVE_BACK_H

#include <sys/socket.h>

/*
 * connect() where something adopted does not listen. If that is `fd`, it was no
 * listener that the program bound but a client: it gets a socket of its own,
 * bound to the same port if that can be had, and the inherited one is free again.
 * Returns and sets errno as connect(2) does. Not in a signal handler.
 */
int connect_client(int fd, const struct sockaddr *address, socklen_t length);

#endif
