/* Counting a generation's accepted connections, from outside. */
#ifndef TFHELPER_CONNECTIONS_H
#define TFHELPER_CONNECTIONS_H

#include <stddef.h>

struct generation;

/* How many connections that came in at its endpoints do its processes hold, as of now? */
size_t count_connections(struct generation *generation);

#endif
