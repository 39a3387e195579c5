/*
 * late PORT HOW: a server whose wait for clients no wrapper sees as one. HOW is what the main
 * thread does when another one waits already:
 *
 *     register         adds its listener to the epoll set, as tokio does
 *     register-blocks  the same, and the listener blocks
 *     listen           listens; the socket is in the set from the beginning
 *     nested           adds its listener to a set that is in the other one
 *
 * or how a single thread waits by system calls of its own making, as rustix has them:
 *
 *     raw-epoll, raw-accept
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int listener;
static int set;
static int inner;
static pid_t waiter;

static void fail(const char *what)
{
    perror(what);
    exit(1);
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

static void *wait_in_epoll(void *unused)
{
    struct epoll_event event;

    __atomic_store_n(&waiter, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    for (;;)
        if (epoll_wait(set, &event, 1, -1) == 1)
            serve_one(accept4(listener, NULL, NULL, 0));
    return unused;
}

static bool sleeps(pid_t thread)
{
    char path[64];
    char state = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
    file = fopen(path, "re");
    if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
        fail(path);
    fclose(file);
    return state == 'S';
}

static void start_waiter(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, wait_in_epoll, NULL) != 0)
        fail("pthread_create");
    while (__atomic_load_n(&waiter, __ATOMIC_ACQUIRE) == 0 || !sleeps(waiter))
        usleep(1000);
    usleep(20000); /* in epoll_wait(), and not in what comes before it */
}

/* Edge-triggered: a socket that does not listen yet would be told of all the time. */
static void add(int to, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};

    if (epoll_ctl(to, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll_ctl");
}

static void start_listening(void)
{
    if (listen(listener, 128) != 0)
        fail("listen");
}

static void do_register(void)
{
    start_waiter();
    start_listening();
    add(set, listener);
}

static void do_listen(void)
{
    add(set, listener);
    start_waiter();
    start_listening();
}

static void do_nested(void)
{
    inner = epoll_create1(0);
    add(set, inner);
    start_waiter();
    start_listening();
    add(inner, listener);
}

/* syscall(3) is libc's, but nobody's to wrap. */
static void do_raw_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    start_listening();
    syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, listener, &event);
    for (;;)
        if (syscall(SYS_epoll_pwait, set, &event, 1, -1, NULL, 8) == 1)
            serve_one((int)syscall(SYS_accept4, listener, NULL, NULL, 0));
}

static void do_raw_accept(void)
{
    start_listening();
    for (;;)
        serve_one((int)syscall(SYS_accept4, listener, NULL, NULL, 0));
}

static const struct how {
    const char *name;
    void (*run)(void);
    bool blocks;
} hows[] = {
    {"register", do_register, false},   {"register-blocks", do_register, true},
    {"listen", do_listen, false},       {"nested", do_nested, false},
    {"raw-epoll", do_raw_epoll, false}, {"raw-accept", do_raw_accept, true},
};

static void open_socket(int port, bool blocks)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    listener = socket(AF_INET, SOCK_STREAM | (blocks ? 0 : SOCK_NONBLOCK), 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("bind");
}

int main(int argc, char **argv)
{
    set = epoll_create1(0);
    for (size_t i = 0; argc == 3 && i < sizeof(hows) / sizeof(*hows); i++) {
        if (strcmp(argv[2], hows[i].name) != 0)
            continue;
        open_socket(atoi(argv[1]), hows[i].blocks);
        hows[i].run();
        for (;;)
            pause();
    }
    fprintf(stderr,
            "usage: late PORT register|register-blocks|listen|nested|raw-epoll|raw-accept\n");
    return 2;
}
