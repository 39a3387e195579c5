/* Where in an array the one with a pid stands: a server may have thousands of processes. */
#ifndef TFHELPER_PID_INDEX_H
#define TFHELPER_PID_INDEX_H

#include <stddef.h>
#include <sys/types.h>

struct pid_place {
    pid_t pid; /* 0: a free place */
    size_t position;
};

struct pid_index {
    struct pid_place *place;
    size_t room; /* a power of two, or 0 */
    size_t count;
};

/* What position_of() returns for a pid that is not there. */
enum { NO_POSITION = -1 };

/* Pid stands at this position from now on. */
void add_position(struct pid_index *index, pid_t pid, size_t position);

ssize_t position_of(const struct pid_index *index, pid_t pid);

/* Forget all; the memory is kept for the next ones, or freed. */
void empty_index(struct pid_index *index);
void free_index(struct pid_index *index);

#endif
