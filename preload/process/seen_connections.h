/*
 * Which numbers were sockets that do not listen, when a scan looked last. A scan of 20,000
 * connections asks the kernel about one after the other, and each answer is far away in memory;
 * poll(2) is asked about many at once, in half of the time.
 */
#ifndef TFPRELOAD_SEEN_CONNECTIONS_H
#define TFPRELOAD_SEEN_CONNECTIONS_H

#include <stdbool.h>

/*
 * All three are for the holder of the scan's lock, and async-signal-safe. What was seen is a
 * hint: the number may be another file's by now.
 */
void forget_seen_connections(void);
void note_seen_connection(int fd);
bool was_seen_connection(int fd);

#endif
