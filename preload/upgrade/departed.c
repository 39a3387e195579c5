/*
 * poll() has told a program of a client, and another generation has taken it.
 * On Linux accept(2) has no errno for that: it finds a client, and be it one that
 * has hung up. So that is what it finds: a connection over loopback that was made
 * here, and whose other end is closed.
 */
#include "departed.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/addresses.h"
#include "preload/process/descriptor_limit.h"

/* Over loopback a connection is there at once, unless the machine is very busy. */
enum { CONNECTION_TIME_MS = 1000 };

union internet_address {
    sa_family_t family;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t size_of(const union internet_address *address)
{
    return address->family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

static void close_keeping_errno(int fd)
{
    int saved = errno;

    kernel_close(fd);
    errno = saved;
}

/* For this moment others may connect as well, but none of them is let in. */
static int accept_own_client(int listener, const union internet_address *client, int flags)
{
    union internet_address peer;

    for (;;) {
        socklen_t length = sizeof peer;
        int fd = kernel_accept4(listener, &peer, &length, flags);

        if (fd == -1 || memcmp(&peer, client, size_of(client)) == 0)
            return fd;
        kernel_close(fd);
    }
}

/* Hang up before that connection is accepted: there may be room for one more descriptor only. */
static int connect_and_hang_up(int listener, union internet_address name, int flags)
{
    int client = kernel_socket(name.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd queue = {.fd = listener, .events = POLLIN};
    socklen_t length = sizeof name;

    if (client == -1)
        return -1;
    kernel_getsockname(listener, &name, &length);
    kernel_connect(client, &name, length);
    length = sizeof name;
    kernel_getsockname(client, &name, &length);
    kernel_poll(&queue, 1, CONNECTION_TIME_MS);
    kernel_close(client);
    return accept_own_client(listener, &name, flags);
}

static int departed_from(const union internet_address *address, int flags)
{
    int listener = kernel_socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int fd = -1;

    if (listener == -1)
        return -1;
    if (kernel_bind(listener, address, size_of(address)) == 0 && kernel_listen(listener, 1) == 0)
        fd = connect_and_hang_up(listener, *address, flags);
    close_keeping_errno(listener);
    return fd;
}

static int departed_unix_client(int type, int flags)
{
    int pair[2];

    if (kernel_socketpair(AF_UNIX, type | flags, pair) == -1)
        return -1;
    kernel_close(pair[1]);
    return pair[0];
}

/* A listener that has been replaced still has its name. */
static int departed_client(int listener, int flags)
{
    union internet_address loopback = {
        .v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    union internet_address loopback6 = {
        .v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
    struct sockaddr_storage name = {.ss_family = AF_INET};
    socklen_t length = sizeof name;
    int fd;

    address_of_socket(listener, (struct sockaddr *)&name, &length);
    if (name.ss_family == AF_UNIX)
        return departed_unix_client(socket_option(listener, SO_TYPE), flags);
    if (name.ss_family == AF_INET)
        return departed_from(&loopback, flags);
    fd = departed_from(&loopback6, flags);
    if (fd != -1 || errno != EADDRNOTAVAIL)
        return fd;
    /* IPv6 is not to be had there: as its sockets see IPv4, ::ffff:127.0.0.1 */
    loopback6.v6.sin6_addr =
        (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    return departed_from(&loopback6, flags);
}

/* The number is the lowest that is free, as for every accept(). */
static int with_lowest_number(int fd, int flags)
{
    int lowest = kernel_fcntl(fd, flags & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);

    if (lowest != -1 && lowest > fd) {
        kernel_close(lowest);
        return fd;
    }
    close_keeping_errno(fd);
    return lowest;
}

int accept_departed(int listener, struct sockaddr *address, socklen_t *length, int flags)
{
    struct kernel_limit limit;
    int fd = departed_client(listener, flags);

    /* one descriptor is all that the program has to have left */
    if (fd == -1 && errno == EMFILE && lift_descriptor_limit(&limit)) {
        fd = departed_client(listener, flags);
        restore_descriptor_limit(&limit);
    }
    if (fd != -1)
        fd = with_lowest_number(fd, flags);
    if (fd != -1 && address && kernel_getpeername(fd, address, length) == -1) {
        close_keeping_errno(fd);
        return -1;
    }
    return fd;
}
