/*
 * While an upgrade lasts, the helper's copies keep the accept queues alive and
 * remember how each listener was, in case the new generation changes it and
 * then fails.
 */
#include "inheritance.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../preload/keys.h"
#include "../preload/socket_options.h"
#include "activation.h"
#include "memory.h"
#include "replacements.h"
#include "unix_sockets.h"

struct queue {
    bool known;
    size_t length;
    int limit;
};

/* SO_MEMINFO, Linux 4.12: what the datagrams that nobody has read take, in bytes. */
static struct queue queue_of_datagrams(const struct inherited *item)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof memory;

    if (getsockopt(item->fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == -1)
        return (struct queue){false, 0, 0};
    return (struct queue){true, memory[SK_MEMINFO_RMEM_ALLOC], -1};
}

/* tcp(7) TCP_INFO of a listener: "unacked" is its queue's length, "sacked" its limit. */
static struct queue queue_of(const struct inherited *item)
{
    struct tcp_info info = {0};
    struct unix_socket local;
    socklen_t length = sizeof info;

    if (item->key.family == AF_UNIX) {
        if (find_unix_socket(item->inode, &local))
            return (struct queue){true, local.queue, local.listens ? (int)local.backlog : -1};
    } else if (item->key.type == SOCK_DGRAM) {
        return queue_of_datagrams(item);
    } else if (getsockopt(item->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0) {
        return (struct queue){true, info.tcpi_unacked, (int)info.tcpi_sacked};
    }
    return (struct queue){false, 0, 0};
}

/* A path is where the old generation saw it; its file is the same for everybody. */
static void identify_file(struct inherited *item)
{
    const size_t start = offsetof(struct sockaddr_un, sun_path);
    struct unix_socket local;

    if (item->key.family == AF_UNIX && item->key.address_length > start &&
        item->key.address[start] > UNIX_FILE_MARK && find_unix_socket(item->inode, &local) &&
        local.has_file)
        set_file_identity(&item->key, local.device, local.file);
}

void inherit(struct inheritance *inheritance, const struct message *message, pid_t from, int fd)
{
    struct inherited *new;
    struct queue queue;

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
    identify_file(new);
    queue = queue_of(new);
    new->backlog = queue.known ? queue.limit : -1;
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

bool partly_claimed(const struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        if (inheritance->item[i].claimed)
            return true;
    return false;
}

void restore_listeners(const struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++) {
        const struct inherited *item = &inheritance->item[i];

        fcntl(item->fd, F_SETFL, item->status_flags);
        if (item->options != -1)
            copy_socket_options(item->options, item->fd);
        /* listen(2) again would make the credentials that unix(7) clients see ours */
        if (item->backlog != -1 && queue_of(item).limit != item->backlog)
            listen(item->fd, item->backlog);
    }
}

/* What the service manager opened outlives us: clients wait there for the next start. */
static bool is_leftover(const struct inherited *item)
{
    return !item->claimed && !is_activated(item->inode);
}

struct inheritance take_leftovers(struct inheritance *inheritance)
{
    struct inheritance leftovers = {NULL, 0};
    size_t kept = 0;

