#include "held_listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/kernel/internet_sockets.h"
#include "helper/kernel/lookup.h"
#include "helper/kernel/procfile.h"
#include "helper/kernel/socket_file.h"
#include "helper/kernel/unix_sockets.h"
#include "open_sockets.h"
#include "pid_index.h"

struct search {
    struct open_socket *held; /* sorted by inode */
    size_t count;
    const char *kind;
    void (*visit)(const struct listener *listener, void *argument);
    void *argument;
};

static int compare(const void *one, const void *other)
{
    const struct open_socket *a = one;
    const struct open_socket *b = other;

    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

/* One who holds it, or NULL. */
static const struct open_socket *find_held(const struct search *search, unsigned long long inode)
{
    const struct open_socket key = {.inode = inode};

    return bsearch(&key, search->held, search->count, sizeof key, compare);
}

static bool visit_internet(const struct inet_diag_msg *socket, void *argument)
{
    const struct search *search = argument;
    struct listener listener = {.inode = socket->idiag_inode, .kind = search->kind, .limit = -1};
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6 = socket->idiag_family == AF_INET6;

    if (!find_held(search, socket->idiag_inode))
        return true;
    inet_ntop(socket->idiag_family, socket->id.idiag_src, host, sizeof host);
    snprintf(listener.address, sizeof listener.address, v6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)ntohs(socket->id.idiag_sport));
    listener.queue = socket->idiag_rqueue;
    if (socket->idiag_state == TCP_LISTEN)
        listener.limit = socket->idiag_wqueue;
    search->visit(&listener, search->argument);
    return true;
}

static const char *unix_kind(const struct unix_socket *socket)
{
    switch (socket->type) {
    case SOCK_STREAM:
        return "unix stream";
    case SOCK_SEQPACKET:
        return "unix seqpacket";
    default:
        return "unix datagram";
    }
}

static void write_unix_address(const struct unix_socket *socket, pid_t holder,
                               struct listener *listener)
{
    bool abstract = socket->name[0] == '\0';
    struct socket_file file;

    if (find_socket_file(socket, holder, NULL, &file))
        snprintf(listener->address, sizeof listener->address, "%.*s",
                 (int)sizeof listener->address - 1, file.path);
    else
        snprintf(listener->address, sizeof listener->address, "%s%.*s", abstract ? "@" : "",
                 (int)socket->name_length - abstract, socket->name + abstract);
}

static bool visit_unix(const struct unix_socket *socket, void *argument)
{
    const struct search *search = argument;
    const struct open_socket *held = find_held(search, socket->inode);
    struct listener listener = {.inode = socket->inode, .kind = unix_kind(socket), .limit = -1};

    if (!held || socket->name_length == 0 || (!socket->listens && socket->type != SOCK_DGRAM))
        return true;
    write_unix_address(socket, held->pid, &listener);
    listener.queue = socket->queue;
    if (socket->listens)
        listener.limit = socket->backlog;
    search->visit(&listener, search->argument);
    return true;
}

/* The listeners and datagram sockets of one family, among those that are held. */
static int visit_internet_sockets(struct search *search, int family)
{
    /* an unconnected UDP socket is in this state: "established" is one that has been connected */
    static const uint32_t unconnected = 1u << TCP_CLOSE;
    int result;

    search->kind = "tcp";
    result =
        for_each_internet_socket(family, IPPROTO_TCP, 1u << TCP_LISTEN, 0, visit_internet, search);
    search->kind = "udp";
    return result == -1 ? -1
                        : for_each_internet_socket(family, IPPROTO_UDP, unconnected, 0,
                                                   visit_internet, search);
}

/*
 * Where AF_NETLINK is denied for good nobody sees more, and no look later does.
 * Visits those of the sockets in `held` that serve clients, and frees it. Returns -1 with errno set
 * if one may have been missed that another look would find.
 */
static int visit_held(struct search *search)
{
    static const int families[] = {AF_INET, AF_INET6};

    int error = 0;

    if (search->count == 0)
        return 0;
    qsort(search->held, search->count, sizeof *search->held, compare);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (visit_internet_sockets(search, families[i]) == -1 && may_pass(errno))
            error = errno;
    if (for_each_unix_socket(visit_unix, search) == -1 && may_pass(errno))
        error = errno;
    free(search->held);
    errno = error;
    return error ? -1 : 0;
}

void for_each_listener(unsigned generation,
                       void (*visit)(const struct listener *listener, void *argument),
                       void *argument)
{
    struct search search = {.visit = visit, .argument = argument};

    list_sockets_of(generation, &search.held, &search.count);
    visit_held(&search);
}

int for_each_listener_of(pid_t pid, void (*visit)(const struct listener *listener, void *argument),
                         void *argument)
{
    struct search search = {.visit = visit, .argument = argument};
    enum lookup found = list_sockets(pid, &search.held, &search.count);
    int error = errno;

    if (visit_held(&search) == -1)
        return -1;
    errno = error;
    return found == CANNOT_TELL ? -1 : 0;
}

/* Who may hold something, by where it stands among those that are asked about. */
struct holders {
    const struct search *search;
    struct pid_index index;
    bool *may;
};

static void note_holders(const struct listener *listener, void *argument)
{
    const struct holders *holders = argument;
    const struct open_socket key = {.inode = listener->inode};
    const struct open_socket *first = holders->search->held;
    const struct open_socket *end = first + holders->search->count;
    const struct open_socket *at =
        bsearch(&key, first, holders->search->count, sizeof key, compare);

    while (at > first && at[-1].inode == key.inode)
        at--;
    for (; at < end && at->inode == key.inode; at++)
        holders->may[position_of(&holders->index, at->pid)] = true;
}

void may_hold_listeners(const pid_t *pids, size_t count, bool *may)
{
    struct search search = {.visit = note_holders};
    struct holders holders = {.search = &search, .may = may};

    search.argument = &holders;
    for (size_t i = 0; i < count; i++) {
        add_position(&holders.index, pids[i], i);
        may[i] = list_sockets(pids[i], &search.held, &search.count) != IS_THERE;
    }
    if (visit_held(&search) == -1)
        memset(may, true, count * sizeof *may);
    free_index(&holders.index);
}
