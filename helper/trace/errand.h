/*
 * What only a system call of the program's own can do: to put other sockets under its numbers. One
 * of its threads is made to call listen(-1), which does nothing, and which we are told of; or, in a
 * program that no filter of ours is in, to receive them.
 */
#ifndef TFHELPER_ERRAND_H
#define TFHELPER_ERRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct trace;

/* A number of the process, what is behind it, and what shall be. Descriptors stay the caller's. */
struct swap {
    int number;
    uint64_t inode; /* of what is there */
    int from;       /* our copy of it */
    int to;
    bool close_on_exec;
    bool own; /* `to` is for this alone: whoever has it done closes it afterwards */
    bool done;
    bool in_ring; /* done, but a ring of the process may still wait at what was there: rings.h */
};

/*
 * Have all swaps done in a process of the generation, by stopping one of its threads for a moment.
 * Returns 0, or the errno of why not; of each swap, `done` tells.
 */
int send_on_errand(struct trace *trace, pid_t process, struct swap *swaps, size_t count);

#endif
