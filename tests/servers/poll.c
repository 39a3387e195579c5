/*
 * A single process around poll(), with non-blocking listeners: accept until EAGAIN.
 */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct pollfd *waits;
static size_t waits_room;

static void wait_for(size_t slot, int fd, short events)
{
    if (slot == waits_room) {
        waits_room = 2 * waits_room + 64;
        waits = realloc(waits, waits_room * sizeof(*waits));
        if (waits == NULL)
            die(1, "out of memory");
    }
    waits[slot] = (struct pollfd){.fd = fd, .events = events};
}

/* A connection at work is left out: its hang-up would be reported all the time. */
static size_t collect_waits(const struct listeners *listeners)
{
    size_t count = 0;

    for (int i = 0; i < listeners->count; i++)
        wait_for(count++, listeners->fd[i], POLLIN);
    for (struct connection *c = next_connection(-1); c != NULL; c = next_connection(c->fd)) {
        if (wanted_events(c) != 0)
            wait_for(count++, c->fd, wanted_events(c));
    }
    return count;
}

static void accept_clients(int listener, bool nonblocking)
{
    int fd;

    do {
        fd = accept_one(listener, SOCK_NONBLOCK);
        if (fd >= 0)
            add_connection(fd);
    } while (fd >= 0 && nonblocking);
}

int main(int argc, char **argv)
{
    struct listeners listeners = start_server(argc, argv, NONBLOCKING);

    for (;;) {
        size_t count = collect_waits(&listeners);

        if (poll(waits, count, work_timeout_ms()) < 0) {
            survive_failed_wait("poll");
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            if (waits[i].revents == 0)
                continue;
            if (is_listener(&listeners, waits[i].fd))
                accept_clients(waits[i].fd, listeners.nonblocking);
            else
                advance_connection(find_connection(waits[i].fd));
        }
        advance_due(advance_connection);
    }
}
