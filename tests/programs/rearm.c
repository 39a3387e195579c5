/*
 * rearm PORT: one thread waits for clients in an epoll set, and another one changes what the
 * listener is registered for all the time, as those do that stop accepting for a moment. An error
 * of epoll_ctl() is the end.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener;
static int set;

static void fail(const char *what)
{
    perror(what);
    _exit(1);
}

static void change(int operation)
{
    struct epoll_event event = {.events = EPOLLIN};

    if (epoll_ctl(set, operation, listener, &event) != 0)
        fail("epoll_ctl");
}

static void *change_all_the_time(void *unused)
{
    for (;;) {
        for (int i = 0; i < 100; i++)
            change(EPOLL_CTL_MOD);
        change(EPOLL_CTL_DEL);
        change(EPOLL_CTL_ADD);
    }
    return unused;
}

static void serve_one(int client)
{
    char token[65];
    char line[100];
    ssize_t length = client < 0 ? 0 : read(client, line, sizeof(line) - 1);

    if (length > 0) {
        line[length] = '\0';
        if (sscanf(line, "GET %64s", token) == 1)
            dprintf(client, "1 %d %s\n", (int)getpid(), token);
    }
    if (client >= 0)
        close(client);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event;
    pthread_t thread;

    if (argc != 2)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 128) != 0)
        fail("listen");
    set = epoll_create1(EPOLL_CLOEXEC);
    change(EPOLL_CTL_ADD);
    if (pthread_create(&thread, NULL, change_all_the_time, NULL) != 0)
        fail("pthread_create");
    for (;;)
        if (epoll_wait(set, &event, 1, -1) == 1)
            serve_one(accept4(listener, NULL, NULL, 0));
}
