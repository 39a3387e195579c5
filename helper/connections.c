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
#include "memory.h"
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

/* `blind` is set when a process may not be looked into: it has changed its uid: proc(5). */
static struct inodes sockets_of(const struct generation *generation, bool *blind)
{
    const struct family *family = look_at_family();
    struct inodes inodes = {NULL, 0};

    *blind = false;
    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == generation->number &&
            list_sockets(family->member[i].pid, &inodes.item, &inodes.count) == -1)
            *blind |= errno == EACCES;
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

/* What becomes of the connections that a dump lists. */
struct tally {
    const struct inodes *held; /* count those in here, or NULL: */
    struct inodes *all;        /* append every one to these */
    size_t count;
};

static void take_entry(struct tally *tally, unsigned long long inode)
{
    if (inode == 0) /* held by nobody */
        return;
    if (tally->held) {
        if (bsearch(&inode, tally->held->item, tally->held->count, sizeof inode, compare))
            tally->count++;
        return;
    }
    tally->all->item = grow(tally->all->item, tally->all->count + 1, sizeof *tally->all->item);
    tally->all->item[tally->all->count++] = inode;
}

/* Take the entries of one datagram. Returns false when it was the last one. */
static bool take_entries(const void *buffer, size_t size, struct tally *tally)
{
    for (const struct nlmsghdr *header = buffer; NLMSG_OK(header, size);
         header = NLMSG_NEXT(header, size)) {
        const struct inet_diag_msg *entry = NLMSG_DATA(header);

        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
            return false;
        take_entry(tally, entry->idiag_inode);
    }
    return true;
}

static void take_internet(int netlink, const struct endpoint *endpoint, struct tally *tally)
{
    static _Alignas(struct nlmsghdr) char buffer[32 * 1024];
    ssize_t size;

    if (request_dump(netlink, endpoint) == -1)
        return;
    do
        size = recv(netlink, buffer, sizeof buffer, 0);
    while (size > 0 && take_entries(buffer, (size_t)size, tally));
}

struct unix_tally {
    const struct endpoint *endpoint;
    struct tally *tally;
};

/* unix(7): an accepted socket has the name of its listener. */
static bool take_unix_socket(const struct unix_socket *socket, void *argument)
{
    const struct unix_tally *unix_tally = argument;
    char name[sizeof unix_tally->endpoint->name] = {0};

    memcpy(name, socket->name, socket->name_length);
    if (!socket->listens && memcmp(name, unix_tally->endpoint->name, sizeof name) == 0)
        take_entry(unix_tally->tally, socket->inode);
    return true;
}

static void take_connections(const struct generation *generation, struct tally *tally)
{
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    if (netlink == -1) {
        log_line(LEVEL_DEBUG, "connections: no sock_diag: %s", strerror(errno));
        return;
    }
    for (size_t i = 0; i < generation->endpoint_count; i++) {
        struct unix_tally unix_tally = {&generation->endpoints[i], tally};

        if (generation->endpoints[i].family == AF_UNIX)
            for_each_unix_socket(take_unix_socket, &unix_tally);
        else
            take_internet(netlink, &generation->endpoints[i], tally);
    }
    close(netlink);
}

/*
 * Where we may not look into a process, whatever has been accepted when the
 * generation retires is taken for its own. Its successor may have accepted a
 * few by then, which makes it drain a little longer.
 */
static void note_candidates(struct generation *generation)
{
    struct inodes all = {NULL, 0};
    struct tally tally = {NULL, &all, 0};

    take_connections(generation, &tally);
    generation->candidates_known = true;
    generation->candidates = all.item;
    generation->candidate_count = all.count;
}

size_t count_connections(struct generation *generation)
{
    bool blind;
    struct inodes held = sockets_of(generation, &blind);
    struct tally tally = {&held, NULL, 0};

    if (blind && !generation->candidates_known)
        note_candidates(generation);
    for (size_t i = 0; i < generation->candidate_count; i++) {
        held.item = grow(held.item, held.count + 1, sizeof *held.item);
        held.item[held.count++] = generation->candidates[i];
    }
    if (held.count > 0) {
        qsort(held.item, held.count, sizeof *held.item, compare);
        take_connections(generation, &tally);
    }
    free(held.item);
    return tally.count;
}
