/* Counting the connections that a generation's processes have left. */
#ifndef TFHELPER_CONNECTIONS_H
#define TFHELPER_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct generation;

struct count {
    size_t left;  /* connections that came in at its endpoints, as far as is known */
    bool certain; /* there are no more: no process owes us an answer */
    int error;    /* nothing could be counted now, an errno for why, and nothing above is known */
    bool blind;   /* some process may not be looked into, so that a count has a price */
};

/*
 * Count the connections that the generation, which is DRAINING, holds as of
 * now. While the count is not certain its processes are being asked, and
 * ANSWERED happens when all have answered.
 */
struct count count_connections(struct generation *generation);

#endif
