/* Sockets that take the place of others in one process, with all that waits at them. */
#ifndef TFHELPER_SWAPS_H
#define TFHELPER_SWAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "errand.h"

/* No program needs so many at once. Who holds more is looked at again. */
enum { MOST_SWAPS = 16 * 1024 };

struct swaps {
    struct swap *item;
    size_t count;
};

void add_swap(struct swaps *swaps, struct swap swap);

/*
 * One for the socket with this inode, or NULL. A process may hold a listener under many numbers,
 * and one in its place will do for all of them.
 */
const struct swap *find_swap_of(const struct swaps *swaps, uint64_t inode);

/*
 * Do them all, in a process of the generation. `for_good`: what cannot be swapped leaves its epoll
 * sets all the same. Returns 0 or an errno; of each swap, `done` tells.
 */
int swap_sockets(struct trace *trace, pid_t process, struct swaps *swaps, bool for_good);

/* Did it fail for neither now nor good? */
bool may_work_later(int error);

/* Does a thread of the process wait at one of the numbers? */
bool is_waited_at(pid_t process, const struct swaps *swaps);

/* Close what was for these alone. */
void close_own(const struct swaps *swaps);

#endif
