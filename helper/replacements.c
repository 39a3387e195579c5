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
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../preload/protocol.h"

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

int open_deaf_listener(int extra)
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
    if (deafen(fd) == 0 &&
        bind(fd, v4 ? (struct sockaddr *)&loopback : (struct sockaddr *)&loopback6,
             v4 ? sizeof loopback : sizeof loopback6) == 0 &&
        listen(fd, 1) == 0)
        return fd;
    close(fd);
    return -1;
}

int open_deaf_datagram_socket(int family)
{
    struct sock_filter drop_all = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &drop_all};
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

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
