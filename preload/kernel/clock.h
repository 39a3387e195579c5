/* The time, for waits that have an end. */
#ifndef TFPRELOAD_CLOCK_H
#define TFPRELOAD_CLOCK_H

#include <stdint.h>

/*
 * Nanoseconds of CLOCK_MONOTONIC, as the kernel has it: the program may live in
 * a time that another preload fakes. Safe in a signal handler; keeps errno.
 */
int64_t nanoseconds_now(void);

/* Have it answered without a system call from now on, where the kernel offers that. Once, early. */
void find_vdso_clock(void);

#endif