    for (size_t i = 0; i < inheritance->count; i++) {
        const struct inherited *item = &inheritance->item[i];

        if (!is_leftover(item)) {
            inheritance->item[kept++] = *item;
            continue;
        }
        leftovers.item = grow(leftovers.item, leftovers.count + 1, sizeof *leftovers.item);
        leftovers.item[leftovers.count++] = *item;
    }
    inheritance->count = kept;
    return leftovers;
}

/* Datagrams need no permission: whoever sends them does not know of us. */
static void let_nobody_in(const struct inherited *item)
{
    /* drop what asks for a new connection (SYN without ACK), let handshakes complete */
    struct sock_filter drop_syn[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), /* the flags of a TCP header */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {sizeof drop_syn / sizeof *drop_syn, drop_syn};

    if (item->key.family != AF_UNIX && item->key.type != SOCK_DGRAM &&
        (item->key.protocol == IPPROTO_SCTP ||
         setsockopt(item->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == -1))
        bind_to_no_interface(item->fd);
}

/* With SO_REUSEPORT, another one may go on where this one ends. */
static bool has_claimed_twin(const struct inherited *item, const struct inheritance *others)
{
    for (size_t i = 0; i < others->count; i++)
        if (others->item[i].claimed &&
            memcmp(&others->item[i].key, &item->key, sizeof item->key) == 0)
            return true;
    return false;
}

size_t hush_leftovers(const struct inheritance *inheritance, const struct inheritance *claimed)
{
    size_t open = 0;

    for (size_t i = 0; i < inheritance->count; i++) {
        const struct inherited *item = &inheritance->item[i];

        if (!is_leftover(item))
            continue;
        if (claimed && has_claimed_twin(item, claimed))
            open++;
        else
            let_nobody_in(item);
    }
    return open;
}

size_t queued_on_leftovers(const struct inheritance *inheritance)
{
    size_t waiting = 0;

    for (size_t i = 0; i < inheritance->count; i++)
        if (is_leftover(&inheritance->item[i]))
            waiting += queue_of(&inheritance->item[i]).length;
    return waiting;
}

bool is_left_over(struct inheritance *inheritance, uint64_t inode)
{
    const struct inherited *item = find_inherited(inheritance, inode);

    return item && is_leftover(item);
}

static int reuse_of(const struct inherited *item)
{
    int value = 0;
    socklen_t length = sizeof value;

    getsockopt(item->fd, SOL_SOCKET, SO_REUSEADDR, &value, &length);
    return value;
}

void allow_second_senders(struct inheritance *inheritance)
{
    int yes = 1;

    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];

        item->reusable = reuse_of(item) != 0;
        if (item->key.type == SOCK_DGRAM)
            setsockopt(item->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    }
}

void forbid_second_senders(struct inheritance *inheritance)
{
    int no = 0;

    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];

        if (item->key.type == SOCK_DGRAM && !item->reusable)
            setsockopt(item->fd, SOL_SOCKET, SO_REUSEADDR, &no, sizeof no);
    }
}

size_t queued(const struct inheritance *inheritance)
{
    size_t waiting = 0;

    for (size_t i = 0; i < inheritance->count; i++)
        if (inheritance->item[i].claimed && inheritance->item[i].key.type != SOCK_DGRAM)
            waiting += queue_of(&inheritance->item[i]).length;
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

/* The address that a socket is bound to, whatever its family. */
union bound_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6; /* the port stands where it does in v4 */
    struct sockaddr_un local;
};

static socklen_t bound_address_of(const struct inherited *inherited, union bound_address *bound)
{
    socklen_t length = sizeof *bound;

    memset(bound, 0, sizeof *bound);
    return getsockname(inherited->fd, &bound->any, &length) == -1 ? 0 : length;
}

static void internet_text(const union bound_address *bound, char text[ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6 = bound->any.sa_family == AF_INET6;
    const void *address = &bound->v4.sin_addr;

    if (v6)
        address = &bound->v6.sin6_addr;
    inet_ntop(v6 ? AF_INET6 : AF_INET, address, host, sizeof host);
    snprintf(text, ADDRESS_TEXT, v6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)ntohs(bound->v4.sin_port));
}

const char *address_text(const struct inherited *inherited, char text[ADDRESS_TEXT])
{
    union bound_address bound;
    socklen_t length = bound_address_of(inherited, &bound);
    size_t start = offsetof(struct sockaddr_un, sun_path);

    if (length <= start)
        strcpy(text, "?");
    else if (bound.any.sa_family != AF_UNIX)
        internet_text(&bound, text);
    else if (bound.local.sun_path[0] == '\0')
        snprintf(text, ADDRESS_TEXT, "unix:@%.*s", (int)(length - start - 1),
                 bound.local.sun_path + 1);
    else
        snprintf(text, ADDRESS_TEXT, "unix:%.*s", (int)sizeof bound.local.sun_path,
                 bound.local.sun_path);
    return text;
}

static struct endpoint endpoint_at(const union bound_address *bound)
{
    struct endpoint endpoint = {.family = bound->any.sa_family};

    if (endpoint.family == AF_UNIX)
        memcpy(endpoint.name, bound->local.sun_path, sizeof endpoint.name);
    else
        endpoint.port = ntohs(bound->v6.sin6_port);
    return endpoint;
}

struct endpoint endpoint_of(const struct inherited *inherited)
{
    union bound_address bound;

    bound_address_of(inherited, &bound);
    return endpoint_at(&bound);
}

struct endpoint endpoint_of_key(const struct listener_key *key)
{
    union bound_address bound;

    memcpy(&bound, key->address, sizeof bound);
    return endpoint_at(&bound);
}

bool same_endpoint(const struct endpoint *one, const struct endpoint *other)
{
    return one->family == other->family && one->port == other->port &&
           memcmp(one->name, other->name, sizeof one->name) == 0;
}
