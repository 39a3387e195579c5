/*
 * Questions about one socket, by its descriptor. What they mean for an upgrade is
 * for those who ask. All are async-signal-safe and may change errno.
 */
#ifndef TFPRELOAD_SOCKETS_H
#define TFPRELOAD_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

/* An integer option of level SOL_SOCKET; -1 if that is not to be had. */
int socket_option(int fd, int name);

/* Does this socket listen for connections? */
bool is_listener(int fd);

/* The inode of a descriptor, which names its socket; 0 for a closed one. */
ino_t socket_inode(int fd);

/* Has it a peer? */
bool is_connected(int fd);

/* Has it an address? True where the kernel does not say: who asks is about to give it one. */
bool is_bound(int fd);

#endif
