/* A server that runs already becomes the first generation, and an upgrade from it is asked for. */
#ifndef TFHELPER_RUNNING_ONE_H
#define TFHELPER_RUNNING_ONE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Look at it, and try whether all can be done with it that an upgrade needs; nothing of it is
 * changed by that. False, with the reason in `why`, if it cannot be taken over.
 */
bool can_be_taken_over(pid_t pid, char *why, size_t size);

/* Do so, once the main loop is open. */
void take_over(void);

#endif
