/*
 * A single process around edge-triggered epoll. An event is told once: accept until EAGAIN,
 * read until EAGAIN, or the rest is never heard of.
 */
#include "common.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

static int epoll_fd;

static void watch(int fd, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLET, .data.fd = fd};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die(1, "epoll_ctl: %s", strerror(errno));
}

/* accept_one() says -1 for clients that went away too: only EAGAIN is the end of the queue. */
static void accept_clients(int listener)
{
    for (;;) {
        int fd = accept_one(listener, SOCK_NONBLOCK);

        if (fd >= 0 && add_connection(fd) != NULL)
            watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
        else if (fd < 0 && errno == EAGAIN)
            return;
    }
}

static void handle_event(int fd, const struct listeners *listeners)
{
    struct connection *connection = find_connection(fd);

    if (is_listener(listeners, fd))
        accept_clients(fd);
    else if (connection != NULL)
        advance_connection(connection);
}

int main(int argc, char **argv)
{
    struct listeners listeners = start_server(argc, argv, ALWAYS_NONBLOCKING);
    struct epoll_event events[64];

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die(1, "epoll_create1: %s", strerror(errno));
    for (int i = 0; i < listeners.count; i++)
        watch(listeners.fd[i], EPOLLIN);
    for (;;) {
        int count =
            epoll_wait(epoll_fd, events, sizeof(events) / sizeof(events[0]), work_timeout_ms());

        if (count < 0)
            survive_failed_epoll_wait();
        for (int i = 0; i < count; i++)
            handle_event(events[i].data.fd, &listeners);
        advance_due(advance_connection);
    }
}
