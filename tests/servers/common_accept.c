/*
 * accept(), and what may go wrong with it. A client that has gone again, or a shortage that
 * passes, is no reason to end; a listener that is none any more is.
 */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int accept_one(int listener, int flags)
{
    int fd = accept4(listener, NULL, NULL, flags);
    int error = errno;

    if (fd >= 0)
        return fd;
    switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
        return -1;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        perror("accept");
        pause_ms(10); /* the client stays queued: without a pause we would spin */
        errno = error;
        return -1;
    default:
        die(1, "accept: %s", strerror(error));
    }
}

int accept_wait(int listener)
{
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    int fd;

    while ((fd = accept_one(listener, 0)) < 0) {
        if (errno == EAGAIN)
            poll(&wait, 1, -1);
    }
    return fd;
}
