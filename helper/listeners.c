#include "listeners.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "family.h"
#include "generation.h"
#include "internet_sockets.h"
#include "procfile.h"
#include "unix_sockets.h"

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

static bool is_held(const struct search *search, unsigned long long inode)
{
    const struct open_socket key = {.inode = inode};

    return bsearch(&key, search->held, search->count, sizeof key, compare) != NULL;
}

static bool visit_internet(const struct inet_diag_msg *socket, void *argument)
{
    const struct search *search = argument;
    struct listener listener = {.inode = socket->idiag_inode, .kind = search->kind, .limit = -1};
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6 = socket->idiag_family == AF_INET6;

    if (!is_held(search, socket->idiag_inode))
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

static bool visit_unix(const struct unix_socket *socket, void *argument)
{
    const struct search *search = argument;
    struct listener listener = {.inode = socket->inode, .kind = unix_kind(socket), .limit = -1};
    bool abstract = socket->name[0] == '\0';

    if (!is_held(search, socket->inode) || socket->name_length == 0 ||
        (!socket->listens && socket->type != SOCK_DGRAM))
        return true;
    snprintf(listener.address, sizeof listener.address, "%s%.*s", abstract ? "@" : "",
             (int)socket->name_length - abstract, socket->name + abstract);
    listener.queue = socket->queue;
    if (socket->listens)
        listener.limit = socket->backlog;
    search->visit(&listener, search->argument);
    return true;
}

/* Visits those of the sockets in `held` that serve clients, and frees it. */
static void visit_held(struct search *search)
{
    /* an unconnected UDP socket is in this state: "established" is one that has been connected */
    static const uint32_t unconnected = 1u << TCP_CLOSE;
    static const int families[] = {AF_INET, AF_INET6};

    if (search->count == 0)
        return;
    qsort(search->held, search->count, sizeof *search->held, compare);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        search->kind = "tcp";
        for_each_internet_socket(families[i], IPPROTO_TCP, 1u << TCP_LISTEN, 0, visit_internet,
                                 search);
        search->kind = "udp";
        for_each_internet_socket(families[i], IPPROTO_UDP, unconnected, 0, visit_internet, search);
    }
    for_each_unix_socket(visit_unix, search);
    free(search->held);
}

void for_each_listener(const struct generation *generation,
                       void (*visit)(const struct listener *listener, void *argument),
                       void *argument)
{
    struct search search = {.visit = visit, .argument = argument};

    list_sockets_of(generation->number, &search.held, &search.count);
    visit_held(&search);
}

void for_each_listener_of(pid_t pid, void (*visit)(const struct listener *listener, void *argument),
                          void *argument)
{
    struct search search = {.visit = visit, .argument = argument};

    list_sockets(pid, &search.held, &search.count);
    visit_held(&search);
}

static void note_found(const struct listener *listener, void *argument)
{
    bool *found = argument;

    (void)listener;
    *found = true;
}

bool may_hold_listener(pid_t pid)
{
    bool found = false;
    struct search search = {.visit = note_found, .argument = &found};

    if (list_sockets(pid, &search.held, &search.count) == -1)
        found = true;
    visit_held(&search);
    return found;
}
