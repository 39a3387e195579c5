/* Processes of other generations, which a program may know from a pid file. */
#ifndef TFPRELOAD_PROCESSES_H
#define TFPRELOAD_PROCESSES_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Does process `target` belong to another generation, so that a call on it fails as if there were
 * none? Keeps errno; may be called in a signal handler of the program.
 */
bool is_hidden_process(pid_t target);

/* What such a call returns: -1, with errno ESRCH. */
int no_such_process(void);

#endif
