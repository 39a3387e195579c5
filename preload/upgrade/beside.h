/* A datagram socket beside which its successor's can be bound later: TFPRELOAD_UDP=sessions. */
#ifndef TFPRELOAD_BESIDE_H
#define TFPRELOAD_BESIDE_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Before and after bind() to this address: may `fd` get a successor that is bound beside it? True
 * if it has been changed for that, and is to be changed back once it is bound. Both change errno.
 */
bool prepare_successor(int fd, const struct sockaddr *address, socklen_t length);
void end_preparation(int fd);

/* `inherited` comes in the place of `fd`, and keeps its place in the set that it is of. */
void keep_in_set(int fd, int inherited);

#endif
