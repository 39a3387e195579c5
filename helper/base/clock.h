/*
 * Time as the helper counts it: nanoseconds of CLOCK_MONOTONIC, 0 for "never". As the kernel has
 * it: whoever preloads another clock (libfaketime) means the server by it.
 */
#ifndef TFHELPER_CLOCK_H
#define TFHELPER_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "preload/kernel/kernel.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)

static inline int64_t now(void)
{
    struct timespec time;

    /* where libc has a longer time than the old system call, that one is not it */
    if (sizeof time.tv_sec > sizeof(long))
        clock_gettime(CLOCK_MONOTONIC, &time);
    else
        kernel_clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

/* "41 ms", "4.2 s": a duration for a person. Four results are valid at a time. */
const char *duration_text(int64_t nanoseconds);

#endif
