/*
 * A single process around select(), with *blocking* listeners, as old servers have them: select
 * says that a client is there, and so one accept() is expected not to block.
 */
#include "common.h"

#include <errno.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

struct sets {
    fd_set readable;
    fd_set writable;
    int highest;
};

static void add_to_set(fd_set *set, int fd, struct sets *sets)
{
    FD_SET(fd, set);
    if (fd > sets->highest)
        sets->highest = fd;
}

static void collect_sets(struct sets *sets, const struct listeners *listeners)
{
    FD_ZERO(&sets->readable);
    FD_ZERO(&sets->writable);
    sets->highest = -1;
    for (int i = 0; i < listeners->count; i++)
        add_to_set(&sets->readable, listeners->fd[i], sets);
    for (struct connection *c = next_connection(-1); c != NULL; c = next_connection(c->fd)) {
        if (wanted_events(c) == POLLIN)
            add_to_set(&sets->readable, c->fd, sets);
        else if (wanted_events(c) == POLLOUT)
            add_to_set(&sets->writable, c->fd, sets);
    }
}

/* A descriptor that no fd_set can hold is turned away; select() has never done more. */
static void accept_client(int listener)
{
    int fd = accept_one(listener, SOCK_NONBLOCK);

    if (fd >= FD_SETSIZE)
        close(fd);
    else if (fd >= 0)
        add_connection(fd);
}

/* Connections first: one just accepted has no place in these sets yet. */
static void serve_ready(const struct sets *sets, const struct listeners *listeners)
{
    int fd;

    for (struct connection *c = next_connection(-1); c != NULL; c = next_connection(fd)) {
        fd = c->fd;
        if (FD_ISSET(fd, &sets->readable) || FD_ISSET(fd, &sets->writable))
            advance_connection(c);
    }
    for (int i = 0; i < listeners->count; i++) {
        if (FD_ISSET(listeners->fd[i], &sets->readable))
            accept_client(listeners->fd[i]);
    }
}

int main(int argc, char **argv)
{
    struct listeners listeners = start_server(argc, argv, BLOCKING);
    struct sets sets;

    for (;;) {
        int timeout = work_timeout_ms();
        struct timeval wait = {.tv_sec = timeout / 1000, .tv_usec = timeout % 1000 * 1000L};

        collect_sets(&sets, &listeners);
        if (select(sets.highest + 1, &sets.readable, &sets.writable, NULL,
                   timeout < 0 ? NULL : &wait) >= 0)
            serve_ready(&sets, &listeners);
        else
            survive_failed_wait("select");
        advance_due(advance_connection);
    }
}
