/* Step 5 of an upgrade, in the new generation: a thread is about to wait for clients. */
#ifndef TFPRELOAD_READINESS_H
#define TFPRELOAD_READINESS_H

#include <poll.h>
#include <stdbool.h>
#include <sys/select.h>

/* Has this process, or one that it was forked from, been seen to wait for clients? */
bool has_been_ready(void);

/* This process listens: look at its waits until one of them is for clients. */
void expect_readiness(void);

/*
 * Look at a wait before it is entered; called only when something needs
 * attention. Tells the helper of the first wait for clients. All keep errno;
 * none may be called in a signal handler.
 */
void look_before_accept(int fd);
void look_before_poll(const struct pollfd *fds, nfds_t count);
void look_before_select(int highest, const fd_set *readers);
void look_before_epoll(int set);

/*
 * The same for a descriptor that is added to an epoll set: a thread may wait there
 * already. Whether one does, the helper sees.
 */
void look_before_registration(int fd);

#endif
