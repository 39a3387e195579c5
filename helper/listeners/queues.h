/* What waits at a listener. */
#ifndef TFHELPER_QUEUES_H
#define TFHELPER_QUEUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listener_key;

struct queue {
    bool known;    /* else the length is 1 where anything waits */
    size_t length; /* connections, or bytes of datagrams */
    int limit;     /* of connections; -1: there is none */
};

/* Of the listener `fd`, whose inode and key these are. */
struct queue queue_of(int fd, uint64_t inode, const struct listener_key *key);

#endif
