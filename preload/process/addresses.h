/* What a retired socket was bound to: a program tells its clients the port of its listener. */
#ifndef TFPRELOAD_ADDRESSES_H
#define TFPRELOAD_ADDRESSES_H

#include <sys/socket.h>
#include <sys/types.h>

/* Descriptor `fd` is about to become `replacement`: keep its address. Async-signal-safe. */
void keep_address(int fd, int replacement);

/* The inode of the socket that descriptor `fd` was before it was replaced, 0 if it was not. Changes
 * errno; async-signal-safe. */
ino_t replaced_socket(int fd);

/* getsockname() as if nothing had been replaced. Returns and sets errno as getsockname(2) does. */
int address_of_socket(int fd, struct sockaddr *address, socklen_t *length);

#endif
