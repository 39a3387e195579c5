/* What a generation listens on and its successor does not. */
#ifndef TFHELPER_LEFTOVERS_H
#define TFHELPER_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inheritance;

/*
 * A leftover is a listener that nobody claimed, but for those that the service
 * manager keeps. Take them out of the inheritance, for the old generation to
 * empty their queues.
 */
struct inheritance take_leftovers(struct inheritance *inheritance);

/*
 * Let no new connection in at the leftovers. Those of a SO_REUSEPORT set of
 * which another one is among `claimed` (or NULL) stay open until `leave_sets`,
 * since the kernel sends new clients there. Returns how many do.
 */
size_t hush_leftovers(struct inheritance *inheritance, const struct inheritance *claimed,
                      bool leave_sets);

/* Let clients in again. */
void welcome_at_leftovers(struct inheritance *inheritance);

/* What waits at the leftovers: connections, and bytes of datagrams. */
size_t queued_on_leftovers(const struct inheritance *inheritance);

/* Is the socket with this inode one? */
bool is_left_over(struct inheritance *inheritance, uint64_t inode);

#endif
