/*
 * sock_diag(7) lists the connections on a local port, with their inodes;
 * /proc/PID/fd says which inodes the generation's processes hold. Connections
 * in both are its own. Only the states that matter are asked for: a busy server
 * leaves thousands of sockets in TIME_WAIT.
 */
#include "connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "family.h"
#include "generation.h"
#include "log.h"
#include "procfile.h"
#include "unix_sockets.h"

struct inodes {
    unsigned long long *item;
    size_t count;
};

static int compare(const void *one, const void *other)
{
    unsigned long long a = *(const unsigned long long *)one;
    unsigned long long b = *(const unsigned long long *)other;

    return a < b ? -1 : a > b;
}

static struct inodes sockets_of(const struct generation *generation)
{
    const struct family *family = look_at_family();
    struct inodes inodes = {NULL, 0};

    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == generation->number &&
            list_sockets(family->member[i].pid, &inodes.item, &inodes.count) == -1 &&
            errno == EACCES)
            log_line(LEVEL_DEBUG, "connections: cannot look into process %d: %s",
                     family->member[i].pid, strerror(errno));
    if (inodes.count > 0)
        qsort(inodes.item, inodes.count, sizeof *inodes.item, compare);
    return inodes;
}

static int request_dump(int netlink, const struct endpoint *endpoint)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = (uint8_t)endpoint->family,
                 .sdiag_protocol = IPPROTO_TCP,
                 /* not TIME_WAIT, SYN_RECV, CLOSE and LISTEN: nobody holds a connection there */
                 .idiag_states = 1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_FIN_WAIT1 |
                                 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT | 1u << TCP_LAST_ACK |
                                 1u << TCP_CLOSING,
                 .id.idiag_sport = htons(endpoint->port)},
    };

    return send(netlink, &request, sizeof request, 0) == -1 ? -1 : 0;
}

/* Count the entries of one datagram. Returns false when it was the last one. */
static bool count_entries(const void *buffer, size_t size, const struct inodes *held, size_t *count)
{
    for (const struct nlmsghdr *header = buffer; NLMSG_OK(header, size);
         header = NLMSG_NEXT(header, size)) {
        const struct inet_diag_msg *entry = NLMSG_DATA(header);
        unsigned long long inode;

        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
            return false;
        inode = entry->idiag_inode;
        if (inode != 0 && bsearch(&inode, held->item, held->count, sizeof inode, compare))
            (*count)++;
    }
    return true;
}

static size_t count_at(int netlink, const struct endpoint *endpoint, const struct inodes *held)
{
    static _Alignas(struct nlmsghdr) char buffer[32 * 1024];
    size_t count = 0;
    ssize_t size;

    if (request_dump(netlink, endpoint) == -1)
        return 0;
    do
        size = recv(netlink, buffer, sizeof buffer, 0);
    while (size > 0 && count_entries(buffer, (size_t)size, held, &count));
    return count;
}

struct unix_count {
    const struct endpoint *endpoint;
    const struct inodes *held;
    size_t count;
};

/* unix(7): an accepted socket has the name of its listener. */
static bool count_unix_socket(const struct unix_socket *socket, void *argument)
{
    struct unix_count *unix_count = argument;
    char name[sizeof unix_count->endpoint->name] = {0};
    unsigned long long inode = socket->inode;

    memcpy(name, socket->name, socket->name_length);
    if (!socket->listens && memcmp(name, unix_count->endpoint->name, sizeof name) == 0 &&
        bsearch(&inode, unix_count->held->item, unix_count->held->count, sizeof inode, compare))
        unix_count->count++;
    return true;
}

static size_t count_unix(const struct endpoint *endpoint, const struct inodes *held)
{
    struct unix_count unix_count = {endpoint, held, 0};

    for_each_unix_socket(count_unix_socket, &unix_count);
    return unix_count.count;
}

size_t count_connections(const struct generation *generation)
{
    struct inodes held = sockets_of(generation);
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    size_t count = 0;

    if (netlink == -1)
        log_line(LEVEL_DEBUG, "connections: no sock_diag: %s", strerror(errno));
    for (size_t i = 0; netlink != -1 && held.count > 0 && i < generation->endpoint_count; i++)
        count += generation->endpoints[i].family == AF_UNIX
                     ? count_unix(&generation->endpoints[i], &held)
                     : count_at(netlink, &generation->endpoints[i], &held);
    if (netlink != -1)
        close(netlink);
    free(held.item);
    return count;
}
