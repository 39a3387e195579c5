/*
 * A program sets options on the socket that it is about to bind. When an
 * inherited one takes that socket's place, its options must be the ones that
 * the program has set so far, and those that only its predecessor set must go.
 *
 * The helper uses the same list to put a listener's options back when the new
 * generation changed them and then failed.
 */
#include "socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>

#include "kernel.h"

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif

enum option_scale { AS_READ, HALF_AS_READ, UNSET_IF_536 };

/*
 * An option of IPv4 on an IPv6 socket, or the reverse, fails harmlessly when read. The table is
 * packed since it is a good part of the library's constants; no name needs more bits anywhere.
 */
static const struct option {
    uint16_t level;
    uint16_t name : 14;
    uint16_t scale : 2; /* enum option_scale */
} options[] = {
    {SOL_SOCKET, SO_REUSEADDR, AS_READ},
    {SOL_SOCKET, SO_REUSEPORT, AS_READ},
    {SOL_SOCKET, SO_KEEPALIVE, AS_READ},
    {SOL_SOCKET, SO_LINGER, AS_READ},
    {SOL_SOCKET, SO_OOBINLINE, AS_READ},
    {SOL_SOCKET, SO_DONTROUTE, AS_READ},
    {SOL_SOCKET, SO_PRIORITY, AS_READ},
    {SOL_SOCKET, SO_MARK, AS_READ},
    {SOL_SOCKET, SO_RCVTIMEO, AS_READ},
    {SOL_SOCKET, SO_SNDTIMEO, AS_READ},
    {SOL_SOCKET, SO_RCVLOWAT, AS_READ},
    {SOL_SOCKET, SO_TIMESTAMP, AS_READ},
    {SOL_SOCKET, SO_INCOMING_CPU, AS_READ},
    {SOL_SOCKET, SO_BUSY_POLL, AS_READ},
    /* socket(7): the kernel doubles what is set, and returns the doubled value */
    {SOL_SOCKET, SO_SNDBUF, HALF_AS_READ},
    {SOL_SOCKET, SO_RCVBUF, HALF_AS_READ},
    /* setting a size switches auto-tuning off; this says whether the program did */
    {SOL_SOCKET, SO_BUF_LOCK, AS_READ},
    {IPPROTO_IP, IP_TOS, AS_READ},
    {IPPROTO_IP, IP_TTL, AS_READ},
    {IPPROTO_IP, IP_MTU_DISCOVER, AS_READ},
    {IPPROTO_IP, IP_FREEBIND, AS_READ},
    {IPPROTO_IP, IP_TRANSPARENT, AS_READ},
    {IPPROTO_IP, IP_PKTINFO, AS_READ},
    {IPPROTO_IP, IP_RECVTOS, AS_READ},
    {IPPROTO_IP, IP_RECVTTL, AS_READ},
    {IPPROTO_IP, IP_RECVERR, AS_READ},
    {IPPROTO_IP, IP_MULTICAST_TTL, AS_READ},
    {IPPROTO_IP, IP_MULTICAST_LOOP, AS_READ},
    {IPPROTO_IPV6, IPV6_TCLASS, AS_READ},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, AS_READ},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, AS_READ},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, AS_READ},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, AS_READ},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, AS_READ},
    {IPPROTO_IPV6, IPV6_RECVERR, AS_READ},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, AS_READ},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, AS_READ},
    {IPPROTO_TCP, TCP_NODELAY, AS_READ},
    /* tcp(7): reads as 536 when nobody set it, and 0 unsets it */
    {IPPROTO_TCP, TCP_MAXSEG, UNSET_IF_536},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, AS_READ},
    {IPPROTO_TCP, TCP_FASTOPEN, AS_READ},
    {IPPROTO_TCP, TCP_KEEPIDLE, AS_READ},
    {IPPROTO_TCP, TCP_KEEPINTVL, AS_READ},
    {IPPROTO_TCP, TCP_KEEPCNT, AS_READ},
    {IPPROTO_TCP, TCP_SYNCNT, AS_READ},
    {IPPROTO_TCP, TCP_LINGER2, AS_READ},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, AS_READ},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, AS_READ},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, AS_READ},
    {IPPROTO_TCP, TCP_CONGESTION, AS_READ},
};

enum { OPTION_BYTES = 32 };

static void copy_option(const struct option *option, int from, int to)
{
    char wanted[OPTION_BYTES] = {0};
    char present[OPTION_BYTES] = {0};
    socklen_t wanted_length = sizeof wanted;
    socklen_t present_length = sizeof present;
    int size;

    if (kernel_getsockopt(from, option->level, option->name, wanted, &wanted_length) == -1)
        return;
    if (kernel_getsockopt(to, option->level, option->name, present, &present_length) == -1)
        return;
    if (wanted_length == present_length && memcmp(wanted, present, wanted_length) == 0)
        return;
    if (option->scale != AS_READ) {
        memcpy(&size, wanted, sizeof size);
        size = option->scale == HALF_AS_READ ? size / 2 : size == 536 ? 0 : size;
        memcpy(wanted, &size, sizeof size);
    }
    kernel_setsockopt(to, option->level, option->name, wanted, wanted_length);
}

void copy_socket_options(int from, int to)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        copy_option(&options[i], from, to);
}
