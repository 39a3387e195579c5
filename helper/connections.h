/* Counting the connections that a generation's processes have left. */
#ifndef TFHELPER_CONNECTIONS_H
#define TFHELPER_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct generation;
struct message;

struct count {
    size_t left;  /* connections that came in at its endpoints, as far as is known */
    bool certain; /* there are no more: no process owes us an answer */
    bool blind;   /* some process may not be looked into, so that a count has a price */
};

/*
 * Count the connections that the generation, which is DRAINING, holds as of
 * now. While the count is not certain its processes are being asked, and
 * ANSWERED happens when all have answered.
 */
struct count count_connections(struct generation *generation);

/* A process of the generation reports some of its sockets; or was that the last. */
void sockets_reported(struct generation *generation, const struct message *message);
void process_counted(struct generation *generation, pid_t pid, int error);

#endif
