/* What waits at a listener. */
#ifndef TFHELPER_QUEUES_H
#define TFHELPER_QUEUES_H

#include <stdbool.h>
#include <stddef.h>

struct inherited;

struct queue {
    bool known;
    size_t length; /* connections, or bytes of datagrams */
    int limit;     /* of connections; -1: there is none */
};

struct queue queue_of(const struct inherited *item);

#endif
