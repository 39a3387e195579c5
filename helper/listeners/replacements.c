/*
 * A retired listener's number must still be a listening socket: accept() on it
 * blocks or says EAGAIN, and no poll ever finds it ready. A unix socket would
 * do, but its name could be found and connected to. A TCP listener on loopback
 * that no packet reaches is deaf.
 */
#include "replacements.h"

#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preload/wire/protocol.h"
#include "vouch.h"

static int replacements[REPLACEMENTS] = {-1, -1, -1};

/* An interface that does not exist. Since Linux 5.7 that needs no privilege: socket(7). */
int bind_to_no_interface(int fd)
{
    int none = INT_MAX;
    int bound = 0;
    socklen_t length = sizeof bound;

    /* to leave an interface needs CAP_NET_RAW, even for the same one */
    if (getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &bound, &length) == 0 && bound == none)
        return 0;
    return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &none, sizeof none);
}

/*
 * A filter that drops every packet, and stays. Since 2026 kernels want CAP_NET_ADMIN for one on a
 * TCP socket (seen with 6.18.44); they are new enough for the other way.
 */
static int deafen(int fd)
{
    struct sock_filter drop_all = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &drop_all};
    int locked = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &locked, sizeof locked) == 0)
        return 0;
    return bind_to_no_interface(fd);
}

static int open_listener_on_loopback(int extra, int (*make_deaf)(int fd))
{
    struct sockaddr_in6 loopback6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | extra, 0);
    bool v4 = fd != -1;

    if (!v4)
        fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | extra, 0);
    if (fd == -1)
        return -1;
    if (make_deaf(fd) == 0 &&
        bind(fd, v4 ? (struct sockaddr *)&loopback : (struct sockaddr *)&loopback6,
             v4 ? sizeof loopback : sizeof loopback6) == 0 &&
        listen(fd, 1) == 0)
        return fd;
    close(fd);
    return -1;
}

int open_deaf_listener(int extra)
{
    return open_listener_on_loopback(extra, deafen);
}

int open_closed_listener(int extra)
{
    return open_listener_on_loopback(extra, bind_to_no_interface);
}

int open_door(int fd)
{
    int any = 0;

    return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &any, sizeof any);
}

/* tcp(7): of a listener, that is the length of its queue. */
static bool has_queued(int fd, int clients)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
           info.tcpi_unacked == (unsigned)clients;
}

/* connect(2) to the wildcard is to this machine. */
int call(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    int client = -1;

    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
        client = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client == -1 || connect(client, (struct sockaddr *)&address, length) == 0 ||
        errno == EINPROGRESS)
        return client;
    close(client);
    return -1;
}

int call_and_hang_up(int fd)
{
    int client = call(fd);

    if (client == -1)
        return -1;
    close(client);
    return 0;
}

/* Should anybody else have called in the moment before it is deaf, it is not used. */
int open_hung_up_listener(int clients)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool made = fd != -1 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0 &&
                listen(fd, clients) == 0;

    for (int i = 0; made && i < clients; i++)
        made = call_and_hang_up(fd) == 0;
    if (made && deafen(fd) == 0 && has_queued(fd, clients))
        return fd;
    if (fd != -1)
        close(fd);
    return -1;
}

int open_deaf_datagram_socket(int family)
{
    struct sock_filter drop_all = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &drop_all};
    int fd = -1;

    /* it is handed to a process that may have fewer privileges than we: AF_PACKET is not for it */
    if (is_service_kind(family, SOCK_DGRAM, 0))
        fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    else
        errno = EAFNOSUPPORT;
    if (fd != -1)
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    return fd;
}

const int *open_replacements(void)
{
    for (int i = 0; i < REPLACEMENTS; i++) {
        if (replacements[i] == -1)
            replacements[i] = open_deaf_listener(i == BLOCKING ? 0 : SOCK_NONBLOCK);
        if (replacements[i] == -1)
            return NULL;
    }
    return replacements;
}

void close_replacements(void)
{
    for (int i = 0; i < REPLACEMENTS; i++) {
        if (replacements[i] != -1)
            close(replacements[i]);
        replacements[i] = -1;
    }
}
