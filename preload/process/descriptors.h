/* Every number under which this process may have something open. */
#ifndef TFPRELOAD_DESCRIPTORS_H
#define TFPRELOAD_DESCRIPTORS_H

#include <stdbool.h>

/*
 * Call visit(number, argument) for every descriptor from `from` on, in ascending
 * order, until it returns false. Some of the numbers may be closed: whoever asks
 * the kernel about one learns that anyway. `proc` is open_proc_with_descriptors()'s,
 * and not visited. Returns 0, or -1 with errno set. Async-signal-safe.
 */
int for_each_descriptor(int proc, int from, bool (*visit)(int fd, void *argument), void *argument);

#endif
