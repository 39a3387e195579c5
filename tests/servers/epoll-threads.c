/*
 * Threads that share an epoll set. A listener is in it with EPOLLONESHOT: one thread at a time is
 * told of a client, accepts it, arms the listener again and serves the client to its end. With
 * --told the main thread alone waits, and hands the listener to a thread that accepts.
 */
#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int epoll_fd;
static int handed_over[2]; /* a pipe of numbers of listeners */

static void arm(int operation, int listener)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = listener};

    if (epoll_ctl(epoll_fd, operation, listener, &event) != 0)
        die(1, "epoll_ctl: %s", strerror(errno));
}

static int wait_for_event(void)
{
    struct epoll_event event;

    while (epoll_wait(epoll_fd, &event, 1, -1) != 1)
        survive_failed_epoll_wait();
    return event.data.fd;
}

static int take_over(void)
{
    int listener;

    if (read(handed_over[0], &listener, sizeof(listener)) != sizeof(listener))
        die(1, "read: %s", strerror(errno));
    return listener;
}

static void *work(void *unused)
{
    for (;;) {
        int listener = settings.told ? take_over() : wait_for_event();
        int client = accept_one(listener, 0);

        arm(EPOLL_CTL_MOD, listener);
        if (client >= 0)
            serve_client(client);
    }
    return unused;
}

static _Noreturn void hand_over(void)
{
    for (;;) {
        int listener = wait_for_event();

        if (write(handed_over[1], &listener, sizeof(listener)) != sizeof(listener))
            die(1, "write: %s", strerror(errno));
    }
}

int main(int argc, char **argv)
{
    struct listeners listeners = start_server(argc, argv, BLOCKING);

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || pipe(handed_over) != 0)
        die(1, "epoll_create1 or pipe: %s", strerror(errno));
    for (int i = 0; i < listeners.count; i++)
        arm(EPOLL_CTL_ADD, listeners.fd[i]);
    for (int i = 0; i < settings.workers; i++) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, work, NULL);

        if (error != 0)
            die(1, "pthread_create: %s", strerror(error));
    }
    if (settings.told)
        hand_over();
    for (;;)
        pause();
}
