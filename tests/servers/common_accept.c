/*
 * accept(), and what may go wrong with it. A client that has gone again, or a shortage that
 * passes, is no reason to end; a listener that is none any more is.
 */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a program does between being told of a client and accept(). */
static void hesitate(void)
{
    pause_ms(settings.accept_delay);
    if (settings.accept_when)
        wait_for_file(settings.accept_when);
}

/* The client's family is the listener's. */
static void check_family(int listener, int family)
{
    struct sockaddr_storage own = {0};
    socklen_t length = sizeof(own);

    if (getsockname(listener, (struct sockaddr *)&own, &length) != 0)
        die(1, "getsockname: %s", strerror(errno));
    if (own.ss_family != family)
        die(1, "a client of family %d on a listener of family %d", family, own.ss_family);
}

/* Nothing but EAGAIN, and that on a listener that does not block: all handlers have SA_RESTART. */
static bool is_strange(int error)
{
    return settings.strict && (error != EAGAIN || !settings.nonblock);
}

int accept_one(int listener, int flags)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(peer);
    int fd;
    int error;

    hesitate();
    fd = accept4(listener, (struct sockaddr *)&peer, &length, flags);
    error = errno;
    if (fd >= 0 && settings.strict)
        check_family(listener, peer.ss_family);
    if (fd >= 0)
        return fd;
    if (is_strange(error))
        die(1, "accept: %s", strerror(error));
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
