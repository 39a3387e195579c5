/* accept() on a listener that generations share: what the program sees is a client, or a wait. */
#ifndef TFPRELOAD_ACCEPT_H
#define TFPRELOAD_ACCEPT_H

#include <sys/socket.h>

/* How often poll(), select() or epoll has told this thread of something that is ready. */
extern _Thread_local unsigned announcements;

/* The same for other threads, while such a listener is here. */
void note_announcement(void);

/* A successor is about to share the listeners. In a handler. */
void begin_sharing(void);

/*
 * accept4() on a listener whose O_NONBLOCK may not be what the program believes:
 * a successor shares it, or it was adopted or retired while it was polled.
 * Behaves as the flags that this program set demand.
 */
int accept_shared(int fd, struct sockaddr *address, socklen_t *length, int flags);

#endif
