/* One look at the sockets that a generation's processes hold. */
#ifndef TFHELPER_LOOK_H
#define TFHELPER_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "helper/kernel/procfile.h"

struct generation;

struct look {
    struct generation *generation;
    struct open_socket *held; /* sorted by inode; one that is shared, once a process */
    size_t held_count;
    pid_t *blind; /* processes that we may not look into */
    size_t blind_count;
    int error; /* why some could not be looked at now, an errno; 0: all others have been */
    int diag;  /* to ask the kernel about TCP sockets */
    size_t left;
    bool doubtful; /* some of these are held only if the process reports them again */
};

/* Look, as of now; end_look() frees what it has taken. */
struct look look_into_processes(struct generation *generation);
void end_look(struct look *look);

/* The first entry of this socket, or NULL when nobody that we can look into holds it. */
const struct open_socket *find_held(const struct look *look, unsigned long long inode);

#endif
