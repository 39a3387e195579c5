/* Step 4 of an upgrade, in the new generation: bind() finds the inherited socket. */
#ifndef TFPRELOAD_ADOPT_H
#define TFPRELOAD_ADOPT_H

#include <sys/socket.h>

/*
 * bind() for a program inside a session: takes the inherited socket for this
 * address in place of `fd`, or binds as libc would. Returns and sets errno as
 * bind(2) does. Not in a signal handler.
 */
int bind_or_adopt(int fd, const struct sockaddr *address, socklen_t length);

/*
 * setsockopt() is about to be called. A device that is set after bind() is not
 * what a successor asks for when it binds: so what was bound is noted before.
 */
void note_before_device(int fd, int level, int name);

/* listen() inside a session: as listen(2), and the helper learns of an adopted one. */
int listen_and_tell(int fd, int backlog);

/*
 * connect() where something adopted does not listen. If that is `fd`, it was no
 * listener that the program bound but a client: it gets a socket of its own,
 * bound to the same port if that can be had, and the inherited one is free again.
 * Returns and sets errno as connect(2) does. Not in a signal handler.
 */
int connect_client(int fd, const struct sockaddr *address, socklen_t length);

#endif
