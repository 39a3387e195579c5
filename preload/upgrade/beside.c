/*
 * Two generations that serve one address at once have a socket each, in a SO_REUSEPORT set, and a
 * program says which of them a datagram is for: helper/listeners/session_ports.c. It must be there
 * before the second socket is, or some would get lost, and the kernel takes it only for a socket
 * that was of a set when it was bound. So it is for that moment. Nobody else gets in by that:
 * later, bind() beside it fails as ever. Nor does it get in anywhere: it is tried first whether the
 * address is free, and a port that the kernel chooses might be that of another set.
 */
#include "beside.h"

#include <netinet/in.h>
#include <string.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/process.h"
#include "preload/wire/socket_options.h"

static void set_reuseport(int fd, int value)
{
    kernel_setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof value);
}

static bool is_internet_datagram(int fd)
{
    int family = socket_option(fd, SO_DOMAIN);

    return socket_option(fd, SO_TYPE) == SOCK_DGRAM && (family == AF_INET || family == AF_INET6);
}

static bool has_port(const struct sockaddr *address)
{
    struct sockaddr_in6 internet = {0}; /* the port stands at the same place in both families */

    memcpy(&internet, address, sizeof(struct sockaddr_in));
    return internet.sin6_port != 0;
}

/* Would bind() succeed as the program asks for it? A set of somebody else's must not let it in. */
static bool is_free(int fd, const struct sockaddr *address, socklen_t length)
{
    int device = socket_option(fd, SO_BINDTOIFINDEX);
    int only = 0;
    socklen_t only_length = sizeof only;
    int probe = kernel_socket(socket_option(fd, SO_DOMAIN), SOCK_DGRAM | SOCK_CLOEXEC,
                              socket_option(fd, SO_PROTOCOL));
    bool is;

    if (probe == -1)
        return false;
    copy_socket_options(fd, probe);
    if (kernel_getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &only_length) == 0)
        kernel_setsockopt(probe, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (device > 0)
        kernel_setsockopt(probe, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof device);
    is = kernel_bind(probe, address, length) == 0;
    kernel_close(probe);
    return is;
}

bool prepare_successor(int fd, const struct sockaddr *address, socklen_t length)
{
    if (!session.keeps_peers || length < sizeof(struct sockaddr_in) || !is_internet_datagram(fd) ||
        socket_option(fd, SO_REUSEPORT) != 0 || !has_port(address) || !is_free(fd, address, length))
        return false;
    set_reuseport(fd, 1);
    return true;
}

void end_preparation(int fd)
{
    set_reuseport(fd, 0);
}

void keep_in_set(int fd, int inherited)
{
    if (session.keeps_peers && is_internet_datagram(fd))
        set_reuseport(fd, socket_option(inherited, SO_REUSEPORT));
}
