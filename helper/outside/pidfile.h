/* What the world outside sees of a service that is ready: a pidfile, a newline. */
#ifndef TFHELPER_PIDFILE_H
#define TFHELPER_PIDFILE_H

struct carrier;

/* Write TFPRELOAD_PIDFILE, at once or not at all. A failure is one line in the log. */
void write_pidfile(void);

/* Remove it, if it is still ours. */
void remove_pidfile(void);

/* TFPRELOAD_READY_FD is for us alone: the server does not inherit it. */
void keep_ready_fd(void);

/* Write the newline to TFPRELOAD_READY_FD, and close it. */
void tell_ready_fd(void);

/* Whether that is still to be done: helper/base/carry.h. */
void carry_ready_fd(struct carrier *carrier);

#endif
