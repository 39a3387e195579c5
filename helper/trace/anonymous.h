/* Files without a name that a process has open: epoll sets, rings. */
#ifndef TFHELPER_ANONYMOUS_H
#define TFHELPER_ANONYMOUS_H

#include <stddef.h>
#include <sys/types.h>

/*
 * The numbers that lead to files of this kind ("[eventpoll]"), in memory that the caller frees.
 * Returns how many; those of a process that may not be looked into are missing.
 */
size_t list_anonymous(pid_t process, const char *kind, int **numbers);

#endif
