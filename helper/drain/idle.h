/* TFPRELOAD_IDLE: connections on which nothing goes on need not hold a generation up. */
#ifndef TFHELPER_IDLE_H
#define TFHELPER_IDLE_H

#include <stdbool.h>
#include <stdint.h>

struct generation;

/*
 * Let the server read end-of-file from each connection on which nothing is pending and no answer is
 * owed, for `quiet` nanoseconds; 0: as soon as that is certain. The server then closes it in its
 * own way. A part of them at a time, so that not all clients come back at once. Only what
 * processes hold that we may look into.
 */
void end_idle_connections(struct generation *generation, int64_t quiet);

#endif
