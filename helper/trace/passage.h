/* A way for descriptors into a process that no filter of ours is in, and out of it. */
#ifndef TFHELPER_PASSAGE_H
#define TFHELPER_PASSAGE_H

#include <stdbool.h>

#include "workspace.h"

struct passage {
    struct workspace workspace;
    int here;  /* our end, */
    int there; /* the number of its end in the process, */
    int sent;  /* what has gone that way last, */
    int copy;  /* and the number that it has there */
};

/* Connect a process, of which a thread is stopped, with us. Returns 0, or an errno. */
int open_passage(struct passage *passage, struct trace *trace, struct stopped *stopped);

/* And part again: nothing of it is left in the process. */
void close_passage(struct passage *passage);

/*
 * Put a copy of our descriptor under a number there, in the place of what is there. Returns 0, or
 * an errno.
 */
int put_through(struct passage *passage, int fd, int number, bool close_on_exec);

/*
 * Its number there of a copy of our descriptor, which lasts until the next one is sent or the
 * passage is closed. Or -1 with errno set.
 */
int lend_through(struct passage *passage, int fd);

/* Get a copy, close-on-exec, of what is under that number there. Or -1 with errno set. */
int take_through(struct passage *passage, int number);

#endif
