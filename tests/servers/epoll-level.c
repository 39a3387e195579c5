/*
 * A single process around level-triggered epoll: one accept() for each event on a listener, and
 * interest that follows what a connection waits for.
 */
#include "common.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

static int epoll_fd;

static void watch(int operation, int fd, short events)
{
    struct epoll_event event = {.events = (uint32_t)events, .data.fd = fd};

    if (epoll_ctl(epoll_fd, operation, fd, &event) != 0)
        die(1, "epoll_ctl: %s", strerror(errno));
}

static bool advance_and_watch(struct connection *connection)
{
    short before = wanted_events(connection);

    if (!advance_connection(connection))
        return false;
    if (wanted_events(connection) != before)
        watch(EPOLL_CTL_MOD, connection->fd, wanted_events(connection));
    return true;
}

static void accept_client(int listener)
{
    int fd = accept_one(listener, SOCK_NONBLOCK);

    if (fd >= 0 && add_connection(fd) != NULL)
        watch(EPOLL_CTL_ADD, fd, POLLIN);
}

static void handle_event(const struct epoll_event *event, const struct listeners *listeners)
{
    struct connection *connection = find_connection(event->data.fd);

    if (is_listener(listeners, event->data.fd))
        accept_client(event->data.fd);
    else if (connection == NULL)
        return;
    else if (event->events & (EPOLLHUP | EPOLLERR)) /* reported even if not asked for */
        drop_connection(connection);
    else
        advance_and_watch(connection);
}

int main(int argc, char **argv)
{
    struct listeners listeners = start_server(argc, argv, NONBLOCKING);
    struct epoll_event events[64];

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die(1, "epoll_create1: %s", strerror(errno));
    for (int i = 0; i < listeners.count; i++)
        watch(EPOLL_CTL_ADD, listeners.fd[i], POLLIN);
    for (;;) {
        int count =
            epoll_wait(epoll_fd, events, sizeof(events) / sizeof(events[0]), work_timeout_ms());

        if (count < 0)
            survive_failed_epoll_wait();
        for (int i = 0; i < count; i++)
            handle_event(&events[i], &listeners);
        advance_due(advance_and_watch);
    }
}
