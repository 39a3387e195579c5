/*
 * While an upgrade lasts, the helper's copies keep the accept queues alive and
 * remember how each listener was, in case the new generation changes it and
 * then fails.
 */
#include "inheritance.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../preload/socket_options.h"
#include "memory.h"

/* tcp(7) TCP_INFO of a listener: "unacked" is its queue's length, "sacked" its limit. */
static struct tcp_info queue_of(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    memset(&info, 0, sizeof info);
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info;
}

void inherit(struct inheritance *inheritance, const struct message *message, pid_t from, int fd)
{
    struct inherited *new;

    if (find_inherited(inheritance, message->inode)) {
        close(fd);
        return;
    }
    inheritance->item = grow(inheritance->item, inheritance->count + 1, sizeof *inheritance->item);
    new = &inheritance->item[inheritance->count++];
    memset(new, 0, sizeof *new);
    new->fd = fd;
    new->inode = message->inode;
    new->from = from;
    new->order = message->order;
    new->key = message->key;
    new->status_flags = message->status_flags;
    new->backlog = (int)queue_of(fd).tcpi_sacked;
    new->options = socket(new->key.family, new->key.type | SOCK_CLOEXEC, new->key.protocol);
    if (new->options != -1)
        copy_socket_options(fd, new->options);
}

/* The k-th bind to an address gets the k-th socket: in the order in which they were bound. */
static bool comes_before(const struct inherited *one, const struct inherited *other)
{
    return one->from != other->from ? one->from < other->from : one->order < other->order;
}

struct inherited *claim(struct inheritance *inheritance, const struct listener_key *key)
{
    struct inherited *best = NULL;

    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];

        if (!item->claimed && memcmp(&item->key, key, sizeof *key) == 0 &&
            (!best || comes_before(item, best)))
            best = item;
    }
    if (best)
        best->claimed = true;
    return best;
}

struct inherited *find_inherited(struct inheritance *inheritance, uint64_t inode)
{
    for (size_t i = 0; i < inheritance->count; i++)
        if (inheritance->item[i].inode == inode)
            return &inheritance->item[i];
    return NULL;
}

bool fully_claimed(const struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        if (!inheritance->item[i].listening)
            return false;
    return true;
}

void restore_listeners(const struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++) {
        const struct inherited *item = &inheritance->item[i];

        fcntl(item->fd, F_SETFL, item->status_flags);
        if (item->options != -1)
            copy_socket_options(item->options, item->fd);
        listen(item->fd, item->backlog); /* listen(2) again changes the limit alone */
    }
}

size_t hush_unclaimed(const struct inheritance *inheritance)
{
    struct sock_filter drop_all = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &drop_all};
    size_t waiting = 0;

    for (size_t i = 0; i < inheritance->count; i++) {
        const struct inherited *item = &inheritance->item[i];

        if (item->claimed)
            continue;
        setsockopt(item->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
        waiting += queue_of(item->fd).tcpi_unacked;
    }
    return waiting;
}

void release(struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++) {
        close(inheritance->item[i].fd);
        if (inheritance->item[i].options != -1)
            close(inheritance->item[i].options);
    }
    free(inheritance->item);
    *inheritance = (struct inheritance){NULL, 0};
}

const char *address_text(const struct inherited *inherited, char text[80])
{
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof bound;
    char host[INET6_ADDRSTRLEN] = "?";

    strcpy(text, "?");
    if (getsockname(inherited->fd, (struct sockaddr *)&bound, &length) == -1)
        return text;
    if (bound.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&bound)->sin6_addr, host, sizeof host);
    else
        inet_ntop(AF_INET, &((struct sockaddr_in *)&bound)->sin_addr, host, sizeof host);
    snprintf(text, 80, bound.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)endpoint_of(inherited).port);
    return text;
}

struct endpoint endpoint_of(const struct inherited *inherited)
{
    struct sockaddr_in6 bound; /* the port stands at the same place in both families */
    socklen_t length = sizeof bound;

    memset(&bound, 0, sizeof bound);
    getsockname(inherited->fd, (struct sockaddr *)&bound, &length);
    return (struct endpoint){bound.sin6_family, ntohs(bound.sin6_port)};
}
