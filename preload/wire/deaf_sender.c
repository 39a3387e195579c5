/*
 * The old generation must not receive any more, but what it is still working on
 * must be answered from the service's port. A second socket on that port would
 * receive in the service's place, unless the kernel likes it less:
 *
 * - Of two sockets on an IPv4 address, it prefers the one of family AF_INET to
 *   one of AF_INET6 that is bound to the mapped address (compute_score() in
 *   net/ipv4/udp.c), and sendto() with an IPv4 address works on both.
 * - Of two alike on an IPv6 address, the first in the list; one with
 *   SO_REUSEPORT is put last (udp_lib_get_port()).
 */
#include "deaf_sender.h"

#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "preload/kernel/kernel.h"
#include "socket_options.h"

static int int_option(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;

    return kernel_getsockopt(fd, level, name, &value, &length) == -1 ? 0 : value;
}

static void set_option(int fd, int level, int name, int value)
{
    kernel_setsockopt(fd, level, name, &value, sizeof value);
}

/* Whatever reaches it in spite of all is dropped unseen. */
static int open_deaf_socket(int family)
{
    struct sock_filter drop_all = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &drop_all};
    int fd = kernel_socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd != -1)
        kernel_setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    return fd;
}

static void map_address(struct sockaddr_in6 *address)
{
    struct sockaddr_in v4;

    memcpy(&v4, address, sizeof v4);
    memset(address, 0, sizeof *address);
    address->sin6_family = AF_INET6;
    address->sin6_port = v4.sin_port;
    address->sin6_addr.s6_addr[10] = address->sin6_addr.s6_addr[11] = 0xff;
    memcpy(&address->sin6_addr.s6_addr[12], &v4.sin_addr, sizeof v4.sin_addr);
}

/* By its name, since its number is no option before Linux 5.0. A broadcast leaves from there. */
static void copy_device(int service, int deaf)
{
    char device[IFNAMSIZ];
    socklen_t length = sizeof device;

    if (kernel_getsockopt(service, SOL_SOCKET, SO_BINDTODEVICE, device, &length) == 0 && length > 0)
        kernel_setsockopt(deaf, SOL_SOCKET, SO_BINDTODEVICE, device, length);
}

/*
 * Bind `deaf` where `service` is. Both must allow that; the helper has seen to
 * the service's side, since several processes may be at it.
 */
static int bind_beside(int service, int deaf)
{
    struct sockaddr_in6 address = {0};
    socklen_t length = sizeof address;

    if (kernel_getsockname(service, &address, &length) == -1)
        return -1;
    if (address.sin6_family == AF_INET) {
        set_option(deaf, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        map_address(&address);
    } else {
        if (int_option(service, SOL_SOCKET, SO_REUSEPORT)) /* it would be one of the set */
            return -1;
        set_option(deaf, IPPROTO_IPV6, IPV6_V6ONLY, int_option(service, IPPROTO_IPV6, IPV6_V6ONLY));
        set_option(deaf, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    set_option(deaf, SOL_SOCKET, SO_REUSEADDR, 1);
    copy_device(service, deaf);
    return (int)syscall(SYS_bind, deaf, &address, sizeof address);
}

int open_deaf_sender(int service)
{
    int family = int_option(service, SOL_SOCKET, SO_DOMAIN);
    int deaf;

    if (family == AF_INET || family == AF_INET6) {
        deaf = open_deaf_socket(AF_INET6);
        if (deaf != -1 && bind_beside(service, deaf) == 0) {
            copy_socket_options(service, deaf);
            set_option(deaf, SOL_SOCKET, SO_REUSEADDR, 1); /* the next one binds beside it */
            return deaf;
        }
        if (deaf != -1)
            kernel_close(deaf);
    }
    return open_deaf_socket(family);
}
