/* Which descriptors of a traced generation lead to deaf sockets now, instead of its listeners. */
#ifndef TFHELPER_DEAFENED_H
#define TFHELPER_DEAFENED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "epoll_sets.h"

struct deafened {
    pid_t process;
    int number;
    uint64_t listener; /* inode of what was there, */
    uint64_t deaf;     /* and of what is there instead */
    bool in_ring;      /* a ring of the process may wait at the listener still */
};

/* A registration of a listener that is gone, though the number leads to the listener still. */
struct unregistered {
    pid_t process;
    struct registration registration;
};

struct deafened_list {
    struct deafened *item;
    size_t count;
    struct unregistered *lost;
    size_t lost_count;
};

#endif
