/*
 * A program sets options on the socket that it is about to bind. When an
 * inherited one takes that socket's place, its options must be the ones that
 * the program has set so far, and those that only its predecessor set must go.
 *
 * Not carried over is what is no plain value: filters (SO_ATTACH_FILTER and
 * SO_ATTACH_BPF), IPsec policies, TCP_MD5SIG, the headers of IPV6_PKTINFO and
 * its like. The inherited socket keeps its own.
 *
 * The helper uses the same list to put a listener's options back when the new
 * generation changed them and then failed.
 */
#include "socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "preload/kernel/kernel.h"

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif
#ifndef SO_TIMESTAMP_OLD /* 5.1; musl has names for those of its own time_t alone */
#define SO_TIMESTAMP_OLD 29
#define SO_TIMESTAMPNS_OLD 35
#define SO_TIMESTAMPING_OLD 37
#define SO_TIMESTAMP_NEW 63
#define SO_TIMESTAMPNS_NEW 64
#endif
#ifndef SO_RCVMARK
#define SO_RCVMARK 75 /* 5.19 */
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* 6.5 */
#endif
#ifndef IPV6_UNICAST_IF
#define IPV6_UNICAST_IF 76 /* 3.4 */
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* 6.16 */
#endif

/*
 * An option of IPv4 on an IPv6 socket, or the reverse, fails harmlessly when
 * read; so does one of UDP on a unix socket, and what the kernel does not know.
 */
static const struct option {
    unsigned short level;
    unsigned short name;
} options[] = {
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_REUSEPORT},
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_LINGER},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_DONTROUTE},
    {SOL_SOCKET, SO_BROADCAST},
    {SOL_SOCKET, SO_MARK},
    {SOL_SOCKET, SO_RCVTIMEO},
    {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_PASSCRED},
    {SOL_SOCKET, SO_PASSSEC},
    {SOL_SOCKET, SO_PASSPIDFD},
    {SOL_SOCKET, SO_PASSRIGHTS},
    {SOL_SOCKET, SO_RXQ_OVFL},
    {SOL_SOCKET, SO_RCVMARK},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE},
    {SOL_SOCKET, SO_NO_CHECK},
    {SOL_SOCKET, SO_ZEROCOPY},
    /*
     * Of these, the last that is switched on is in force, any that is switched
     * off ends all of them, and _TIMESTAMP_NEW reads as on when _TIMESTAMPNS_NEW is:
     * sock_set_timestamp() in net/core/sock.c. In this order, what is left is right.
     */
    {SOL_SOCKET, SO_TIMESTAMPING_OLD},
    {SOL_SOCKET, SO_TIMESTAMP_OLD},
    {SOL_SOCKET, SO_TIMESTAMPNS_OLD},
    {SOL_SOCKET, SO_TIMESTAMPNS_NEW},
    {SOL_SOCKET, SO_TIMESTAMP_NEW},
    {SOL_SOCKET, SO_INCOMING_CPU},
    {SOL_SOCKET, SO_BUSY_POLL},
    {SOL_SOCKET, SO_MAX_PACING_RATE},
    {SOL_SOCKET, SO_SNDBUF},
    {SOL_SOCKET, SO_RCVBUF},
    /* setting a size switches auto-tuning off; this says whether the program did */
    {SOL_SOCKET, SO_BUF_LOCK},
    {IPPROTO_IP, IP_TOS},
    {SOL_SOCKET, SO_PRIORITY}, /* IP_TOS changes it: socket(7) */
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_MINTTL},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IP, IP_FREEBIND},
    {IPPROTO_IP, IP_TRANSPARENT},
    {IPPROTO_IP, IP_OPTIONS},
    {IPPROTO_IP, IP_UNICAST_IF},
    {IPPROTO_IP, IP_PKTINFO},
    {IPPROTO_IP, IP_RECVTOS},
    {IPPROTO_IP, IP_RECVTTL},
    {IPPROTO_IP, IP_RECVOPTS},
    {IPPROTO_IP, IP_RETOPTS},
    {IPPROTO_IP, IP_RECVORIGDSTADDR},
    {IPPROTO_IP, IP_RECVFRAGSIZE},
    {IPPROTO_IP, IP_PASSSEC},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IP, IP_MULTICAST_TTL},
    {IPPROTO_IP, IP_MULTICAST_LOOP},
    {IPPROTO_IP, IP_MULTICAST_ALL},
    {IPPROTO_IP, IP_MULTICAST_IF},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MINHOPCOUNT},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_DONTFRAG},
    {IPPROTO_IPV6, IPV6_UNICAST_IF},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {IPPROTO_IPV6, IPV6_RECVTCLASS},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    {IPPROTO_IPV6, IPV6_RECVHOPOPTS},
    {IPPROTO_IPV6, IPV6_RECVDSTOPTS},
    {IPPROTO_IPV6, IPV6_RECVRTHDR},
    {IPPROTO_IPV6, IPV6_RECVPATHMTU},
    {IPPROTO_IPV6, IPV6_RECVORIGDSTADDR},
    {IPPROTO_IPV6, IPV6_RECVFRAGSIZE},
    {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    {IPPROTO_IPV6, IPV6_MULTICAST_ALL},
    {IPPROTO_IPV6, IPV6_MULTICAST_IF},
    {IPPROTO_UDP, UDP_ENCAP},
    {IPPROTO_UDP, UDP_NO_CHECK6_TX},
    {IPPROTO_UDP, UDP_NO_CHECK6_RX},
    {IPPROTO_UDP, UDP_SEGMENT},
    {IPPROTO_UDP, UDP_GRO},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_MAXSEG},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_FASTOPEN},
    /* reads as the system's when nobody set it; if that has none, there is no way to unset one */
    {IPPROTO_TCP, TCP_FASTOPEN_KEY},
    {IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE},
    {IPPROTO_TCP, TCP_SAVE_SYN},
    {IPPROTO_TCP, TCP_INQ},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_SYNCNT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_TCP, TCP_CONGESTION},
};

enum { OPTION_BYTES = 40 }; /* IP_OPTIONS: ip(7) */

/* What has to be set, so that `value` is read again. */
static void to_set(const struct option *option, char *value)
{
    int size;

    memcpy(&size, value, sizeof size);
    /* socket(7): the kernel doubles what is set, and returns the doubled value */
    if (option->level == SOL_SOCKET && (option->name == SO_SNDBUF || option->name == SO_RCVBUF))
        size /= 2;
    /* tcp(7): reads as 536 when nobody set it, and 0 unsets it */
    if (option->level == IPPROTO_TCP && option->name == TCP_MAXSEG && size == 536)
        size = 0;
    memcpy(value, &size, sizeof size);
}

static void copy_option(const struct option *option, int from, int to)
{
    char wanted[OPTION_BYTES] = {0};
    char present[OPTION_BYTES] = {0};
    socklen_t wanted_length = sizeof wanted;
    socklen_t present_length = sizeof present;

    if (kernel_getsockopt(from, option->level, option->name, wanted, &wanted_length) == -1)
        return;
    if (kernel_getsockopt(to, option->level, option->name, present, &present_length) == -1)
        return;
    if (wanted_length == present_length && memcmp(wanted, present, wanted_length) == 0)
        return;
    to_set(option, wanted);
    kernel_setsockopt(to, option->level, option->name, wanted, wanted_length);
}

void copy_socket_options(int from, int to)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        copy_option(&options[i], from, to);
}
