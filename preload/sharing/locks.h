/* A lock that another generation has, on a file that the operator has them share. */
#ifndef TFPRELOAD_LOCKS_H
#define TFPRELOAD_LOCKS_H

#include <stdbool.h>
#include <sys/types.h>

/* flock(2), lockf(3): each returns and sets errno as they do. */
int program_flock(int fd, int operation);
int program_lockf(int fd, int command, off_t length);

/* fcntl(2) by `call`, with one of the commands that set a lock. */
bool sets_lock(int command);
int program_fcntl_lock(int (*call)(int, int, ...), int fd, int command, void *range);

#endif
