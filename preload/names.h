/* What a retired socket was bound to: a program tells its clients the port of its listener. */
#ifndef TFPRELOAD_NAMES_H
#define TFPRELOAD_NAMES_H

#include <sys/socket.h>

/* Descriptor `fd` is about to become `replacement`: keep its address. Async-signal-safe. */
void keep_name(int fd, int replacement);

/* getsockname() as if nothing had been replaced. Returns and sets errno as getsockname(2) does. */
int name_of_socket(int fd, struct sockaddr *address, socklen_t *length);

#endif
