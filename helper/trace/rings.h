/*
 * Rings of io_uring(7) of another process. A request that waits in one for a client holds the
 * listener's file, whatever its number leads to by now, and so may one that is registered.
 */
#ifndef TFHELPER_RINGS_H
#define TFHELPER_RINGS_H

#include <stddef.h>
#include <sys/types.h>

#include "errand.h"

/* How many requests wait in the rings of a process, for a client or for anything to happen. */
struct ring_waits {
    size_t rings;
    size_t accepts; /* IORING_OP_ACCEPT, single or multishot */
    size_t polls;   /* IORING_OP_POLL_ADD */
};

/* As of now. */
struct ring_waits look_into_rings(pid_t process);

/*
 * The swaps that are done are to hold for the rings of the process as well. A request for one
 * client gets one that has called and hung up, and the next is made for what is behind the number
 * by then; what waits still, as one for many clients does, ends with ECANCELED. Of each swap,
 * `in_ring` tells that something may be left of it, since the kernel does not let us.
 * `reachable`: clients can call at what was there; else it is deaf, and opened for us if that may
 * be.
 */
void leave_rings(pid_t process, struct swap *swaps, size_t count, bool reachable);

#endif
