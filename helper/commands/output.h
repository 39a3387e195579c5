/* What a process that failed has written to the server's stderr. */
#ifndef TFHELPER_OUTPUT_H
#define TFHELPER_OUTPUT_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Print, on stderr, the last lines that were appended to the stderr of the
 * helper since `position` (bytes; -1: it is no regular file); or else where
 * process `pid` has written to.
 */
void print_output(pid_t helper, pid_t pid, int64_t position);

#endif
