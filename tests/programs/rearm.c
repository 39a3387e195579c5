/*
 * rearm PORT [duplicate]: one thread waits for clients in an epoll set, and another one changes
 * what the listener is registered for all the time, as those do that stop accepting for a moment.
 * With "duplicate" it is changed once, by another number of the same set. An error of epoll_ctl()
 * is the end, and so is an event with data that the last change has replaced.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener;
static int placeholder; /* a number below the set's */
static int set;
static uint32_t last_data;

static void fail(const char *what)
{
    perror(what);
    _exit(1);
}

static void change_by(int number, int operation)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = last_data};

    if (epoll_ctl(number, operation, listener, &event) != 0)
        fail("epoll_ctl");
}

static void change(int operation)
{
    change_by(set, operation);
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

static void change_by_duplicate(void)
{
    last_data++;
    change_by(dup2(set, placeholder), EPOLL_CTL_MOD);
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

    if (argc < 2)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 128) != 0)
        fail("listen");
    placeholder = dup(STDERR_FILENO);
    set = epoll_create1(EPOLL_CLOEXEC);
    change(EPOLL_CTL_ADD);
    if (argc == 3)
        change_by_duplicate();
    else if (pthread_create(&thread, NULL, change_all_the_time, NULL) != 0)
        fail("pthread_create");
    while (epoll_wait(set, &event, 1, -1) != 1 || event.data.u32 == last_data)
        serve_one(accept4(listener, NULL, NULL, 0));
    fputs("epoll_wait: an event with former data\n", stderr);
    return 1;
}
