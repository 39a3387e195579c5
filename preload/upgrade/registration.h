/* epoll_ctl() on a listener, or while generations share listeners. */
#ifndef TFPRELOAD_REGISTRATION_H
#define TFPRELOAD_REGISTRATION_H

#include <sys/epoll.h>

/* epoll_ctl(2). Called only when something needs attention, or of what may be a listener; not in a
 * signal handler. */
int change_registration(int set, int operation, int fd, struct epoll_event *event);

#endif
