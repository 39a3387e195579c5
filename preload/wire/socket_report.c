#include "socket_report.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"

union internet_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static uint16_t take_address(const union internet_address *address, uint32_t words[4])
{
    if (address->any.sa_family == AF_INET) {
        words[0] = address->v4.sin_addr.s_addr;
        return address->v4.sin_port;
    }
    memcpy(words, &address->v6.sin6_addr, sizeof address->v6.sin6_addr);
    return address->v6.sin6_port;
}

/*
 * getpeername(2) fails for a listener, for a socket that was never connected,
 * and for a connection that is dead: the peer has reset it, or both sides have
 * ended it, and the program has not closed it yet.
 */
bool describe_connection(int fd, struct socket_report *report)
{
    union internet_address local = {.any.sa_family = AF_UNSPEC};
    union internet_address peer = {.any.sa_family = AF_UNSPEC};
    socklen_t local_length = sizeof local;
    socklen_t peer_length = sizeof peer;
    int protocol;
    int device;

    if (kernel_getsockname(fd, &local, &local_length) == -1)
        return false;
    if (local.any.sa_family != AF_INET && local.any.sa_family != AF_INET6)
        return true;
    if (kernel_getpeername(fd, &peer, &peer_length) == -1)
        return errno == ENOTCONN || errno == EINVAL;
    if (peer.any.sa_family != local.any.sa_family)
        return true;
    protocol = socket_option(fd, SO_PROTOCOL);
    if (protocol == -1)
        return false;
    report->family = local.any.sa_family;
    report->protocol = (uint16_t)protocol;
    report->local_port = take_address(&local, report->local);
    report->peer_port = take_address(&peer, report->peer);
    device = socket_option(fd, SO_BINDTOIFINDEX); /* Linux 5.0 */
    report->device = device > 0 ? (uint32_t)device : 0;
    return true;
}
